// A spec file as typed tables: what was written, nothing evaluated yet.
#pragma once

#include "compiler/spec/Expr.h"
#include "compiler/spec/Spec.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace sluice::spec {

// Checkpoint formats as specs spell them: "hf", "gguf", "raw".
template <typename T> using PerFormat = std::map<std::string, T>;
using Alternatives = std::vector<Template>;

// Of a name, and of how many there are in one list of a block, node or entry.
constexpr size_t maxNameLength = 100, maxNames = 256;
constexpr size_t maxCallDepth = 64; // of blocks that call blocks

struct ParamType {
  enum class Base { Int, Float, Bool, Word, Text, Json };
  Base base = Base::Int;
  int lists = 0; // [T] is 1, [[T]] is 2
};
std::string printType(const ParamType &type);

struct ParamDecl {
  Location location;
  std::string name; // the last part; "" never
  bool derived = false;
  Data value; // derived: the expression
  ParamType type;
  PerFormat<Alternatives> keys;
  struct SizeOf {
    Alternatives tensors;
    Data axis;
  };
  std::optional<SizeOf> sizeOf;
  std::optional<Alternatives> countOf;
  bool context = false;         // `option: context`, what --context says
  std::optional<Data> fallback; // `default:` for every format
  PerFormat<Data> fallbacks;    // `default: {hf: ..., gguf: ...}`
  std::optional<Data> ifNull;   // `if_null:`, what JSON's null says
  bool noneIsLegal = false;     // a default or `if_null` is a plain `none`
  bool valuesAreMap = false;
  std::vector<std::pair<std::string, Data>> values; // spelling -> value
  std::optional<Data> length, element;              // `len:`, `index:`
  bool spreads = false; // `spread: true`, a number is a list of `len` of it
  std::optional<Data> least, most; // `range:`
};

struct ConfigGroup {
  Location location;
  std::string name;
  PerFormat<Alternatives> prefix;
  std::vector<std::variant<ParamDecl, ConfigGroup>> children;
};

// Keys of the config that change nothing, by pattern: whatever they say, or
// only with these values.
struct InertDecl {
  Location location;
  Template keys;
  bool always = true;
  std::vector<Data> values;
  std::string asIn; // `as_in:`, a file whose keys they are where it is missing
};

struct CheckDecl {
  Location location;
  Scalar that;
  std::string otherwise;
};

struct EachDecl {
  Location location;
  std::string index;
  Data count;
};

struct TransformDecl {
  Location location;
  std::string name;
  Data args; // scalar, list or mapping; a bare word has none
  bool hasArgs = false;
};

// One way in which a checkpoint may hold a weight.
struct SourceDecl {
  Location location;
  enum class Kind { Name, Concat, Stack, GammaBeta, Parts } kind = Kind::Name;
  Template name; // Name, GammaBeta
  std::optional<Template> scales;
  std::optional<Scalar> scaled;       // under what condition there are scales
  std::string format;                 // of the tensor with scales
  std::vector<SourceDecl> items;      // Concat, Stack (one), Parts
  std::vector<std::string> partNames; // Parts, parallel to `items`
  std::optional<EachDecl> each;       // Stack
  std::vector<TransformDecl> apply;
  bool blocks = false;
  std::optional<Data> per;
  std::vector<std::string> order;
};
using Sources = PerFormat<std::vector<SourceDecl>>;

struct AliasDecl {
  Location location;
  std::string use;                  // its name
  std::optional<Template> instance; // `layers[$n].w`: which of them
  std::optional<Scalar> when;
};

struct WeightLeaf {
  Location location;
  std::string name;
  std::vector<Data> shape;
  struct Part {
    Location location;
    std::string name;
    Data rows;
    std::vector<TransformDecl> apply; // to its rows
  };
  std::vector<Part> holds; // a fused tensor if not empty
  std::optional<Data> per, cols, experts;
  Sources sources;
  std::optional<Scalar> bias; // true, false, expression
  bool biasOptional = false;
  Sources biasSources;
  std::optional<Scalar> biasWhen; // of those sources
  std::optional<Scalar> when;
  bool optional = false;
  std::optional<AliasDecl> absent, sameAs;
  bool keepF32 = false;
};

struct WeightGroup {
  Location location;
  std::string name;
  std::optional<EachDecl> each;
  PerFormat<Alternatives> prefix;
  std::optional<Scalar> when;
  bool optional = false;
  std::vector<std::variant<WeightLeaf, WeightGroup>> children;
};

