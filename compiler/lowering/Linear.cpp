// linear and fused_linear. With few rows a product is one kernel with all that
// comes before and after; with many it may go to the engine, between a norm
// and an epilogue of their own. Both ways give the same bits.
#include "compiler/lowering/Common.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace sluice::plan {

void addEpilogue(const llm::Epilogue &epilogue, Config &config) {
  config.flag("glu", epilogue.glu);
  if (epilogue.act)
    config.word("act", llm::stringifyAct(*epilogue.act));
  config.real("beta", epilogue.beta)
      .real("gate_max", epilogue.gateMax)
      .real("up_limit", epilogue.upLimit)
      .real("up_add", epilogue.upAdd)
      .real("scale", epilogue.scale)
      .real("cap", epilogue.cap);
}

namespace {

class ProductLowering {
public:
  ProductLowering(Walk &walk, Operation *op, const Product &product,
                  StringRef name)
      : walk(walk), op(op), p(product), name(name), b(walk.plan.b()) {}

  FailureOr<Rows> lower() {
    if (failed(checkParts(p.weights)) || failed(checkParts(p.biases)))
      return failure();
    Rows y = walk.temporary(op->getLoc(), name, resultRows(), b.getF32Type(),
                            p.width);
    LogicalResult done = success();
    if (!goesToEngine())
      done = walk.few ? emitLinear(p.x, p.norm, y) : lowerApart(y);
    else
      done = lowerWithEngine(y);
    if (failed(done))
      return failure();
    return y;
  }

private:
  // Parts are packed as one weight, which has one index and one list of layers.
  LogicalResult checkParts(ArrayRef<Weight> parts) const {
    for (Weight part : parts) {
      Weight first = parts.front();
      if (part.layer != first.layer || part.stacked != first.stacked ||
          part.op.getLayersAttr() != first.op.getLayersAttr())
        return op->emitError()
               << "cannot pack '" << part.op.getSymName() << "' of layer "
               << part.layer << " with '" << first.op.getSymName()
               << "' of layer " << first.layer
               << ": the layers of both must be the same";
    }
    return success();
  }

  Type weightElem() const {
    Weight first = p.weights.front();
    return first.op.getTensorType().getElementType();
  }
  bool isBf16() const { return p.compute == llm::Compute::bf16; }
  StringRef word(Type elem) const { return format::infoOf(elemOf(elem)).name; }

  RowCount resultRows() const {
    if (p.rows == "tokens")
      return {p.x.count.kind, p.x.count.scale * walk.groups->topK};
    return p.x.count;
  }

  bool goesToEngine() const {
    // The engine reads buffers; an input is one once it is normalised or
    // converted.
    bool buffered = p.norm || isBf16() || p.x.buffer.getDefiningOp<BufferOp>();
    return walk.options.engine && !walk.few && p.rows.empty() && buffered &&
           elemOf(weightElem()) ==
               (isBf16() ? format::Elem::BF16 : format::Elem::F32);
  }

  // Not for the engine, but with too many rows to normalise in the product.
  LogicalResult lowerApart(const Rows &y) {
    if (!p.norm)
      return emitLinear(p.x, p.norm, y);
    Rows h = normalised(b.getF32Type());
    if (failed(emitNorm(walk, op, p.norm, p.x, h, p.x.width)))
      return failure();
    return emitLinear(h, NormOf(), y);
  }

  Rows normalised(Type elem) {
    return walk.temporary(op->getLoc(), "h", p.x.count, elem, p.x.width);
  }

  LogicalResult lowerWithEngine(const Rows &y) {
    FailureOr<Rows> x = engineInput();
    if (failed(x))
      return failure();
    if (!p.epilogue) {
      if (p.residual &&
          failed(emitCopy(walk, op, *p.residual, y, {1, p.width, 0, 0})))
        return failure();
      return emitMatmul(*x, y, p.residual.has_value());
    }
    int64_t columns = p.epilogue.glu ? 2 * llvm::alignTo(p.width, 64) : p.width;
    Rows sums = walk.temporary(op->getLoc(), "sums", p.x.count, b.getF32Type(),
                               columns);
    if (failed(emitMatmul(*x, sums, false)))
      return failure();
    return emitPost(sums, y);
  }

  // The rows as the engine reads them: normalised, in the type of products.
  FailureOr<Rows> engineInput() {
    Type elem = isBf16() ? Type(b.getBF16Type()) : b.getF32Type();
    if (p.norm) {
      Rows h = normalised(elem);
      if (failed(emitNorm(walk, op, p.norm, p.x, h, p.x.width)))
        return failure();
      return h;
    }
    if (!isBf16())
      return p.x;
    for (const Walk::Conversion &known : walk.converted)
      if (known.from.buffer == p.x.buffer && known.from.column == p.x.column &&
          known.from.width == p.x.width)
        return known.to;
    Rows known = normalised(elem);
    walk.converted.push_back({p.x, known});
    Step step("convert", walk.config().get());
    step.operands = {{"x", p.x.ref()}, {"y", known.ref()}};
    step.dims = {{"N", p.x.width}};
    step.rows = p.x.count;
    if (failed(walk.emit(op, step)))
      return failure();
    return known;
  }

