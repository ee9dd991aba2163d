// Types, attributes and the constraints that the ops share.
#ifndef SLUICE_LLM_TYPES_TD
#define SLUICE_LLM_TYPES_TD

include "dialects/llm/LLMDialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/BuiltinAttributes.td"

class LLM_Type<string name, string mnemonic_> : TypeDef<LLM_Dialect, name> { let mnemonic = mnemonic_; }

def LLM_BatchType : LLM_Type<"Batch", "batch"> {
  let summary = "the step's tokens and sequences: slots, positions, lengths, block tables";
}
def LLM_CacheType : LLM_Type<"Cache", "cache"> {
  let summary = "handle of a cache: with this step's rows written (`append`), or as it is (`cached`)";
  string slotKind = "value";
}
def LLM_BiasType : LLM_Type<"Bias", "bias"> {
  let summary = "a score bias of that many heads: a function of head, query and key position, never a stored matrix";
  let parameters = (ins "int64_t":$heads);
  let assemblyFormat = "`<` $heads `>`";
  let genVerifyDecl = 1;
  string slotKind = "value";
}

def LLM_BlocksType : LLM_Type<"Blocks", "blocks"> {
  let summary = "numbers of a weight that share a scale with their group, kept as a checkpoint has them";
  let description = "The format is one of runtime/format/Packing.h: `!llm.blocks<i8x32>`. To the graph they are f32.";
  let parameters = (ins "::sluice::format::Elem":$elem);
  let assemblyFormat = "`<` custom<Blocks>($elem) `>`";
}

// Words. The C++ enumerant is spelled as the word. Printed bare inside an op's assembly (`act silu %x`) and as
// #llm<act silu> elsewhere.
class LLM_Enum<string name, string summary, list<string> words>
    : I32Enum<name, summary, !foreach(i, !range(words), I32EnumCase<words[i], i, words[i]>)> {
  let cppNamespace = "::sluice::llm";
}
class LLM_EnumAttr<EnumInfo info, string mnemonic> : EnumAttr<LLM_Dialect, info, mnemonic> {
  string slotKind = "word";
}

def LLM_BinaryKind : LLM_Enum<"BinaryKind", "two-operand arithmetic", ["add", "sub", "mul", "div", "min", "max"]>;
def LLM_BinaryKindAttr : LLM_EnumAttr<LLM_BinaryKind, "binary_kind">;
def LLM_Act : LLM_Enum<"Act", "elementwise function", ["silu", "swish", "gelu_erf", "gelu_tanh", "relu", "relu2",
    "sigmoid", "tanh", "softplus", "exp", "log", "log1p", "floor", "sqrt", "sin", "cos"]>;
def LLM_ActAttr : LLM_EnumAttr<LLM_Act, "act">;
def LLM_Compute : LLM_Enum<"Compute", "type that products are taken in (sums are always f32)", ["f32", "bf16", "i8"]>;
def LLM_ComputeAttr : LLM_EnumAttr<LLM_Compute, "compute">;
def LLM_Pairing : LLM_Enum<"Pairing", "which channels a rotation pairs: c with c+r/2, or 2c with 2c+1", ["half", "adjacent"]>;
def LLM_PairingAttr : LLM_EnumAttr<LLM_Pairing, "pairing">;
def LLM_EpsIn : LLM_Enum<"EpsIn", "eps is added to the sum of squares, or is a floor of the length", ["sum", "max"]>;
def LLM_EpsInAttr : LLM_EnumAttr<LLM_EpsIn, "eps_in">;
def LLM_RoundTo : LLM_Enum<"RoundTo", "type whose values the result is rounded to", ["f16", "bf16"]>;
def LLM_RoundToAttr : LLM_EnumAttr<LLM_RoundTo, "round_to">;
def LLM_Pool : LLM_Enum<"Pool", "how the rows of a sequence become one", ["mean", "max"]>;
def LLM_PoolAttr : LLM_EnumAttr<LLM_Pool, "pool">;
def LLM_Which : LLM_Enum<"Which", "which row of a sequence", ["first", "last"]>;
def LLM_WhichAttr : LLM_EnumAttr<LLM_Which, "which">;
def LLM_StateKind : LLM_Enum<"StateKind", "grows by one row per token, or one value per sequence", ["cache", "fixed"]>;
def LLM_StateKindAttr : LLM_EnumAttr<LLM_StateKind, "state_kind">;
def LLM_NormKind : LLM_Enum<"NormKind", "root mean square, or mean and variance", ["rms", "layer"]>;
def LLM_Score : LLM_Enum<"Score", "how router logits become weights", ["none", "softmax", "sigmoid"]>;
def LLM_ScoreAttr : LLM_EnumAttr<LLM_Score, "score">;
def LLM_RouterOrder : LLM_Enum<"RouterOrder", "score all experts and choose, or choose and score the chosen",
    ["score_first", "top_first"]>;
