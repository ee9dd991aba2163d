// Stage 4: weights and states against the checkpoint's headers.
#pragma once

#include "compiler/spec/BindConfig.h"
#include "compiler/spec/Transforms.h"

#include <functional>

namespace sluice::spec {

// Where a name is looked up: a group instance. The root is {"", -1}.
struct Scope {
  std::string path;
  int64_t index = -1;

  std::string child(const std::string &name) const {
    return path.empty() ? name : path + "." + name;
  }
};

// Binds an index for the time of a scope.
class BoundIndex {
public:
  BoundIndex(Env &env, const std::string &name, int64_t value) : env_(env) {
    env.indices.emplace_back(name, value);
  }
  ~BoundIndex() { env_.indices.pop_back(); }

private:
  Env &env_;
};

// "layers[3].q"
std::string printRef(const std::string &path, int64_t index);

class WeightBinder {
public:
  WeightBinder(const SpecFile &file, const checkpoint::Checkpoint &checkpoint,
               Diagnostics &diagnostics);

  // Tensors to pass over besides those of `ignore`.
  void passOver(const std::vector<std::string> &tensors) { passed_ = tensors; }

  // Before anything else: what has() and the tables are evaluated in.
  void attach(ConfigScope &config) { config_ = &config; }

  // has() of parameters: whether the weight at this path is in the file.
  bool has(const std::string &path, bool &value, std::string &error);

  // Fills `model.weights` and `model.states`; reports unused tensors.
  void bind(ConfigScope &config, Model &model);

  // The state table, whose groups may also be repeated over.
  void bindStates(ConfigScope &config, Model &model);

  struct Group {
    int64_t count = -1; // instances, -1 for a group without `each`
    std::string index;  // the name that `each` binds
  };
  // Null if there is no such group in this checkpoint.
  const Group *group(const std::string &path) const;
  // Weights whose tensors are in the checkpoint, not those that are aliases.
  bool isPresent(const WeightRef &ref) const { return present_.count(ref); }
  // has() of a group in the graph: whether the checkpoint holds a weight of it,
  // for `index` -1 in any of its instances.
  bool holdsGroup(const WeightRef &ref) const;
  const std::vector<std::string> &groupPaths() const { return groupPaths_; }
  // All declared leaves, for suggestions.
  const std::vector<std::string> &leafPaths() const { return leafPaths_; }

private:
  // Where a group or leaf stands while the tables are walked.
  struct Place {
    ConfigScope &env;
    Scope scope;
    std::string prefix; // of tensor names, for the checkpoint's format
    bool optional = false;
  };
  // Tensors of one alternative, names complete.
  struct Tensor {
    std::string weight, bias, scales;
    const SourceDecl *decl = nullptr;
  };
  struct Chosen {
    const SourceDecl *decl = nullptr;
    std::vector<Tensor> tensors;
  };
  enum class BiasMode { None, Required, Optional };

  // Counts the instances of a table; false when there are too many.
  bool grow(const Location &location);
  void walkLibraries(const SpecFile &file, ConfigScope &config,
                     const std::string &path);
  void walk(const WeightGroup &group, Place place);
  void walkInstance(const WeightGroup &group, const Place &place);
  void leaf(const WeightLeaf &leaf, const Place &place);
  bool sameAs(const WeightLeaf &leaf, const Place &place, bool &done);
  void bindAlias(const WeightLeaf &leaf, const Place &place,
                 const AliasDecl &alias);
  void bindPlain(const WeightLeaf &leaf, const Place &place,
                 const Chosen &chosen, BiasMode mode);
  void bindParts(const WeightLeaf &leaf, const Place &place,
                 const Chosen &chosen, BiasMode mode);
  bool partTransforms(const WeightLeaf::Part &part, const Place &place,
                      Shape &shape, std::vector<Transform> &out);
  bool separatePart(const WeightLeaf &leaf, const Place &place,
                    const Chosen &chosen, BiasMode mode, Weight &weight,
                    Chosen &own);
  bool ownBiasWanted(const WeightLeaf &leaf, ConfigScope &env);
  void explicitBias(const WeightLeaf &leaf, const Place &place,
                    const Weight &weight, const std::vector<Transform> &rows);
  void addBias(const WeightLeaf &leaf, const Place &place, const Weight &weight,
               const Chosen &chosen, Shape full);
  std::optional<std::string> tiedTo(const WeightGroup &group, ConfigScope &env,
                                    const std::string &prefix,
                                    const std::string &path,
                                    const std::string &name);
  // `bias` names the bias of `owner`, if it is that which is missing.
  void missing(const WeightLeaf &owner, const Place &place,
               const WeightLeaf *bias = nullptr);
  void reportMissing();
  void add(const WeightLeaf &leaf, Weight weight, bool present);

