#include "compiler/spec/Transforms.h"

#include "compiler/spec/Names.h"

#include <limits>

namespace sluice::spec {

using Kind = Transform::Kind;

static const std::pair<const char *, Kind> kinds[] = {
    {"transpose", Kind::Transpose},
    {"reshape", Kind::Reshape},
    {"kernel_at", Kind::KernelAt},
    {"rope_rows", Kind::RopeRows},
    {"rows", Kind::Rows},
    {"add", Kind::Add},
    {"mul", Kind::Mul},
    {"neg", Kind::Neg},
    {"exp", Kind::Exp},
    {"unit_rows", Kind::UnitRows},
    {"round", Kind::Round},
    {"sinusoids", Kind::Sinusoids},
    {"swap_heads", Kind::SwapHeads},
};

std::string transformName(Kind kind) {
  for (const auto &[name, other] : kinds)
    if (other == kind)
      return name;
  return "?";
}

namespace {

class ArgReader {
public:
  ArgReader(const TransformDecl &decl, Env &env, Diagnostics &diagnostics)
      : decl_(decl), env_(env), diagnostics_(diagnostics) {}

  bool ok = true;

  void error(const std::string &message) {
    diagnostics_.error(decl_.location, decl_.name + " " + message);
    ok = false;
  }
  int64_t integer(const Data &data) {
    std::optional<int64_t> value = evaluateInt(data, env_, diagnostics_);
    ok &= value.has_value();
    return value.value_or(0);
  }
  std::vector<int64_t> integers(const Data &data) {
    std::vector<int64_t> out;
    if (data.kind != Data::Kind::List)
      error("needs a list of numbers");
    for (const Data &item : data.items)
      out.push_back(integer(item));
    return out;
  }
  double number(const Data &data) {
    std::optional<Value> value = evaluate(data, env_, diagnostics_);
    if (value && !value->isNumber()) {
      error("needs a number, found " + print(*value));
      return 0;
    }
    ok &= value.has_value();
    return value ? value->number() : 0;
  }
  int64_t field(const std::string &name, int64_t absent) {
    const Data *data = decl_.args.find(name);
    if (!data && absent < 0)
      error("needs " + quote(name));
    return data ? integer(*data) : absent;
  }
  std::string word(const Data &data) {
    std::optional<Value> value = evaluate(data, env_, diagnostics_);
    if (value && value->isText())
      return value->text();
    error("needs a word");
    return {};
  }
  void known(const std::vector<std::string> &names) {
    if (decl_.args.kind != Data::Kind::Map)
      error("is written {" + decl_.name + ": {" + join(names) + "}}");
    for (const Scalar &key : decl_.args.keys) {
      bool found = false;
      for (const std::string &name : names)
        found |= name == key.text;
      if (!found) {
        diagnostics_.error(key.location, "unknown argument " + quote(key.text) +
                                             " of " + decl_.name +
                                             suggest(key.text, names));
        ok = false;
      }
    }
  }

private:
  const TransformDecl &decl_;
  Env &env_;
  Diagnostics &diagnostics_;
};

constexpr int64_t maxPositions = 1 << 16;
constexpr int64_t maxSinusoids = 1 << 26; // numbers of their table

void bindRopeRows(ArgReader &args, const TransformDecl &decl, Transform &out) {
  args.known({"heads", "to", "dims", "skip"});
  out.heads = args.field("heads", -1);
  out.dims = args.field("dims", 0);
  out.skip = args.field("skip", 0);
  const Data *to = decl.args.find("to");
  std::string word = to ? args.word(*to) : "";
  if (word != "half" && word != "adjacent")
    args.error("needs `to: half` or `to: adjacent`");
  out.toHalf = word == "half";
}

} // namespace

std::optional<Transform> bindTransform(const TransformDecl &decl, Env &env,
                                       Diagnostics &diagnostics) {
  Transform out;
  for (const auto &[name, kind] : kinds)
    if (decl.name == name)
      out.kind = kind;
  ArgReader args(decl, env, diagnostics);
  bool bare = out.kind == Kind::Transpose || out.kind == Kind::Neg ||
              out.kind == Kind::Exp || out.kind == Kind::UnitRows;
  if (bare == decl.hasArgs) {
    args.error(bare ? "takes no arguments" : "needs arguments");
    return std::nullopt;
  }
  switch (out.kind) {
  case Kind::Reshape:
    out.shape = args.integers(decl.args);
    break;
  case Kind::KernelAt:
    out.first = args.integer(decl.args);
    break;
  case Kind::RopeRows:
    bindRopeRows(args, decl, out);
    break;
  case Kind::Rows: {
    std::vector<int64_t> range = args.integers(decl.args);
    if (range.size() == 2) {
      out.first = range[0];
      out.last = range[1];
    } else {
      args.error("is written {rows: [first, end]}");
    }
    break;
  }
  case Kind::Add:
  case Kind::Mul:
    out.number = args.number(decl.args);
    break;
  case Kind::Round:
    out.type = args.word(decl.args);
    if (out.type != "f16" && out.type != "bf16")
      args.error("knows f16 and bf16");
    break;
  case Kind::SwapHeads:
    args.known({"outer", "inner"});
    out.outer = args.field("outer", -1);
    out.inner = args.field("inner", -1);
    break;
  case Kind::Sinusoids:
    args.known({"positions", "theta"});
    out.positions = args.field("positions", -1);
    if (const Data *theta = decl.args.find("theta"))
      out.number = args.number(*theta);
    if (out.positions < 1 || out.positions > maxPositions || out.number <= 0)
      args.error("needs `positions` from 1 to " + std::to_string(maxPositions) +
                 " and a `theta` above 0");
    break;
  default:
    break;
  }
  return args.ok ? std::optional(out) : std::nullopt;
}

std::string printTransform(const Transform &t) {
  std::string name = transformName(t.kind);
  auto number = [](int64_t n) { return std::to_string(n); };
  switch (t.kind) {
  case Kind::Reshape:
    return "{" + name + ": " + printShape(t.shape) + "}";
  case Kind::KernelAt:
    return "{" + name + ": " + number(t.first) + "}";
  case Kind::RopeRows:
    return "{" + name + ": {heads: " + number(t.heads) +
           ", to: " + (t.toHalf ? "half" : "adjacent") +
           (t.dims ? ", dims: " + number(t.dims) : "") +
           (t.skip ? ", skip: " + number(t.skip) : "") + "}}";
  case Kind::Rows:
    return "{" + name + ": [" + number(t.first) + ", " + number(t.last) + "]}";
  case Kind::Add:
  case Kind::Mul:
    return "{" + name + ": " + print(Value(t.number)) + "}";
  case Kind::Round:
    return "{" + name + ": " + t.type + "}";
  case Kind::SwapHeads:
    return "{" + name + ": {outer: " + number(t.outer) +
           ", inner: " + number(t.inner) + "}}";
  case Kind::Sinusoids:
    return "{" + name + ": {positions: " + number(t.positions) +
           ", theta: " + print(Value(t.number)) + "}}";
  default:
    return name;
  }
}

static bool elements(const Shape &shape, int64_t &count) {
  count = 1;
  for (int64_t size : shape)
    if (size < 0 || __builtin_mul_overflow(count, size, &count))
      return false;
  return true;
}

static std::string ropeRows(const Transform &t, int64_t rows) {
  if (t.heads < 1 || rows % t.heads != 0)
    return std::to_string(rows) + " rows cannot be cut into " +
           std::to_string(t.heads) + " heads";
  int64_t perHead = rows / t.heads;
  int64_t dims = t.dims > 0 ? t.dims : perHead - t.skip;
  if (t.dims < 0 || t.skip < 0 || t.skip > perHead || dims > perHead - t.skip ||
      dims % 2 != 0)
    return "a head of " + std::to_string(perHead) +
           " rows has no even number of rotated ones after skip " +
           std::to_string(t.skip);
  return {};
}

std::string applyToShape(const Transform &t, size_t rowAxis, Shape &shape) {
  std::string found = printShape(shape);
  bool hasRows = rowAxis < shape.size();
  switch (t.kind) {
  case Kind::Transpose:
    if (shape.size() < 2)
      return "transpose needs two axes, found " + found;
    std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
    return {};
  case Kind::Reshape: {
    int64_t before = 0, after = 0;
    if (!elements(shape, before) || !elements(t.shape, after) ||
        before != after)
      return "reshape to " + printShape(t.shape) + " does not keep the " +
             "elements of " + found;
    shape = t.shape;
    return {};
  }
  case Kind::KernelAt:
    // [out, in, kernel...] loses what follows `in`.
    if (shape.size() < 3)
      return "kernel_at needs more than two axes, found " + found;
    for (size_t axis = 2; axis < shape.size(); ++axis)
      if (shape[axis] > 1 && (t.first < 0 || t.first >= shape[axis]))
        return "kernel_at " + std::to_string(t.first) + " is outside of " +
               found;
    shape.resize(2);
    return {};
  case Kind::RopeRows:
    return hasRows ? ropeRows(t, shape[rowAxis])
                   : "rope_rows needs rows, found " + found;
  case Kind::Rows:
    if (!hasRows || t.first < 0 || t.last < t.first || t.last > shape[rowAxis])
      return "rows " + std::to_string(t.first) + " to " +
             std::to_string(t.last) + " are outside of " + found;
    shape[rowAxis] = t.last - t.first;
    return {};
  case Kind::SwapHeads:
    if (!hasRows || t.outer < 1 || t.inner < 1 ||
        t.outer > std::numeric_limits<int32_t>::max() ||
        t.inner > std::numeric_limits<int32_t>::max() ||
        shape[rowAxis] % (t.outer * t.inner) != 0)
      return "swap_heads cannot cut the rows of " + found + " into " +
             std::to_string(t.outer) + " x " + std::to_string(t.inner);
    return {};
  case Kind::Sinusoids:
    if (shape.size() < 2 || shape.back() % 2 != 0 ||
        shape.back() > maxSinusoids / t.positions)
      return "sinusoids of " + std::to_string(t.positions) +
             " positions need rows of an even width, not more than " +
             std::to_string(maxSinusoids / t.positions) + ", found " + found;
    shape.back() = t.positions;
    return {};
  default:
    return {};
  }
}

bool isRowTransform(Kind kind) {
  return kind == Kind::RopeRows || kind == Kind::Rows ||
         kind == Kind::SwapHeads;
}

std::string decodedShape(const std::string &format, Shape &shape) {
  if (format.empty() || format == "fp8_block128")
    return {};
  if (format != "mxfp4")
    return "unknown tensor format " + quote(format) +
           "; known: mxfp4, fp8_block128";
  // Blocks of 16 bytes hold 32 values: [..., blocks, 16].
  if (shape.size() < 2 || shape.back() != 16 ||
      shape[shape.size() - 2] > (int64_t(1) << 40))
    return "mxfp4 needs [..., blocks, 16], found " + printShape(shape);
  shape.pop_back();
  shape.back() *= 32;
  return {};
}

} // namespace sluice::spec
