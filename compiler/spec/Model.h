// A spec bound to one checkpoint: every expression evaluated, every `when`
// decided, every name resolved. What the importer and the packer read.
#pragma once

#include "compiler/spec/Location.h"
#include "compiler/spec/Value.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace sluice::spec {

// `path` names a leaf of the weight tree ("layers.q"); `index` is the instance
// of its group ("each"), -1 outside of any.
struct WeightRef {
  std::string path;
  int64_t index = -1;
  friend auto operator<=>(const WeightRef &, const WeightRef &) = default;
};

// The same for a leaf of the tree of states.
struct StateRef {
  std::string path;
  int64_t index = -1;
  friend auto operator<=>(const StateRef &, const StateRef &) = default;
};

// One step from the file's tensor towards the graph's weight. Shapes are
// outermost axis first; `out` is the last axis but one (the last of a bias).
struct Transform {
  enum class Kind {
    Transpose, // swaps the last two axes
    Reshape,   // `shape`
    KernelAt,  // position `first` of each axis after [out, in], which go
    RopeRows,  // `heads`, `toHalf`, `dims` (0: all), `skip`
    Rows,      // rows first .. last-1
    Add,       // + number
    Mul,       // * number
    Neg,       // -x
    Exp,       // e^x
    UnitRows,  // each row divided by its L2 norm
    Round,     // to `type` (f16, bf16) and back
    Sinusoids, // [.., width] -> [.., `positions`]: products with sinusoids of
               // the base `number`
    SwapHeads, // rows [outer][inner][...] -> [inner][outer][...]
  };
  Kind kind = Kind::Transpose;
  std::vector<int64_t> shape;
  int64_t heads = 0, dims = 0, skip = 0; // rows of a head
  bool toHalf = true; // from adjacent pairs to halves, else back
  int64_t first = 0, last = 0;
  int64_t outer = 0, inner = 0;
  int64_t positions = 0;
  double number = 0;
  std::string type;
};

// One tensor of the file. `scales` and `format` are set for formats that keep
// their scales in a second tensor (mxfp4, fp8_block128).
struct TensorPart {
  std::string tensor; // as the file calls it
  std::string scales; // the second tensor; empty: none
  std::string format;
  std::vector<Transform> apply; // in this order
};

// The rows of a fused tensor that make one weight: `count` runs of `size` rows,
// the first at `offset`, one every `period` rows; of every expert's matrix
// when the tensor has a leading expert axis.
struct RowSelect {
  int64_t offset = 0, size = 0, period = 0, count = 0;
  // Of the fused tensor; no experts: 0.
  int64_t columns = 0, experts = 0;
};

// Where a weight comes from.
struct Source {
  // Random: a synthetic checkpoint, values are drawn for the final shape.
  enum class Kind { Tensors, Random } kind = Kind::Tensors;
  enum class Join {
    Concat,
    Stack
  } join = Join::Concat;           // along rows / new axis
  std::vector<TensorPart> tensors; // in the order in which they are joined
  std::vector<Transform> apply;    // after joining
  bool fused = false;              // `rows` selects, after `apply`
  RowSelect rows;
  std::vector<Transform> then; // after `rows`
};

// A bias is a weight of its own at "<path>.bias".
struct Weight {
  std::string path;
  int64_t index = -1;         // as in WeightRef
  std::vector<int64_t> shape; // as the graph sees it: [out, in], [N], ...
  bool experts = false;       // the leading axis counts experts
  bool keepF32 = false;       // never stored narrower
  std::string dtype; // of the (first) tensor in the file; empty if synthetic
  Source source;     // empty if aliasOf is set
  // This weight is that one (tied head); it may still have a bias of its own.
  std::string aliasOf;
  int64_t aliasIndex = -1;
  Location location; // of its declaration
};

// What a sequence keeps between steps, all f32.
struct State {
  std::string path;
  int64_t index = -1; // as in StateRef
  // A cache: "k" and "v", each [heads, width], or "k" alone. A fixed state:
  // "value".
  std::vector<std::pair<std::string, std::vector<int64_t>>> fields;
  int64_t keep = 0;               // only the last N rows (0: all)
  int64_t chunk = 0;              // emptied at multiples of N (0: never)
  bool full = false;              // begins with `keep` rows of zeros
  bool once = false;              // written by a `source` entry, then only read
  bool fixed = false;             // one tensor per sequence, not a cache
  double init = 0;                // fixed: every element before the first token
  std::optional<WeightRef> start; // fixed: holds this one's elements then
  Location location;
};

// A value of the graph; numbered from 0 within one Body or Entry.
struct ValueId {
  int id = -1;
  friend auto operator<=>(ValueId, ValueId) = default;
};

