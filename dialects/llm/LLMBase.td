// The classes that the op files build on, and how ops are named in specs.
#ifndef SLUICE_LLM_BASE_TD
#define SLUICE_LLM_BASE_TD

include "dialects/llm/LLMTypes.td"
include "dialects/llm/LLMInterfaces.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

// A word of the spec language that means an op, perhaps with one attribute fixed (`add`: kind = add).
class LLM_Word<string word_, string attr_ = "", string value_ = ""> {
  string word = word_;
  string attr = attr_;
  string value = value_;
}

// A word that is no op: the importer gives the value another name.
def LLM_Identity : LLM_Word<"identity"> { string doc = "another name for x"; }

// What a slot means, for messages, the schema and the docs; one text per name.
class LLM_SlotDoc<string slot_, string doc_> { string slot = slot_; string doc = doc_; }

class LLM_Op<string mnemonic, list<Trait> traits = []> : Op<LLM_Dialect, mnemonic, traits> {
  // Words that mean this op; empty for ops that only the compiler makes.
  list<LLM_Word> words = [];
  // The operand or attribute written beside the word (`rms_norm: x`); several names: a list is written there.
  list<string> primary = ["x"];
  // More than two values in the primary list are folded from the left: (a + b) + c.
  bit foldsList = 0;
  // One further slot per field of the state in slot `state`, in the order of its fields.
  bit takesFields = 0;
}

// An op whose result types follow from its operands and attributes.
class LLM_InferOp<string mnemonic, list<Trait> traits = []>
    : LLM_Op<mnemonic, !listconcat(traits, [InferTypeOpAdaptor])>;

class LLM_PureOp<string mnemonic, list<Trait> traits = []> : LLM_InferOp<mnemonic, !listconcat(traits, [Pure])>;

// Result type = type of `x`.
class LLM_SameTypeOp<string mnemonic, list<Trait> traits = []>
    : LLM_Op<mnemonic, !listconcat(traits, [Pure, AllTypesMatch<["x", "result"]>])>;

// A result's row depends only on the same row of the operands.
def LLM_RowWise : NativeOpTrait<"RowWise"> { let cppNamespace = "::sluice::llm"; }

def LLM_StateResource : Resource<"::sluice::llm::StateResource">;

// Traits of an op with a state in the attribute `state`, and what it does with it.
class LLM_StateTraits<bit reads, bit writes> {
  list<Trait> traits = !listconcat(
      [DeclareOpInterfaceMethods<SymbolUserOpInterface>,
       LLM_StateInterface],
      !if(!and(reads, writes), [MemoryEffects<[MemRead<LLM_StateResource>, MemWrite<LLM_StateResource>]>],
          !if(writes, [MemoryEffects<[MemWrite<LLM_StateResource>]>], [MemoryEffects<[MemRead<LLM_StateResource>]>])));
  code declaration = "static bool readsState() { return " # !if(reads, "true", "false") # "; }\n"
                     "static bool writesState() { return " # !if(writes, "true", "false") # "; }\n";
}
def LLM_ReadsState : LLM_StateTraits<1, 0>;
def LLM_WritesState : LLM_StateTraits<0, 1>;
def LLM_UpdatesState : LLM_StateTraits<1, 1>;

#endif