def LLM_RouterOrderAttr : LLM_EnumAttr<LLM_RouterOrder, "router_order">;
def LLM_Cell : LLM_Enum<"Cell", "how a recurrent layer makes a row from gates and the row before it", ["tanh", "relu", "lstm", "gru"]>;
def LLM_CellAttr : LLM_EnumAttr<LLM_Cell, "cell">;
def LLM_MaskKind : LLM_Enum<"MaskKind", "which keys a query may see", ["causal", "all", "window", "band", "chunk", "prefix",
    "from", "segments", "keys", "queries", "blocks", "any", "every"]>;

def LLM_MaskAttr : AttrDef<LLM_Dialect, "Mask"> {
  let mnemonic = "mask";
  let summary = "one term of a mask; all terms of the list must allow a key";
  let description = [{
    i and j are positions in the sequence of query and key; other sequences are never visible.
    `#llm.mask<causal>`: j <= i. `#llm.mask<all>`: every key of the sequence. `#llm.mask<window, 128>`: 0 <= i-j < 128.
    `#llm.mask<band, 64>`: |i-j| <= 64. `#llm.mask<chunk, 8192>`: same block of 8192.
    With m the given operand of the op's `mask_values`, an i32 of each row: `#llm.mask<prefix, 0>`: j < m[i]. `#llm.mask<from, 0>`: j >= m[i].
    `#llm.mask<segments, 0>`: m[j] = m[i], and not negative. `#llm.mask<keys, 1>`: m[j] is not 0.
    `#llm.mask<queries, 1>`: every key if m[i] is not 0, else none. The result of a query that sees no key is 0.
    `#llm.mask<blocks, 64, 16, 8, 1>`, of size 64: with I and J the blocks of query and key, 0 <= I-J < 16, or
    J + 1 + 1*h is a multiple of 8, h the query's head.
    `#llm.mask<any of [#llm.mask<causal>, #llm.mask<prefix, 0>]>`: one of them; `every`: all of them.
  }];
  let parameters = (ins EnumParameter<LLM_MaskKind>:$kind, OptionalArrayRefParameter<"int64_t">:$numbers,
      OptionalParameter<"::mlir::ArrayAttr">:$terms);
  let assemblyFormat = "`<` $kind (`,` $numbers^)? (`of` $terms^)? `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    // The number that most kinds have: positions, or which of the mask's values.
    int64_t getSize() const { return getNumbers().empty() ? 0 : getNumbers().front(); }
    // Whether it tells keys by what their rows hold.
    bool readsKeys() const { return getKind() == MaskKind::segments || getKind() == MaskKind::keys; }
    bool hasValue() const {
      return readsKeys() || getKind() == MaskKind::prefix || getKind() == MaskKind::from || getKind() == MaskKind::queries;
    }
    // Itself, and the terms in it.
    void walk(::llvm::function_ref<void(MaskAttr)> visit) const;
  }];
}
def LLM_MaskArray : TypedArrayAttrBase<LLM_MaskAttr, "mask terms"> { string slotKind = "mask"; }

def LLM_NormAttr : AttrDef<LLM_Dialect, "Norm"> {
  let mnemonic = "norm";
  let summary = "a normalisation of the last axis, as part of a fused op";
  let parameters = (ins EnumParameter<LLM_NormKind>:$kind, "::mlir::FloatAttr":$eps);
  let assemblyFormat = "`<` $kind `,` $eps `>`";
}

def LLM_EpilogueAttr : AttrDef<LLM_Dialect, "Epilogue"> {
  let mnemonic = "epilogue";
  let summary = "what happens to the result of a product, as part of a fused op";
  let description = [{
    With `glu` the results of two products, gate and up, become
    act(min(gate, gate_max)) * (clamp(up, -up_limit, up_limit) + up_add); numbers that are absent do nothing. Without it
    there is one, and act is applied to it. Then come a factor `scale` and cap * tanh(./cap). `beta` is that of swish.
    In an op its words stand as they are: `glu act silu scale 2.0`.
  }];
  let parameters = (ins "::sluice::llm::Epilogue":$value);
  let hasCustomAssemblyFormat = 1;
}

def LLM_FieldAttr : AttrDef<LLM_Dialect, "Field"> {
  let mnemonic = "field";
  let summary = "one tensor of a state: its name and its shape, per row of a cache or per sequence";
  let parameters = (ins StringRefParameter<"name">:$name, ArrayRefParameter<"int64_t">:$shape);
  let assemblyFormat = "`<` $name `,` `[` $shape `]` `>`";
}
def LLM_FieldArray : TypedArrayAttrBase<LLM_FieldAttr, "fields of a state">;