  Ref weightRef() {
    return joined(p.weights, p.epilogue.glu ? Layout::PanelGlu : Layout::Panel,
                  false);
  }
  Ref biasRef() {
    return joined(p.biases, p.epilogue.glu ? Layout::VectorGlu : Layout::Rows,
                  true);
  }
  Ref joined(ArrayRef<Weight> parts, Layout layout, bool widen) {
    SmallVector<llm::WeightOp> ops;
    for (const Weight &part : parts)
      ops.push_back(part.op);
    const Weight &first = parts.front();
    return {
        {}, walk.plan.weight(ops, layout, widen, first.stacked), first.layer};
  }

  LogicalResult emitLinear(const Rows &x, const NormOf &norm, const Rows &y) {
    Config config = walk.config();
    config.word("weight", word(weightElem()))
        .word("compute", llm::stringifyCompute(p.compute))
        .flag("bias", !p.biases.empty())
        .flag("residual", p.residual.has_value());
    addEpilogue(p.epilogue, config);
    Step step("linear");
    step.operands = {{"x", x.ref()}, {"w", weightRef()}, {"y", y.ref()}};
    if (norm) {
      config.word("norm", norm.kind)
          .real("eps", norm.eps)
          .flag("norm_weight", norm.weight.has_value())
          .flag("norm_bias", norm.bias.has_value());
      if (norm.weight)
        step.operands.push_back(
            {"norm_w", walk.ref(*norm.weight, Layout::Rows, true)});
      if (norm.bias)
        step.operands.push_back(
            {"norm_b", walk.ref(*norm.bias, Layout::Rows, true)});
    }
    if (!p.biases.empty())
      step.operands.push_back({"bias", biasRef()});
    if (p.residual)
      step.operands.push_back({"residual", p.residual->ref()});
    step.dims = {{"K", p.x.width}, {"N", p.width}};
    step.rows = p.x.count;
    if (!p.rows.empty())
      addGroups(config, step);
    step.config = config.get();
    return walk.emit(op, step);
  }

  void addGroups(Config &config, Step &step) {
    const Groups &groups = *walk.groups;
    config.word("rows", p.rows);
    step.operands.push_back({"offsets", groups.offsets.ref()});
    if (p.rows == "tokens")
      step.operands.push_back({"pairs", groups.pairs.ref()});
    step.dims.append({{"experts", groups.experts}, {"top_k", groups.topK}});
    step.rows = resultRows();
  }

  // A product that the engine may do: accumulates into `y` if asked to.
  LogicalResult emitMatmul(const Rows &x, const Rows &y, bool accumulate) {
    Type input = shapeOf(x.buffer).elem;
    Config config = walk.config();
    config.word("weight", word(weightElem()))
        .word("compute", llm::stringifyCompute(p.compute))
        .flag("bias", !p.biases.empty())
        .flag("residual", accumulate);
    if (input.isBF16())
      config.word("input", "bf16");
    Step step("linear", config.get());
    step.operands = {{"x", x.ref()}, {"w", weightRef()}, {"y", y.ref()}};
    if (!p.biases.empty())
      step.operands.push_back({"bias", biasRef()});
    if (accumulate)
      step.operands.push_back({"residual", y.ref()});
    step.dims = {{"K", p.x.width}, {"N", y.width}};
    step.rows = p.x.count;
    step.engine = true;
    return walk.emit(op, step);
  }

  LogicalResult emitPost(const Rows &sums, const Rows &y) {
    Config config = walk.config();
    addEpilogue(p.epilogue, config);
    config.flag("residual", p.residual.has_value());
    Step step("post", config.get());
    step.operands = {{"x", sums.ref()}, {"y", y.ref()}};
    if (p.residual)
      step.operands.push_back({"residual", p.residual->ref()});
    step.dims = {{"N", p.width}};
    step.rows = p.x.count;
    return walk.emit(op, step);
  }

  Walk &walk;
  Operation *op;
  const Product &p;
  StringRef name;
  Builder &b;
};

LogicalResult collect(Walk &walk, Operation *op, ValueRange values,
                      SmallVector<Weight> &into) {
  for (Value value : values) {
    FailureOr<Weight> weight = walk.weight(op, value);
    if (failed(weight))
      return failure();
    into.push_back(*weight);
  }
  return success();
}

LogicalResult collect(Walk &walk, Operation *op, Value value,
                      std::optional<Weight> &into) {
  SmallVector<Weight> list;
  if (value && failed(collect(walk, op, ValueRange(value), list)))
    return failure();
  if (value)
    into = list.front();
  return success();
}

LogicalResult lowerLinear(Walk &walk, llm::LinearOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX());
  Product product;
  if (failed(x) || failed(collect(walk, op, op.getW(), product.weights)))
    return failure();
  if (op.getBias() && failed(collect(walk, op, op.getBias(), product.biases)))
    return failure();
  product.x = *x;
  product.compute = op.getCompute();
  product.width = widthOf(op.getResult());
  if (product.weights.front().stacked)
    product.rows = "pairs";
  FailureOr<Rows> y = lowerProduct(walk, op, product, walk.nameOf(op));
  if (failed(y))
    return failure();
  walk.set(op.getResult(), *y);
  return success();
}

