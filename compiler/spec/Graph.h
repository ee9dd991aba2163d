// Stage 5: blocks and entries become flat lists of nodes.
#pragma once

#include "compiler/spec/BindWeights.h"
#include "dialects/llm/OpRegistry.h"

namespace sluice::spec {

class GraphBuilder {
public:
  GraphBuilder(const SpecFile &file, ConfigScope &config,
               const WeightBinder &weights, Model &model,
               Diagnostics &diagnostics)
      : file_(file), config_(config), weights_(weights), model_(model),
        diagnostics_(diagnostics) {}

  void build(const BindOptions &options);

private:
  // A block (or entry) while its nodes are being built.
  struct Frame {
    const SpecFile *file = nullptr;
    ConfigScope *config = nullptr;
    const BlockDecl *block = nullptr; // null in an entry
    std::string path;                 // "layer", for node names
    std::map<std::string, Value> params;
    std::map<std::string, ValueId> names;
    std::set<std::string> absent; // optional inputs that were not given
    // Names of what the runtime says of the tokens that come in one step.
    std::set<std::string> prefixes;
    // What a call says that the block's own names of its scope mean.
    std::map<std::string, WeightRef> weights;
    std::map<std::string, StateRef> states;
    // By a false `when`: its text and the values of its names.
    std::map<std::string, std::string> removed;
    Scope scope;
    std::vector<Location> calls;
    std::vector<std::string> chain; // notes of errors, innermost first
    std::vector<const BlockDecl *> stack;

    void bind(const std::string &name, ValueId id) {
      names[name] = id;
      prefixes.erase(name);
    }
  };
  class FrameEnv final : public Env {
  public:
    FrameEnv(GraphBuilder &builder, Frame &frame)
        : builder_(builder), frame_(frame) {}
    bool lookup(const std::string &name, Value &value,
                std::string &error) override;
    bool has(const std::string &name, bool &value, std::string &error) override;
    bool given(const std::string &name, bool &value,
               std::string &error) override;
    Work &work() override { return frame_.config->work(); }

  private:
    GraphBuilder &builder_;
    Frame &frame_;
  };
  struct Sink {
    std::vector<Node> &nodes;
    int &next;
    std::map<int, StateRef> &handles; // values that read a state
    ValueId fresh() { return {next++}; }
  };
  struct Callee {
    const SpecFile *file = nullptr;
    ConfigScope *config = nullptr;
    const BlockDecl *block = nullptr;
  };

  void entry(const EntryDecl &decl);
  // Whether the checkpoint has the entry; nothing if its `when` is wrong.
  std::optional<bool> isPresent(const EntryDecl &decl);
  Frame frameOf(const EntryDecl &decl);
  bool entryParams(const EntryDecl &decl, Entry &out, FrameEnv &env);
  bool inputShape(const InputDecl &decl, EntryInput &out, FrameEnv &env);
  bool nodes(const std::vector<NodeDecl> &decls, Frame &frame, Sink sink);
  bool node(const NodeDecl &decl, Frame &frame, Sink sink);
  bool op(const NodeDecl &decl, Frame &frame, Sink sink);
  bool operands(const llm::OpInfo &info, const NodeDecl &decl, Frame &frame,
                std::vector<std::pair<std::string, Operand>> &out);
  bool primary(const llm::OpInfo &info, const Data &data, Frame &frame,
               std::vector<std::pair<std::string, Operand>> &out);
  bool slot(const llm::OpInfo &info, const llm::Slot &slot, const Data &data,
            Frame &frame, std::optional<Operand> &out);
  bool attribute(const llm::OpInfo &info, const llm::Slot &slot,
                 const Data &data, Frame &frame, std::optional<Operand> &out);
  bool graphValue(const Data &data, Frame &frame, Operand &out);
  bool field(const llm::OpInfo &info, const NodeDecl &decl, const ArgDecl &arg,
             Frame &frame, std::vector<std::pair<std::string, Operand>> &out);
  bool finishOp(const llm::OpInfo &info, const NodeDecl &decl, Frame &frame,
                std::vector<std::pair<std::string, Operand>> slots, Sink sink);
  bool trackState(const llm::OpInfo &info, const NodeDecl &decl, Frame &frame,
                  const StateRef &ref);
  bool masksReach(const NodeDecl &decl, const Frame &frame,
                  const std::vector<std::pair<std::string, Operand>> &slots,
                  const Sink &sink);
  bool anchors(const EntryDecl &decl, Entry &out, FrameEnv &env);
  bool stepsAgree(const NodeDecl &decl, const Frame &frame, const Mask &mask,
                  const State *state);
  bool mask(const Data &data, Frame &frame, Mask &out);
  bool maskTerm(const Data &data, Frame &frame, Mask &out);
  bool maskArgument(const Data &data, Frame &frame, bool rows, MaskTerm &term,
                    bool &absent);
  bool maskNumbers(const Data &data, Frame &frame, const std::string &name,
                   std::vector<int64_t> &numbers, bool &absent);
  bool maskBlocks(const Data &data, Frame &frame,
                  std::vector<int64_t> &numbers);
  bool maskAny(const Data &data, Frame &frame, Mask &out, bool &absent);