struct StateLeaf {
  Location location;
  std::string name;
  struct Field {
    Location location;
    std::string name;
    std::vector<Data> shape;
  };
  std::vector<Field> fields;
  bool fixed = false; // one tensor per sequence: the field "value"
  std::optional<Data> init;
  std::optional<Data> keep, chunk, fullOf;
  bool once = false;
  std::optional<Scalar> when;
};

struct StateGroup {
  Location location;
  std::string name;
  std::optional<EachDecl> each;
  std::optional<Scalar> when;
  std::vector<std::variant<StateLeaf, StateGroup>> children;
};

struct ArgDecl {
  Scalar name;
  Data value;
};

struct NodeDecl {
  Location location; // the op's key, or `block`
  std::vector<std::string> results;
  Location resultLocation;
  enum class Kind { Op, Call, Repeat, Experts } kind = Kind::Op;
  std::string op;            // Op: the word
  std::vector<ArgDecl> args; // Op: all slots, the op's own key first
  std::optional<Scalar> when;
  std::optional<Template> in;
  // Calls:
  Template group;                // Repeat
  std::optional<EachDecl> times; // Repeat: over a count instead of a group
  std::optional<Scalar> match;   // chosen per call
  struct Choice {
    Location location;
    std::string word, block;
  };
  std::vector<Choice> blocks; // one without a word if there is no match
};

struct ParamSpec {
  Location location;
  std::string name;
  ParamType type;
  bool optional = false;        // may be left out
  std::optional<Data> fallback; // what it is then; none without one
};

struct BlockDecl {
  Location location;
  std::string name;
  std::vector<ParamSpec> params;
  struct Name {
    Location location;
    std::string name;
    bool optional = false; // an input that may be left out
  };
  std::vector<Name> inputs, returns;
  std::vector<std::string> weights, states;
  std::vector<NodeDecl> nodes;

  const ParamSpec *param(const std::string &name) const;
  bool hasInput(const std::string &name) const;
  // Whether its list of weights, or of states, names it.
  bool takesWeight(const std::string &name) const;
  bool takesState(const std::string &name) const;
};

struct InputDecl {
  Location location;
  std::string name, type;
  std::vector<Data> shape;  // rows: of each row
  std::string elem = "f32"; // rows: f32, i32 or bool
  bool optional = false;
  std::optional<Scalar> when;
};

struct EntryDecl {
  Location location;
  std::string name, kind;
  std::vector<std::string> needs;
  std::optional<Scalar> when;
  std::vector<InputDecl> inputs;
  std::string positions;
  std::optional<Data> positionStart, start;
  std::optional<Data> positionBegin, positionAnchors; // of kind spans
  std::vector<NodeDecl> nodes;
  std::vector<std::pair<BlockDecl::Name, BlockDecl::Name>>
      outputs; // name, value
};

struct MatchDecl {
  std::optional<std::vector<std::string>> architectures, modelTypes; // hf
  std::optional<std::vector<std::string>> ggufArchitectures;
  std::vector<std::string> configWith, configWithout; // keys of config.json
  Alternatives ggufWith, ggufWithout;
  std::vector<std::string> tensorsWith, tensorsWithout;
  bool hf = false, gguf = false, tensors = false, present = false;
};

struct SpecFile;
struct UseDecl {
  Location location;
  std::string name;
  std::shared_ptr<const SpecFile> library;
  std::vector<ArgDecl> args;
};

struct SpecFile {
  std::string path, name;
  int64_t bytes = 0; // with its libraries, each as often as it is used
  bool library = false;
  bool base = false;             // to be extended by families
  std::vector<ParamSpec> params; // library
  MatchDecl match;
  std::vector<UseDecl> uses;
  ConfigGroup config;
  PerFormat<std::vector<InertDecl>> inert;
  std::vector<std::string> words; // that make an unread key an error
  std::vector<CheckDecl> checks;
  WeightGroup weights;
  PerFormat<Alternatives> ignore;
  StateGroup state;
  std::vector<BlockDecl> blocks;
  std::vector<EntryDecl> entries;

  const BlockDecl *block(const std::string &name) const;
  const UseDecl *use(const std::string &name) const;

  std::map<std::string, size_t> blockIndex;
};

// Spec.h hides what is in it.
class Spec {
public:
  std::shared_ptr<const SpecFile> file;
};

} // namespace sluice::spec