// Never for the engine: the heads lie side by side in the rows of x and y.
LogicalResult lowerHeadLinear(Walk &walk, llm::HeadLinearOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX());
  FailureOr<Weight> weight = walk.weight(op, op.getW());
  if (failed(x) || failed(weight))
    return failure();
  if (weight->stacked)
    return op.emitError("has no kernel within experts");
  RankedTensorType type = weight->op.getTensorType();
  Config config = walk.config();
  config.word("weight", format::infoOf(elemOf(type.getElementType())).name)
      .word("compute", llm::stringifyCompute(op.getCompute()))
      .word("rows", "heads")
      .flag("bias", static_cast<bool>(op.getBias()));
  Rows y = walk.result(op.getResult(), x->count);
  walk.set(op.getResult(), y);
  Step step("linear", config.get());
  step.operands = {{"x", x->ref()},
                   {"w", walk.ref(*weight, Layout::Panel, false)},
                   {"y", y.ref()}};
  if (op.getBias()) {
    FailureOr<Weight> bias = walk.weight(op, op.getBias());
    if (failed(bias))
      return failure();
    step.operands.push_back({"bias", walk.ref(*bias, Layout::Rows, true)});
  }
  step.dims = {{"K", type.getDimSize(2)},
               {"N", type.getDimSize(1)},
               {"heads", type.getDimSize(0)}};
  step.rows = x->count;
  return walk.emit(op, step);
}

// Results that lie side by side are named after their weights: q_k_v.
std::string resultName(Walk &walk, llm::FusedLinearOp op, const Product &p) {
  if (op.getOutputs().size() == 1)
    return walk.nameOf(op).str();
  std::string name;
  for (llm::WeightOp weight : llvm::map_range(
           p.weights, [](const Weight &weight) { return weight.op; })) {
    StringRef path = weight.getSymName();
    name += (name.empty() ? "" : "_") + path.substr(path.rfind('.') + 1).str();
  }
  return name;
}

LogicalResult lowerFusedLinear(Walk &walk, llm::FusedLinearOp op) {
  FailureOr<Rows> x = walk.rows(op, op.getX());
  Product p;
  if (failed(x) || failed(collect(walk, op, op.getWeights(), p.weights)) ||
      failed(collect(walk, op, op.getBiases(), p.biases)) ||
      failed(collect(walk, op, op.getNormWeight(), p.norm.weight)) ||
      failed(collect(walk, op, op.getNormBias(), p.norm.bias)))
    return failure();
  p.x = *x;
  if (p.weights.front().stacked)
    p.rows = "pairs";
  if (llm::NormAttr norm = op.getNormAttr()) {
    p.norm.kind = llm::stringifyNormKind(norm.getKind());
    p.norm.eps = norm.getEps();
  }
  if (op.getResidual()) {
    FailureOr<Rows> residual = walk.rows(op, op.getResidual());
    if (failed(residual))
      return failure();
    if (residual->count != x->count)
      return op.emitError()
             << "'" << op->getName() << "' mixes values with different rows";
    p.residual = *residual;
  }
  p.compute = op.getCompute();
  p.epilogue = op.epilogue();
  for (Value output : op.getOutputs())
    p.width += widthOf(output);
  FailureOr<Rows> y = lowerProduct(walk, op, p, resultName(walk, op, p));
  if (failed(y))
    return failure();
  int64_t column = 0;
  for (Value output : op.getOutputs()) {
    walk.set(output, y->at(column, widthOf(output)));
    column += widthOf(output);
  }
  return success();
}

} // namespace

FailureOr<Rows> lowerProduct(Walk &walk, Operation *op, const Product &product,
                             StringRef name) {
  return ProductLowering(walk, op, product, name).lower();
}

bool isPackedForProduct(llm::WeightOp weight) {
  bool found = false;
  weight->getParentOfType<ModuleOp>().walk([&](llm::UseOp use) {
    if (use.getWeight() != weight.getSymName())
      return;
    for (OpOperand &operand : use.getResult().getUses()) {
      Operation *user = operand.get() ? operand.getOwner() : nullptr;
      if (auto linear = dyn_cast<llm::LinearOp>(user))
        found |= linear.getW() == use.getResult();
      if (auto fused = dyn_cast<llm::FusedLinearOp>(user))
        found |= fused.getWeights().size() == 1 &&
                 fused.getWeights().front() == use.getResult();
    }
  });
  return found;
}

void addLinearLowerings(OpTable &table) {
  table.add<llm::LinearOp, lowerLinear>();
  table.add<llm::HeadLinearOp, lowerHeadLinear>();
  table.add<llm::FusedLinearOp, lowerFusedLinear>();
}

} // namespace sluice::plan
