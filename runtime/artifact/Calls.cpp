#include "runtime/artifact/Calls.h"

#include "runtime/artifact/Table.h"
#include "runtime/format/kernel_abi.h"

#include <algorithm>

namespace sluice::artifact {

using namespace format;

// More than any kernel has; a hostile file could have parts shared without end.
static constexpr size_t kMostParts = 64;

const Dispatch &generated(const Step &step) {
  const Matmul *matmul = step.body_as_Matmul();
  return matmul ? *matmul->fallback() : *step.body_as_Dispatch();
}

static bool isSmall(const Count *count) {
  if (!count)
    return true;
  if (list(count->terms()).size() > kMostParts)
    return false;
  for (const Term *term : list(count->terms()))
    if (term->factors() && term->factors()->size() > kMostParts)
      return false;
  return true;
}

static bool isSmall(const Operand &operand) {
  bool small = list(operand.layouts()).size() <= kMostParts &&
               list(operand.fields()).size() <= kMostParts;
  for (const Count *count : {operand.width(), operand.times(), operand.over(),
                             operand.rows(), operand.count()})
    small = small && isSmall(count);
  if (small)
    for (const Field *field : list(operand.fields()))
      small = small && isSmall(field->heads()) && isSmall(field->width());
  return small;
}

Status checkSignature(const Signature &signature) {
  bool small = list(signature.operands()).size() <= kMostParts &&
               list(signature.dims()).size() <= kMostParts &&
               list(signature.rules()).size() <= kMostParts &&
               isSmall(signature.flops()) &&
               isSmall(signature.flops_per_position());
  if (small) {
    for (const Operand *operand : list(signature.operands()))
      small = small && isSmall(*operand);
    for (const Rule *rule : list(signature.rules()))
      small = small && isSmall(rule->left()) && isSmall(rule->right());
  }
  if (!small)
    return Status(Code::Corrupt, "its signature has too many parts");
  SignatureT unpacked;
  signature.UnPackTo(&unpacked);
  std::string wrong = format::checkSignature(unpacked);
  return wrong.empty() ? Status() : Status(Code::Corrupt, std::move(wrong));
}

Signatures::Signatures(const Model &model) {
  for (const Kernel *kernel : list(model.kernels()))
    kernel->signature()->UnPackTo(&all_.emplace_back());
}

static Given givenFor(const Model &model, const Entry &entry, const Ref &ref) {
  Given given;
  given.kind = ref.kind();
  switch (ref.kind()) {
  case RefKind::Buffer: {
    const Buffer &buffer = *list(model.buffers())[ref.index()];
    given.name = text(buffer.name());
    given.elem = buffer.elem();
    given.rows = buffer.rows();
    given.rowScale = buffer.row_scale();
    given.columns = buffer.columns();
    given.stride = buffer.stride();
    given.column = ref.column();
    break;
  }
  case RefKind::Weight: {
    const Weight &weight = *list(model.weights())[ref.index()];
    given.name = text(weight.name());
    given.elem = weight.elem();
    given.packing = packingOf(weight);
    break;
  }
  case RefKind::State: {
    const State &state = *list(model.states())[ref.index()];
    given.name = text(state.name());
    given.state = state.kind();
    given.elements = static_cast<int64_t>(state.slot_bytes() / sizeof(float));
    for (const StateField *field : list(state.fields()))
      given.fields.push_back({text(field->name()), numbers(field->shape())});
    break;
  }
  case RefKind::Input: {
    const Input &input = *list(entry.inputs())[ref.index()];
    given.name = text(input.name());
    given.elem = input.elem();
    given.rows = input.rows();
    given.columns = given.stride = input.columns();
    given.column = ref.column();
    break;
  }
  }
  return given;
}

Status checkDispatch(const Model &model, const Entry &entry,
                     const SignatureT &signature, const Dispatch &dispatch) {
  std::vector<Given> operands;
  for (const Ref *ref : list(dispatch.operands()))
    operands.push_back(givenFor(model, entry, *ref));
  std::vector<int64_t> dims = numbers(dispatch.dims());
  std::string wrong = checkCall(
      signature, {dims, dispatch.rows(), dispatch.row_scale(), operands});
  return wrong.empty() ? Status() : Status(Code::Corrupt, std::move(wrong));
}

static double bytesOf(const OperandT &operand, int64_t numbers) {
  const ElemInfo &info = infoOf(operand.elem);
  return static_cast<double>(numbers) / static_cast<double>(info.block) *
         static_cast<double>(info.blockBytes);
}

Work workOf(const Model &model, const Signatures &signatures, const Step &step,
            int64_t rows, const Looked &looked) {
  const Dispatch &dispatch = generated(step);
  const SignatureT &signature = signatures.of(dispatch);
  std::vector<int64_t> dims = numbers(dispatch.dims());
  auto value = [&](const std::unique_ptr<CountT> &count, int64_t otherwise) {
    return valueOf(count.get(), dims, otherwise);
  };
  double count = static_cast<double>(rows);
  Work work;
  work.flops = count * static_cast<double>(value(signature.flops, 0)) +
               looked.pairs *
                   static_cast<double>(value(signature.flops_per_position, 0));
  for (size_t i = 0; i < signature.operands.size(); ++i) {
    const OperandT &operand = *signature.operands[i];
    const Ref &ref = *list(dispatch.operands())[i];
    int64_t width = value(operand.width, 0);
    switch (operand.role) {
    case Role::Rows:
    case Role::Vector: {
      bool one = operand.role == Role::Vector ||
                 operand.follows == Follows::One ||
                 ref.kind() == RefKind::Weight;
      double each = static_cast<double>(value(operand.times, 1)) /
                    static_cast<double>(value(operand.over, 1));
      double bytes = bytesOf(operand, width) * (one ? 1 : count * each);
      (ref.kind() == RefKind::Weight ? work.weightBytes : work.bytes) += bytes;
      break;
    }
    case Role::Matrix: {
      const Weight &weight = *list(model.weights())[ref.index()];
      // At most one matrix for each row is read.
      double matrices = static_cast<double>(value(operand.count, 1));
      if (operand.looked_up)
        work.bytes += count * bytesOf(operand, width);
      else
        work.weightBytes += static_cast<double>(weight.bytes()) *
                            std::min(1.0, count / matrices);
      work.bf16 |= operand.elem == Elem::BF16;
      break;
    }
    case Role::Cache:
      (i < signature.writes ? work.bytesPerPosition : work.bytes) +=
          static_cast<double>(
              list(model.states())[ref.index()]->block_bytes()) /
          SLC_CACHE_BLOCK * (i < signature.writes ? 1 : count);
      break;
    case Role::FixedState:
      work.bytes += bytesOf(operand, width);
      break;
    }
  }
  work.bytes += work.weightBytes + looked.positions * work.bytesPerPosition;
  return work;
}

} // namespace sluice::artifact