  std::optional<std::string> prefixOf(const WeightGroup &group, Place &place);
  bool anyExists(const WeightGroup &group, ConfigScope &env,
                 const std::string &prefix, int depth);
  bool anyInstance(const WeightGroup &group, ConfigScope &env,
                   const std::function<bool()> &says);
  // Whether the checkpoint holds something of a group; `place` is around it.
  bool groupThere(const WeightGroup &group, const Place &place, int depth);
  // The same of one instance, with the prefix of its names.
  bool instanceThere(const WeightGroup &group, const Place &place, int depth);
  bool leafExists(const WeightLeaf &leaf, ConfigScope &env,
                  const std::string &prefix, bool complete);
  bool ownBias(const WeightLeaf &leaf) const;
  std::optional<BiasMode> biasMode(const WeightLeaf &leaf, Env &env);
  bool biasExists(const WeightLeaf &leaf, ConfigScope &env,
                  const std::string &prefix);
  std::optional<Chosen> choose(const WeightLeaf &leaf, const Place &place,
                               BiasMode mode, bool &failed);
  bool expandSource(const SourceDecl &decl, Env &env, const std::string &prefix,
                    BiasMode mode, std::vector<Tensor> &out);
  bool complete(const std::vector<Tensor> &tensors, BiasMode mode) const;
  bool sameBytes(const Chosen &one, const Chosen &other) const;
  void passOver(const Chosen &chosen, const WeightLeaf &leaf);
  bool exists(const std::string &tensor) const;

  // Builds the source of one weight or bias and its shape in the file.
  bool buildSource(const Chosen &chosen, const Place &place, bool bias,
                   size_t rowAxis, Source &source, Shape &shape);
  bool addTensor(const Tensor &tensor, TensorPart part, bool stack, size_t axis,
                 Source &source, Shape &shape);
  bool transforms(const std::vector<TransformDecl> &apply, Env &env,
                  bool biasOnly, std::vector<Transform> &out);
  std::optional<Shape> declaredShape(const std::vector<Data> &shape, Env &env);
  bool compare(const WeightLeaf &leaf, const Place &place,
               const Shape &declared, const Shape &found,
               const std::string &tensor);
  bool rowSelect(const WeightLeaf &leaf, const Place &place,
                 const SourceDecl &source, std::vector<RowSelect> &out,
                 Shape &full);
  void use(const std::string &tensor, const WeightLeaf &leaf,
           const std::string &path);
  // Tensors with their scales.
  void use(const std::vector<Tensor> &tensors, const WeightLeaf &leaf,
           const std::string &path);
  void readIgnored(const SpecFile &file, ConfigScope &config);
  void readPassed();
  void reportUnused();
  void checkAliases();
  bool isIgnored(const std::string &tensor) const;

  void walkStates(const StateGroup &group, ConfigScope &env, Scope scope);
  void walkStateChildren(const StateGroup &group, ConfigScope &env,
                         const Scope &scope);
  void state(const StateLeaf &leaf, ConfigScope &env, const Scope &scope);
  bool start(const StateLeaf &leaf, const Scope &scope, State &out);
  bool declareGroup(const std::string &path, const Group &group,
                    const Location &location);

  bool findDeclared(const WeightGroup &group, ConfigScope &env,
                    const std::string &prefix, const std::string &path,
                    std::optional<bool> &value, int depth);

  const SpecFile &file_;
  const checkpoint::Checkpoint &checkpoint_;
  Diagnostics &diagnostics_;
  ConfigScope *config_ = nullptr;
  Model *model_ = nullptr;
  std::string format_;
  bool complete_ = true; // every group could be walked
  std::map<std::string, Group> groups_;
  std::vector<std::string> groupPaths_, leafPaths_;
  std::map<const WeightGroup *, size_t> prefixChoice_;
  // More than any model has, in one group and in all together.
  static constexpr int64_t maxInstances = 100000;
  int64_t instances_ = 0; // of the table being walked
  std::set<WeightRef> present_;
  std::set<WeightRef> there_; // groups of which the checkpoint holds something
  std::set<StateRef> states_;
  std::map<WeightRef, Location> bound_;
  struct Use {
    const WeightLeaf *leaf;
    std::string path;
  };
  std::map<std::string, Use> used_;
  // Leaves that the checkpoint lacks: of how many instances, and what to say.
  struct Missing {
    std::string message;
    int count = 0;
  };
  std::map<const WeightLeaf *, Missing> missing_;
  std::vector<const WeightLeaf *> missingOrder_;
  std::vector<std::string> ignorePatterns_, passed_;
  std::set<std::string> asking_; // has() in progress
};

} // namespace sluice::spec
