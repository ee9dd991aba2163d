// The words of the spec language and the ops they mean, generated from the ODS
// when the project is built. No MLIR here: the spec reader checks nodes with
// it, the schema is printed from it, and the importer creates ops from it.
#pragma once

#include <span>
#include <string_view>

namespace sluice::llm {

enum class SlotKind {
  Value,      // a value of the graph
  Values,     // a list of values (numbers are made constants)
  Weight,     // a weight of the scope
  Bias,       // operand: the bias of the weight in slot `w`; never written
  State,      // a state of the scope: symbol attribute
  Batch,      // operand: the step; never written
  Layer,      // operand: the layer index of the state; never written
  Fields,     // one slot per field of the state, named after the field
  Int,        // i64 attribute
  Float,      // f32 attribute
  Bool,       // bool attribute
  Word,       // one of `words`: enum attribute #llm<wordKind word>
  Ints,       // array of i64
  Floats,     // array of f32
  Mask,       // array of mask terms
  MaskValues, // operands: the values that terms of the mask name; never written
  Text,       // string attribute
};

struct Slot {
  std::string_view name;
  SlotKind kind;
  bool optional;
  bool primary; // written beside the op's word
  bool implied; // supplied by the compiler, never written in a spec
  int operands; // operands it stands for in the op; 0: an attribute of the same
                // name, -1: any number
  std::span<const std::string_view> words; // legal words of a Word slot
  std::string_view wordKind;
  std::string_view doc;
};

struct OpInfo {
  std::string_view word;
  std::string_view op;                   // "llm.binary"; empty for `identity`
  std::string_view fixedSlot, fixedWord; // add: kind = add; empty if none
  std::span<const Slot> slots;           // in the order of the op's operands
  int results;                           // -1: one per element of slot `sizes`
  bool foldsList;   // a primary list of more values is folded from the left
  bool takesFields; // has a slot of kind Fields
  bool hasSegments; // needs operandSegmentSizes: one number per slot with
                    // operands, 0 or 1 for optional ones
  std::string_view doc;
};

// Sorted by word.
std::span<const OpInfo> opRegistry();

// Null if no op has this word.
const OpInfo *findOp(std::string_view word);

// The slot of that name, or null.
const Slot *findSlot(const OpInfo &op, std::string_view name);

} // namespace sluice::llm