// Constraints. `slotKind` says what a spec writes in the slot of that name; operands and attributes without it are
// supplied by the compiler.
class LLM_TensorOf<list<Type> elems, list<Pred> more, string summary>
    : ConfinedType<RankedTensorOf<elems>, more, summary, "::mlir::RankedTensorType">;
def LLM_HasRows : CPred<"::sluice::llm::hasRows(::llvm::cast<::mlir::RankedTensorType>($_self))">;
def LLM_NoRows : CPred<"::sluice::llm::hasNoRows(::llvm::cast<::mlir::RankedTensorType>($_self))">;
def LLM_HasAxis : CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() > 0">;
def LLM_Rank1 : CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == 1">;
def LLM_Rank2 : CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == 2">;
def LLM_Rank3 : CPred<"::llvm::cast<::mlir::RankedTensorType>($_self).getRank() == 3">;

def LLM_Rows : LLM_TensorOf<[F32], [LLM_HasRows], "f32 rows (only the first axis is dynamic)"> { string slotKind = "value"; }
def LLM_Rows2 : LLM_TensorOf<[F32], [LLM_HasRows, LLM_Rank2], "f32 rows of one axis, tensor<?xNxf32>"> { string slotKind = "value"; }
def LLM_Heads : LLM_TensorOf<[F32], [LLM_HasRows, LLM_Rank3], "f32 rows of heads, tensor<?xHxDxf32>"> { string slotKind = "value"; }
def LLM_Ids : LLM_TensorOf<[I32], [LLM_HasRows, LLM_Rank1], "one i32 per row, tensor<?xi32>"> { string slotKind = "value"; }
// The values of the terms of the op's mask; a spec writes them in the mask.
def LLM_MaskValues : LLM_TensorOf<[I32], [LLM_HasRows, LLM_Rank1], "one i32 per row, tensor<?xi32>"> { string slotKind = "mask_values"; }
def LLM_Ints : LLM_TensorOf<[I32], [LLM_HasRows], "i32 rows"> { string slotKind = "value"; }
def LLM_Choice : LLM_TensorOf<[I32], [LLM_HasRows, Neg<LLM_Rank1>], "chosen indices, tensor<?x...xKxi32>"> { string slotKind = "value"; }
def LLM_Choice2 : LLM_TensorOf<[I32], [LLM_HasRows, LLM_Rank2], "chosen indices, tensor<?xKxi32>"> { string slotKind = "value"; }
def LLM_Vector : LLM_TensorOf<[F32], [LLM_NoRows, LLM_Rank1], "f32 vector without rows, tensor<Nxf32>"> { string slotKind = "value"; }
def LLM_Freqs : LLM_TensorOf<[F32], [Or<[And<[LLM_NoRows, LLM_Rank1]>, And<[LLM_HasRows, LLM_Rank2]>]>], "an f32 vector, or f32 rows of one axis"> { string slotKind = "value"; }
def LLM_RowsOrNot : Or<[LLM_HasRows, LLM_NoRows]>;
def LLM_F32Tensor : LLM_TensorOf<[F32], [LLM_RowsOrNot], "f32 rows or an f32 tensor without rows"> { string slotKind = "value"; }
// Elementwise operands: rows, constants, and small weights read as they are stored.
def LLM_Operand : LLM_TensorOf<[F32, BF16, LLM_BlocksType], [LLM_RowsOrNot], "f32 rows, a constant or a weight"> { string slotKind = "value"; }
def LLM_Weight : LLM_TensorOf<[F32, BF16, LLM_BlocksType], [LLM_NoRows, LLM_HasAxis], "an f32 or bf16 weight or one in blocks, of at least one axis"> { string slotKind = "weight"; }
def LLM_Weight2 : LLM_TensorOf<[F32, BF16, LLM_BlocksType], [LLM_NoRows, LLM_Rank2], "a matrix [out, in] of f32, bf16 or blocks"> { string slotKind = "weight"; }
def LLM_Weight3 : LLM_TensorOf<[F32, BF16, LLM_BlocksType], [LLM_NoRows, LLM_Rank3], "matrices [heads, out, in] of f32, bf16 or blocks"> { string slotKind = "weight"; }
// The bias that belongs to the weight in slot `w`; a spec never names it.
def LLM_WeightBias : LLM_TensorOf<[F32, BF16], [LLM_NoRows], "the bias of a weight"> { string slotKind = "bias"; }

def LLM_Int : TypedSignlessIntegerAttrBase<I64, "int64_t", "64-bit signless integer attribute"> {
  let convertFromStorage = "$_self.getInt()";
  string slotKind = "int";
}
def LLM_Float : FloatAttrBase<F32, "32-bit float attribute"> {
  let returnType = "float";
  let convertFromStorage = "$_self.getValue().convertToFloat()";
  let constBuilderCall = "$_builder.getF32FloatAttr($0)";
  string slotKind = "float";
}

#endif
