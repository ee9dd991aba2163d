#include "compiler/evaluate/Evaluate.h"

#include "compiler/evaluate/Run.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace sluice::evaluate {

#define SLUICE_ADD(add) void add(OpTable &table);
#include "compiler/evaluate/Ops.inc"
#undef SLUICE_ADD

const OpTable &opTable() {
  static const OpTable table = [] {
    OpTable table;
#define SLUICE_ADD(add) add(table);
#include "compiler/evaluate/Ops.inc"
#undef SLUICE_ADD
    return table;
  }();
  return table;
}

void Run::tell(Operation *op, unsigned result, const Value &value) const {
  if (!observer)
    return;
  Event event{op, result, frames.back().layer};
  if (auto *tensor = std::get_if<std::shared_ptr<const Tensor>>(&value))
    event.tensor = tensor->get();
  else if (auto *ints = std::get_if<std::shared_ptr<const Ints>>(&value))
    event.ints = ints->get();
  else
    return;
  observer(event);
}

FailureOr<Tensor> Run::weight(llm::UseOp op) {
  return weights(module.lookupSymbol<llm::WeightOp>(op.getWeight()),
                 index(op.getLayer()));
}

// A weight without layers is that of all.
Tensor Run::initial(llm::StateOp state, int64_t layer) {
  if (FlatSymbolRefAttr name = state.getInitWeight()) {
    auto weight = module.lookupSymbol<llm::WeightOp>(name);
    FailureOr<Tensor> found = weights(weight, weight.getLayers() ? layer : -1);
    if (succeeded(found))
      return std::move(*found);
  }
  Tensor first{Shape(state.getFieldList().front().getShape())};
  std::fill(first.data.begin(), first.data.end(), state.getInitNumber());
  return first;
}

Tensor &Run::fixed(int32_t slot, llm::StateInterface op) {
  StringRef name = op.getStateAttr().getValue();
  int64_t layer = index(op.getLayer());
  Fields &fields = states.at(slot, {name.str(), layer});
  if (fields.empty())
    fields.push_back(initial(module.lookupSymbol<llm::StateOp>(name), layer));
  return fields.front();
}

FailureOr<std::vector<Value>> Run::call(func::CallOp call) {
  auto callee = module.lookupSymbol<func::FuncOp>(call.getCallee());
  std::vector<Value> arguments;
  for (mlir::Value operand : call.getOperands())
    arguments.push_back(get(operand));
  // A block's first argument is its layer (`verify-model`).
  int64_t layer = arguments.empty() ? -1 : index(call.getOperand(0));
  return block(callee.front(), arguments, layer);
}

FailureOr<std::vector<Value>> Run::evaluate(Operation *op) {
  if (auto call = dyn_cast<func::CallOp>(op))
    return this->call(call);
  if (auto constant = dyn_cast<arith::ConstantIndexOp>(op))
    return std::vector<Value>{Value(constant.value())};
  const OpTable::Function *function = opTable().find(op);
  if (!function)
    return op->emitError() << "'" << op->getName() << "' cannot be evaluated";
  return (*function)(*this, op);
}

FailureOr<std::vector<Value>>
Run::block(Block &block, ArrayRef<Value> arguments, int64_t layer) {
  frames.push_back({{}, layer});
  for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
    frames.back().values[argument.getAsOpaquePointer()] = value;
  for (Operation &op : block.without_terminator()) {
    FailureOr<std::vector<Value>> results = evaluate(&op);
    if (failed(results))
      return failure();
    for (auto [result, value] : llvm::zip_equal(op.getResults(), *results)) {
      if (!isa<func::CallOp>(op))
        tell(&op, result.getResultNumber(), value);
      frames.back().values[result.getAsOpaquePointer()] = std::move(value);
    }
  }
  std::vector<Value> returned;
  for (mlir::Value operand : block.getTerminator()->getOperands())
    returned.push_back(get(operand));
  frames.pop_back();
  return returned;
}

namespace {

// Lays the sequences of a step out one after the other and checks them against
// the entry. Where the entry `goesOn`, positions count on from the slot's.
class Arguments {
public:
  Arguments(func::FuncOp entry, const Step &step, States &states, bool goesOn)
      : entry(entry), step(step), states(states), goesOn(goesOn) {}