  bool call(const NodeDecl &decl, Frame &frame, Sink sink);
  // The nodes of the block, in place; inputs named in `carried` take that.
  bool inlined(const NodeDecl &decl, Frame &frame, FrameEnv &env, Sink sink,
               const std::map<std::string, ValueId> &carried,
               std::map<std::string, ValueId> &returns);
  bool repeat(const NodeDecl &decl, Frame &frame, Sink sink);
  bool repeatTimes(const NodeDecl &decl, Frame &frame, Sink sink);
  // What the calls of a repeat hand on from one to the next.
  struct Carried {
    std::map<std::string, int> returns; // of the call before, by name
    std::map<int, StateRef> handles;    // those of them that read a state
    size_t count = 0;
  };
  bool repeatCall(const NodeDecl &decl, Frame &frame, FrameEnv &env,
                  const Scope &scope, int64_t index, const Sink &sink,
                  Carried &carried, Repeat &out);
  bool experts(const NodeDecl &decl, Frame &frame, Sink sink);
  bool callee(const NodeDecl &decl, Frame &frame, FrameEnv &env, Callee &out);
  bool findBlock(const NodeDecl::Choice &choice, Frame &frame, Callee &out);
  bool enter(const NodeDecl &decl, Frame &frame, FrameEnv &env,
             const Callee &callee, Frame &inner,
             const std::set<std::string> &reserved);
  bool checkArguments(const NodeDecl &decl, Frame &frame,
                      const std::set<std::string> &reserved);
  // The inputs that are given, in the block's order; the others become absent
  // in `inner`.
  using Arguments = std::vector<std::pair<std::string, ValueId>>;
  bool arguments(const NodeDecl &decl, Frame &frame, const BlockDecl &block,
                 Frame &inner, Arguments &out);
  // What `decl` says of the weights and states that the block takes.
  bool renamed(const NodeDecl &decl, const Frame &frame, const BlockDecl &block,
               Frame &inner);
  // `handles`: the inputs that read a state.
  bool body(const Callee &callee, Frame &inner, const Arguments &inputs,
            std::map<int, StateRef> &handles, Body &out);
  bool bindResults(const NodeDecl &decl, Frame &frame, size_t count);
  bool scopeOf(const Template &text, Frame &frame, FrameEnv &env, Scope &out);
  bool findGroup(const std::string &name, Frame &frame,
                 const Location &location, Scope &out);

  bool lookup(const Scalar &word, Frame &frame, ValueId &out);
  // The weight or state that a name means in a frame, there or not.
  WeightRef weightOf(const std::string &name, const Frame &frame) const;
  StateRef stateOf(const std::string &name, const Frame &frame) const;
  bool findWeight(const std::string &name, Frame &frame,
                  const Location &location, WeightRef &out);
  bool findState(const std::string &name, Frame &frame,
                 const Location &location, StateRef &out);
  bool error(const Frame &frame, const Location &location,
             const std::string &message);
  // Counts what is made of the graph, down to calls and operands.
  bool grow(const Frame &frame, const Location &location, size_t by = 1);

  void reportUnused(bool skipped);
  void prune(const BindOptions &options);
  void collectUsed(const std::vector<Node> &nodes, std::set<WeightRef> &weights,
                   std::set<StateRef> &states) const;

  const SpecFile &file_;
  ConfigScope &config_;
  const WeightBinder &weights_;
  Model &model_;
  Diagnostics &diagnostics_;
  // Far more than any model has.
  static constexpr size_t maxNodes = 50000;

  const EntryDecl *entry_ = nullptr;
  size_t made_ = 0;
  std::set<StateRef> written_; // in this entry
  std::set<StateRef> everWritten_;
  std::map<StateRef, Location> everRead_;
};

} // namespace sluice::spec
