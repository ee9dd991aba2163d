// Symbols (weights, states), reading them, and constants.
#ifndef SLUICE_LLM_WEIGHT_OPS_TD
#define SLUICE_LLM_WEIGHT_OPS_TD

include "dialects/llm/LLMBase.td"

def LLM_WeightOp : LLM_Op<"weight", [Symbol]> {
  let summary = "declares a weight, or one weight per layer";
  let description = [{
    `type` is the shape and storage type the graph sees; where the data comes from and how it is packed is not said
    here. With `layers` the symbol stands for one tensor per listed layer index. A bias is a symbol of its own, named
    after its weight with `.bias` appended.

    ```mlir
    llm.weight @embed : tensor<128256x4096xbf16>
    llm.weight @layers.q : tensor<4096x4096xbf16> layers [0, 1, 2]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<LLM_Weight>:$type, OptionalAttr<DenseI64ArrayAttr>:$layers);
  let assemblyFormat = "$sym_name `:` $type (`layers` $layers^)? attr-dict";
  let extraClassDeclaration = [{
    ::mlir::RankedTensorType getTensorType() { return ::llvm::cast<::mlir::RankedTensorType>(getType()); }
  }];
}

def LLM_StateOp : LLM_Op<"state", [Symbol, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "declares what a sequence remembers between steps, or one such state per layer";
  let description = [{
    `cache`: one row per token of keys k [heads, width] and values v [heads, width], or of keys alone, whose first
    channels are the values (`values` of `llm.attention`). `fixed`: one value per sequence, exactly one field,
    `init` is its value before the first token: a number, or a weight of its shape, per layer or for all. `keep`: rows
    older than this many positions are never read again.
    `full`: before the first token such a cache holds as many rows of zeros, which no kernel has to read.
    `chunk`: rows of an earlier block of this many positions are never read again. `once`: written by one entry as a
    whole and only read afterwards (cross-attention). All f32.

    ```mlir
    llm.state @layers.kv cache {k = [8, 128], v = [8, 128]} layers [0, 1, 2]
    llm.state @layers.latent cache {k = [1, 576]} layers [0, 1, 2]
    llm.state @memory cache {k = [8, 128], v = [8, 128]} keep 1600 full
    llm.state @tail fixed {value = [3, 64]} init 0.0
    llm.weight @layers.start : tensor<4x16x16xf32> layers [0, 1]
    llm.state @layers.m fixed {value = [4, 16, 16]} layers [0, 1] init @layers.start
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, LLM_StateKindAttr:$kind, LLM_FieldArray:$fields,
      OptionalAttr<DenseI64ArrayAttr>:$layers, OptionalAttr<LLM_Int>:$keep, OptionalAttr<LLM_Int>:$chunk,
      OptionalAttr<AnyAttrOf<[LLM_Float, FlatSymbolRefAttr]>>:$init, UnitAttr:$full, UnitAttr:$once);
  let assemblyFormat = [{
    $sym_name $kind custom<Fields>($fields) (`layers` $layers^)? (`keep` $keep^)? (`chunk` $chunk^)? (`init` custom<Init>($init)^)?
    (`full` $full^)? (`once` $once^)? attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::llvm::SmallVector<FieldAttr> getFieldList() {
      return ::llvm::to_vector(getFields().getAsRange<FieldAttr>());
    }
    // The number that a fixed state begins with; 0 where a weight says it.
    float getInitNumber() {
      auto number = ::llvm::dyn_cast_or_null<::mlir::FloatAttr>(getInitAttr());
      return number ? number.getValue().convertToFloat() : 0.0f;
    }
    // Null where a number says it.
    ::mlir::FlatSymbolRefAttr getInitWeight() {
      return ::llvm::dyn_cast_or_null<::mlir::FlatSymbolRefAttr>(getInitAttr());
    }
  }];
}

def LLM_UseOp : LLM_Op<"use", [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "reads a weight";
  let description = [{
    `layer` is present exactly when the symbol has `layers`. The type is the symbol's.

    ```mlir
    llm.weight @layers.q : tensor<4096x4096xbf16> layers [0, 1, 2]
    %w = llm.use @layers.q[%l] : tensor<4096x4096xbf16>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$weight, Optional<Index>:$layer);
  let results = (outs LLM_Weight:$result);
  let assemblyFormat = "$weight (`[` $layer^ `]`)? attr-dict `:` type($result)";
}

def LLM_ConstantOp : LLM_PureOp<"constant", [ConstantLike]> {
  let summary = "a number, the same for every row";
  let description = [{
    An f32 without axes, tensor<f32>, which broadcasts to any shape.

    ```mlir
    %c = llm.constant 1.702
    ```
  }];
  let arguments = (ins LLM_Float:$value);
  let results = (outs LLM_F32Tensor:$result);
  let assemblyFormat = "$value attr-dict";
  let hasFolder = 1;
}

def LLM_VectorOp : LLM_PureOp<"vector"> {
  let summary = "numbers, the same for every row: frequencies from a list, for example";
  let description = [{
    At most 2^16 of them. Arithmetic of such vectors with numbers is done while compiling.

    ```mlir
    %f = llm.vector [1.000000e+00, 5.000000e-01]
    ```
  }];
  let words = [LLM_Word<"vector">];
  let primary = ["values"];
  let arguments = (ins DenseF32ArrayAttr:$values);
  let results = (outs LLM_Vector:$result);
  let assemblyFormat = "$values attr-dict";
}

def LLM_TapOp : LLM_Op<"tap", [MemoryEffects<[MemWrite<LLM_StateResource>]>]> {
  let summary = "names a value so that it can be compared with a reference";
  let description = [{
    Rows become an output of the entry (Taps.h) and change nothing else. A pass that fuses a tapped value away drops
    the tap.

    ```mlir
    llm.tap %x "layers.0.h" : tensor<?x64xf32>
    ```
  }];
  let arguments = (ins LLM_F32Tensor:$x, StrAttr:$name);
  let assemblyFormat = "$x $name attr-dict `:` type($x)";
}

#endif