// A term of a mask, of a kind of llm::MaskKind: with the numbers, the value or
// the terms that the kind has.
struct MaskTerm {
  std::string kind;
  std::vector<int64_t> numbers;
  std::optional<ValueId> value;
  bool inOneStep = false; // prefix: the runtime hands over all of it at once
  std::vector<MaskTerm> terms;
};
// All terms must allow a key.
using Mask = std::vector<MaskTerm>;

// What stands in a slot of a node.
struct Operand {
  // Value covers attributes (numbers, words, lists of numbers); a list that
  // holds graph values (`add: [x, a]`) is a vector of operands.
  std::variant<ValueId, WeightRef, StateRef, Value, std::vector<Operand>, Mask>
      data;

  // Null if it is something else.
  template <typename T> const T *get() const { return std::get_if<T>(&data); }
};

struct Repeat;
struct Body;

// One op, or one call that stays a call.
struct Node {
  Location location;           // the op's key
  std::vector<Location> calls; // calls inlined around it, innermost first
  std::string name;            // "layer/q": where it was written
  std::string op;              // a word of the op registry, or "repeat"
  std::vector<ValueId> results;
  std::vector<std::pair<std::string, Operand>> slots; // the primary slot first
  std::unique_ptr<Repeat> repeat;                     // op == "repeat"
  std::unique_ptr<Body> body; // op == "experts": run on an expert's rows

  // Null if the node does not have it.
  const Operand *slot(const std::string &name) const {
    for (const auto &[slot, operand] : slots)
      if (slot == name)
        return &operand;
    return nullptr;
  }
};

// A block as one call sees it. Only `inputs` come from outside; in the body of
// `experts`, weights stand for one expert's slice (leading axis stripped).
struct Body {
  std::string block;
  Location location; // of the block
  std::vector<std::string> inputNames;
  std::vector<ValueId> inputs; // one per name
  std::vector<std::string> returnNames;
  std::vector<ValueId> returns; // one per name
  int valueCount = 0;           // ids are below this
  std::vector<Node> nodes;
};

// One call per index, in order. Input j of the first body takes args[j]; later
// bodies take the previous body's return carried[j], or args[j] if that is -1.
// The node's results are the last body's returns. The bodies of one repeat may
// have different blocks and inputs; `inputs`/`carried`/`args` are per body.
struct Repeat {
  struct Call {
    int64_t index = 0; // instance of the group
    Body body;
    std::vector<ValueId> args; // values of the enclosing body, per input
    std::vector<int> carried;  // per input: return of the previous call, or -1
  };
  std::string group; // "layers"
  std::vector<Call> calls;
};

struct EntryInput {
  std::string name;
  std::string type;           // tokens, positions, rows, ...
  std::vector<int64_t> shape; // rows: of each row
  std::string elem = "f32";   // rows: f32, i32 or bool
  bool optional = false;      // zeros if the caller leaves it out
  ValueId value;              // what the nodes know it as
  Location location;
};

// A graph that a caller can run.
struct Entry {
  std::string name;
  std::string kind; // generate, encode, embed, classify, fill, source
  Location location;
  std::vector<EntryInput> inputs;
  std::vector<std::pair<std::string, ValueId>> outputs; // by name
  std::string positions; // kind of positions, empty if the entry has none
  std::optional<int64_t> positionStart; // of a sequence's first token
  // Of kind spans: the token behind the prefix, and those that may be filled,
  // by preference.
  std::optional<int64_t> positionBegin;
  std::vector<std::vector<int64_t>> positionAnchors;
  std::optional<int64_t> start; // first decoder token
  int valueCount = 0;           // ids are below this
  std::vector<Node> nodes;
};

// A parameter of the spec, and where its value comes from.
struct ConfigValue {
  std::string name; // "rope.scaling.kind"
  Value value;
  std::string source; // "config.json: hidden_size", "default", "derived", ...
  Location location;
};

struct Model {
  std::string family;
  std::string file;   // the spec
  std::string format; // of the checkpoint: hf, gguf, raw
  std::vector<ConfigValue> config;
  std::vector<Weight> weights;
  std::vector<State> states;
  std::vector<Entry> entries;       // those that the checkpoint can serve
  std::vector<std::string> ignored; // tensors of the file that were passed over
  std::vector<std::string> keys;    // of the config, objects opened as read
  std::vector<std::string> unreadKeys; // those that were passed over

  // Null if there is none. `weight` does not follow aliases, `stored` does.
  const Weight *weight(const WeightRef &ref) const;
  const Weight *stored(const WeightRef &ref) const;
  const Weight *bias(const WeightRef &ref) const;
  const State *state(const StateRef &ref) const;
  const Value *parameter(const std::string &name) const;

  // Rebuilds the look-up tables after `weights` or `states` changed.
  void index();

private:
  std::map<WeightRef, size_t> weightIndex_;
  std::map<StateRef, size_t> stateIndex_;
};

} // namespace sluice::spec