  FailureOr<Batch> batch() {
    for (BlockArgument argument : entry.getArguments())
      if (auto type = dyn_cast<RankedTensorType>(argument.getType());
          type && !type.getElementType().isInteger(32))
        return entry.emitError("entry '")
               << step.entry << "' takes rows of " << type.getElementType()
               << " as '" << text(argument, llm::nameAttr)
               << "', which cannot be given for an evaluation; only integers "
                  "can";
    Batch batch;
    for (const Sequence &sequence : step.sequences) {
      FailureOr<int64_t> rows = tokensOf(sequence);
      if (failed(rows))
        return failure();
      for (const Span &other : batch.sequences)
        if (other.slot == sequence.slot)
          return entry.emitError("slot ")
                 << sequence.slot << " stands twice in a step";
      batch.sequences.push_back({sequence.slot, batch.rows, *rows,
                                 goesOn ? states.length(sequence.slot) : 0});
      for (int64_t row = 0; row < *rows; ++row)
        if (sequence.wanted == Wanted::All ||
            (sequence.wanted == Wanted::Last && row == *rows - 1))
          batch.wanted.push_back(batch.rows + row);
      batch.rows += *rows;
      if (batch.sequences.back().past == 0 &&
          failed(count(sequence, batch.sequences.back())))
        return failure();
    }
    return batch;
  }

  std::vector<Value> values(const Batch &batch) {
    std::vector<Value> values;
    for (BlockArgument argument : entry.getArguments()) {
      StringRef name = text(argument, llm::nameAttr);
      if (name.empty()) {
        values.push_back(std::monostate());
        continue;
      }
      Shape shape(cast<RankedTensorType>(argument.getType()).getShape());
      shape[0] = batch.rows;
      Ints ints{shape};
      for (auto [sequence, span] : llvm::zip(step.sequences, batch.sequences))
        fill(argument, sequence, span,
             ints.data.data() + span.first * widthOf(argument));
      values.push_back(share(std::move(ints)));
    }
    return values;
  }

private:
  StringRef text(BlockArgument argument, StringRef attr) {
    auto value =
        entry.getArgAttrOfType<StringAttr>(argument.getArgNumber(), attr);
    return value ? value.getValue() : StringRef();
  }

  // Ints of a row.
  static int64_t widthOf(BlockArgument argument) {
    return llm::rowElements(cast<RankedTensorType>(argument.getType()));
  }

  FailureOr<int64_t> tokensOf(const Sequence &sequence) {
    int64_t rows = -1;
    for (const auto &[name, values] : sequence.inputs) {
      auto argument = llvm::find_if(
          entry.getArguments(), [&, &name = name](BlockArgument candidate) {
            return text(candidate, llm::nameAttr) == name;
          });
      if (argument == entry.getArguments().end())
        return entry.emitError("entry '")
               << step.entry << "' has no input '" << name << "'";
      int64_t width = widthOf(*argument), count = int64_t(values.size());
      if (count % width || (rows >= 0 && rows * width != count))
        return entry.emitError("expected ")
               << (rows < 0 ? 1 : rows) * width
               << " elements in each input of a sequence, found " << count
               << " in '" << name << "'";
      rows = count / width;
    }
    for (BlockArgument argument : entry.getArguments())
      if (text(argument, llm::inputAttr) == "tokens" &&
          !sequence.inputs.count(text(argument, llm::nameAttr).str()))
        return entry.emitError("entry '")
               << step.entry << "' needs the input '"
               << text(argument, llm::nameAttr) << "'";
    if (rows < 1)
      return entry.emitError("a sequence of a step has no tokens");
    return rows;
  }

  void fill(BlockArgument argument, const Sequence &sequence, const Span &span,
            int32_t *out) {
    auto given = sequence.inputs.find(text(argument, llm::nameAttr).str());
    StringRef type = text(argument, llm::inputAttr);
    for (int64_t i = 0; i < span.rows * widthOf(argument); ++i)
      out[i] = given != sequence.inputs.end()
                   ? given->second[size_t(i)]
                   : int32_t(counted(type, span.slot, span.past + i));
  }

  // What the runtime says of the sequence's token `at`.
  int64_t counted(StringRef type, int32_t slot, int64_t at) {
    States::Counts counts = states.counts(slot);
    bool spans = positionKind() == "spans";
    bool filled = spans && at >= counts.begin;
    if (type == "positions")
      return filled ? counts.anchor : at + positions("start");
    if (type == "block_positions")
      return filled ? at - counts.begin + 1 : 0;
    if (type == "prompt" || type == "announced")
      return counts.prompt;
    return type == "prefix" ? counts.begin : 0;
  }

