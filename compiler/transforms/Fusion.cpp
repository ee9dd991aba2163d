#include "compiler/transforms/Fusion.h"

#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace sluice {

Location Fusion::locate(ArrayRef<Operation *> parts) const {
  SmallVector<Location> places;
  for (Operation *part : parts)
    places.push_back(part->getLoc());
  MLIRContext *context = parts.front()->getContext();
  return FusedLoc::get(context, places, StringAttr::get(context, pass));
}

void Fusion::fired(Operation *op, const Twine &message) const {
  report->fired(pass, op->getLoc(), message);
}

LogicalResult Fusion::miss(RewriterBase &rewriter, Operation *op,
                           Operation *other, const Twine &message) const {
  std::optional<Location> place;
  if (other)
    place = other->getLoc();
  report->missed(pass, op->getLoc(), message, place);
  return rewriter.notifyMatchFailure(op, message);
}

LogicalResult
runFusion(ModuleOp module, const Fusion &fusion,
          function_ref<void(RewritePatternSet &, const Fusion &)> populate) {
  RewritePatternSet patterns(module.getContext());
  populate(patterns, fusion);
  GreedyRewriteConfig config;
  config.setUseTopDownTraversal(true)
      .setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled)
      .enableFolding(false)
      .enableConstantCSE(false);
  return applyPatternsGreedily(module, std::move(patterns), config);
}

Operation *onlyUser(Value value) {
  Operation *only = nullptr;
  for (Operation *user : value.getUsers()) {
    if (isa<llm::TapOp>(user) || user == only)
      continue;
    if (only)
      return nullptr;
    only = user;
  }
  return only;
}

Operation *otherUser(Value value, Operation *user) {
  for (Operation *other : value.getUsers())
    if (other != user && !isa<llm::TapOp>(other))
      return other;
  return nullptr;
}

void dropTaps(RewriterBase &rewriter, Value value) {
  for (Operation *user : llvm::make_early_inc_range(value.getUsers()))
    if (isa<llm::TapOp>(user))
      rewriter.eraseOp(user);
}

std::optional<float> numberOf(Value value) {
  if (auto constant = value.getDefiningOp<llm::ConstantOp>())
    return constant.getValue();
  return std::nullopt;
}

bool makeAvailable(RewriterBase &rewriter, Value weight, Operation *before) {
  Operation *def = weight.getDefiningOp();
  if (!def || def->getBlock() != before->getBlock())
    return true; // an argument of this block, or from an enclosing one
  if (def->isBeforeInBlock(before))
    return true;
  if (!isa<llm::UseOp>(def) && !def->hasTrait<OpTrait::ConstantLike>())
    return false;
  for (Value operand : def->getOperands())
    if (!makeAvailable(rewriter, operand, before))
      return false;
  rewriter.moveOpBefore(def, before);
  return true;
}

// What reads a weight, seen through the region of the experts.
static llm::UseOp useOf(Value weight) {
  if (auto argument = dyn_cast<BlockArgument>(weight)) {
    auto experts = dyn_cast<llm::ExpertsOp>(argument.getOwner()->getParentOp());
    if (!experts || argument.getArgNumber() == 0)
      return {};
    weight = experts.getWeights()[argument.getArgNumber() - 1];
  }
  return weight.getDefiningOp<llm::UseOp>();
}

Packing packingOf(Value weight) {
  llm::UseOp use = useOf(weight);
  if (!use)
    return {};
  Packing packing;
  packing.declared = true;
  IntegerAttr constant;
  if (Value layer = use.getLayer())
    packing.layer = matchPattern(layer, m_Constant(&constant))
                        ? constant.getAsOpaquePointer()
                        : layer.getAsOpaquePointer();
  auto op = SymbolTable::lookupNearestSymbolFrom<llm::WeightOp>(
      use, use.getWeightAttr());
  if (op && op.getLayersAttr())
    packing.layers = op.getLayersAttr().getAsOpaquePointer();
  return packing;
}

const char *whyNotPacked(ArrayRef<Value> weights) {
  if (weights.empty())
    return nullptr;
  Packing first = packingOf(weights.front());
  for (Value weight : weights.drop_front()) {
    Packing other = packingOf(weight);
    if (first.declared != other.declared)
      return "only one of their weights is declared as one";
    if (first.layer != other.layer)
      return "their weights are of different layers";
    if (first.layers != other.layers)
      return "not every layer that has one of their weights has the others";
  }
  return nullptr;
}

static LinearForm ofLinear(llm::LinearOp op) {
  LinearForm product;
  product.op = op;
  product.x = op.getX();
  product.weights = {op.getW()};
  if (op.getBias())
    product.biases = {op.getBias()};
  product.compute = llm::ComputeAttr::get(op.getContext(), op.getCompute());
  return product;
}

static LinearForm ofFused(llm::FusedLinearOp op) {
  LinearForm product;
  product.op = op;
  product.x = op.getX();
  product.normWeight = op.getNormWeight();
  product.normBias = op.getNormBias();
  product.weights = llvm::to_vector(op.getWeights());
  product.biases = llvm::to_vector(op.getBiases());
  product.residual = op.getResidual();
  product.norm = op.getNormAttr();
  product.compute = llm::ComputeAttr::get(op.getContext(), op.getCompute());
  product.epilogue = op.epilogue();
  return product;
}

LinearForm LinearForm::of(Operation *op) {
  if (auto linear = dyn_cast_if_present<llm::LinearOp>(op))
    return ofLinear(linear);
  if (auto fused = dyn_cast_if_present<llm::FusedLinearOp>(op))
    return ofFused(fused);
  return {};
}

llm::FusedLinearOp LinearForm::build(OpBuilder &builder, Location loc) const {
  return llm::FusedLinearOp::create(
      builder, loc, x, normWeight, normBias, weights, biases, residual, norm,
      compute,
      epilogue ? llm::EpilogueAttr::get(builder.getContext(), epilogue)
               : llm::EpilogueAttr());
}

} // namespace sluice
