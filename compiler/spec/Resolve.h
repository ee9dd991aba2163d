// Stage 2: every name in a spec means something.
#pragma once

#include "compiler/spec/Names.h"
#include "compiler/spec/PathSet.h"
#include "compiler/spec/SpecFile.h"
#include "dialects/llm/OpRegistry.h"

#include <set>

namespace sluice::spec {

// `$name`s, blocks, ops, slots and arguments of the file and its libraries.
void resolveNames(const SpecFile &file, Diagnostics &diagnostics);

class NameResolver {
public:
  NameResolver(const SpecFile &file, Diagnostics &diagnostics);

  void run();

private:
  using Names = std::vector<std::string>;
  // What a `$name` may be at some place, besides the file's parameters.
  struct Visible {
    const std::set<std::string> *params = nullptr;  // of the block
    const std::set<std::string> *indices = nullptr; // of any group
    const BlockDecl *block = nullptr; // whose inputs given() asks about
    Names bound;                      // by the `each`es around

    bool contains(const std::string &name) const;
    Names all() const;
  };

  // Tables (Resolve.cpp).
  void collectParams(const SpecFile &file, const std::string &prefix);
  void collectGroup(const ConfigGroup &group, const std::string &prefix);
  void collectWeights(const WeightGroup &group, const std::string &prefix);
  void collectStates(const StateGroup &group, const std::string &prefix);
  void config(const ConfigGroup &group);
  void weights(const WeightGroup &group, Visible visible);
  void weightLeaf(const WeightLeaf &leaf, const Visible &visible);
  void source(const SourceDecl &decl, Visible visible);
  void states(const StateGroup &group, Visible visible);
  void check(const Data &data, const Visible &visible);
  void check(const Scalar &scalar, const Visible &visible);
  void check(const Template &text, const Visible &visible);
  void check(const PerFormat<Alternatives> &names, const Visible &visible);
  // What may have been meant by a name; `known` is asked only if it is shown.
  template <typename Fn>
  std::string hint(const std::string &wrong, Fn known) const {
    return diagnostics_.full() ? std::string() : suggest(wrong, known());
  }
  void ref(const Scalar &scalar, const Expr &expr, const Visible &visible);
  void has(const Scalar &scalar, const Expr &expr);
  void given(const Scalar &scalar, const Expr &expr, const Visible &visible);

  // Blocks (ResolveBlocks.cpp).
  struct Bound {
    Location location;
    bool input = false;
  };
  struct Flow {
    const BlockDecl *block = nullptr; // null in an entry
    std::set<std::string> params;
    Visible visible;
    // The names of a block or entry, with the bindings that nothing used yet.
    std::map<std::string, std::vector<Bound>> names;
  };
  void block(const BlockDecl &block);
  void entry(const EntryDecl &entry);
  void node(const NodeDecl &node, Flow &flow);
  void op(const NodeDecl &node, Flow &flow);
  void slot(const llm::OpInfo &info, const llm::Slot &slot, const Data &data,
            Flow &flow);
  void call(const NodeDecl &node, Flow &flow);
  void scopeArgument(const ArgDecl &arg, bool isWeight, const Flow &flow);
  void callArguments(const NodeDecl &node,
                     const std::set<const BlockDecl *> &blocks, bool complete,
                     const Visible &inside, Flow &flow);
  const BlockDecl *callee(const NodeDecl::Choice &choice);
  void matchWords(const NodeDecl &node);
  void graphValue(const Data &data, Flow &flow);
  void mask(const Data &data, Flow &flow);
  void useName(const std::string &name, const Location &location, Flow &flow);
  void weightName(const std::string &name, const Location &location,
                  const Flow &flow);
  void stateName(const std::string &name, const Location &location,
                 const Flow &flow);
  void bindResults(const NodeDecl &node, Flow &flow);
  void unused(const std::string &name, const std::vector<Bound> &bounds);
  void mayLeave(const std::string &input, const Location &location,
                const std::vector<NodeDecl> &nodes, Flow &flow);
  void finish(Flow &flow);
  void recursion();
  void neverCalled();
  bool recursive(const BlockDecl &block, std::vector<const BlockDecl *> &stack,
                 std::set<const BlockDecl *> &done);

  const SpecFile &file_;
  Diagnostics &diagnostics_;
  Names params_; // in full
  std::set<std::string> paramSet_;
  PathSet leaves_, groups_; // paths of weights
  PathSet states_;
  std::set<std::string> indices_; // that some `each` binds
  std::map<std::string, const ParamDecl *> decls_;
  std::set<std::string> called_;
  std::set<std::string> listed_; // weights that blocks say they take
};

} // namespace sluice::spec