  // From the first step of a slot: how long the prompt is, and for positions
  // of kind spans the place of the token `begin` and of the anchor before it.
  LogicalResult count(const Sequence &sequence, const Span &span) {
    States::Counts &counts = states.counts(span.slot);
    counts = {span.rows, 0, 0};
    auto dictionary = entry->getAttrOfType<DictionaryAttr>("llm.positions");
    auto anchors =
        dictionary ? dictionary.getAs<ArrayAttr>("anchors") : nullptr;
    if (!anchors)
      return success();
    const std::vector<int32_t> *tokens = nullptr;
    for (BlockArgument argument : entry.getArguments())
      if (text(argument, llm::inputAttr) == "tokens")
        tokens = &sequence.inputs.at(text(argument, llm::nameAttr).str());
    auto begin = llvm::find(*tokens, positions("begin"));
    counts.begin = begin - tokens->begin();
    for (auto equal : anchors.getAsRange<DenseI64ArrayAttr>())
      for (auto at = tokens->begin(); at != begin && begin != tokens->end();
           ++at)
        if (llvm::is_contained(equal.asArrayRef(), *at)) {
          counts.anchor = at - tokens->begin();
          return success();
        }
    return entry.emitError("the first step of a sequence must hold token ")
           << positions("begin") << " and one of its anchors before it";
  }

  // Of the entry's `llm.positions`.
  int64_t positions(StringRef name) const {
    auto all = entry->getAttrOfType<DictionaryAttr>("llm.positions");
    auto number = all ? all.getAs<IntegerAttr>(name) : nullptr;
    return number ? number.getInt() : 0;
  }
  StringRef positionKind() const {
    auto all = entry->getAttrOfType<DictionaryAttr>("llm.positions");
    auto kind = all ? all.getAs<StringAttr>("kind") : nullptr;
    return kind ? kind.getValue() : "linear";
  }

  func::FuncOp entry;
  const Step &step;
  States &states;
  bool goesOn;
};

// Whether the function or what it calls reads or writes a state.
bool usesState(func::FuncOp function, ModuleOp module) {
  WalkResult walk = function.walk([&](Operation *op) {
    auto call = dyn_cast<func::CallOp>(op);
    auto user = dyn_cast<llm::StateInterface>(op);
    bool uses =
        call ? usesState(module.lookupSymbol<func::FuncOp>(call.getCallee()),
                         module)
             : user && user.getStateAttr();
    return uses ? WalkResult::interrupt() : WalkResult::advance();
  });
  return walk.wasInterrupted();
}

} // namespace

FailureOr<std::vector<Output>> Evaluator::run(const Step &step,
                                              States &states) {
  auto entry = module.lookupSymbol<func::FuncOp>(step.entry);
  if (!entry || !entry->hasAttr(llm::entryAttr))
    return module.emitError("has no entry '") << step.entry << "'";
  // A source begins its sequence; what has no state begins anew at every step.
  bool source = entry->getAttrOfType<StringAttr>(llm::entryAttr) == "source";
  bool goesOn = !source && usesState(entry, module);
  if (source)
    for (const Sequence &sequence : step.sequences)
      states.reset(sequence.slot);
  Arguments arguments(entry, step, states, goesOn);
  FailureOr<Batch> batch = arguments.batch();
  if (failed(batch))
    return failure();
  Run run(module, weights, states, observer, *batch);
  FailureOr<std::vector<Value>> results =
      run.block(entry.front(), arguments.values(*batch), -1);
  if (failed(results))
    return failure();
  if (goesOn)
    for (const Span &sequence : batch->sequences)
      states.advance(sequence.slot, sequence.rows);
  std::vector<Output> outputs;
  for (auto [i, value] : llvm::enumerate(*results)) {
    auto name =
        entry.getResultAttrOfType<StringAttr>(unsigned(i), llm::nameAttr);
    auto *tensor = std::get_if<std::shared_ptr<const Tensor>>(&value);
    if (!name || !tensor)
      return entry.emitError("result ") << i << " has no name or no numbers";
    outputs.push_back({name.getValue().str(), **tensor});
  }
  return outputs;
}

} // namespace sluice::evaluate
