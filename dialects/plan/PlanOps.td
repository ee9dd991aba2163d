// Declarations, programs and their steps.
#ifndef SLUICE_DIALECTS_PLAN_PLANOPS_TD
#define SLUICE_DIALECTS_PLAN_PLANOPS_TD

include "dialects/plan/PlanDialect.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Plan_Op<string mnemonic, list<Trait> traits = []> : Op<Plan_Dialect, mnemonic, traits>;

def Plan_Names : TypedArrayAttrBase<StrAttr, "names">;

def Plan_WeightOp : Plan_Op<"weight", [Symbol, IsolatedFromAbove]> {
  let summary = "A weight as the artifact stores it";
  let description = [{
    `shape` is that of one instance, before packing. `parts` are paths of the
    spec's weights, joined along their rows (the gate and the up half for the
    `*_glu` layouts). `layers` lists the group indices that have an instance;
    without it there is one. `value` holds small constant tables instead of parts.
    A part with an index in brackets is that instance of its path, whatever the
    layer.

    A weight with a body is computed when it is packed: scalar arithmetic on one
    element of each part and, after these, of each table.

    ```mlir
    plan.weight @layers.qkv bf16 panel [3072, 2048] of ["layers.q", "layers.k", "layers.v"] layers [0, 1]
    plan.weight @freqs f32 rows [2] value dense<[1.0, 0.5]> : tensor<2xf32>
    plan.weight @scaled f32 rows [2] of ["layers.s"[3]] tables [dense<2.0> : tensor<1xf32>] body(%s: f32, %t: f32) {
      %m = arith.mulf %s, %t : f32
      plan.yield %m : f32
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttr:$elem, Plan_Layout:$layout,
                       DenseI64ArrayAttr:$shape, OptionalAttr<TypedArrayAttrBase<Plan_Part, "parts">>:$parts,
                       OptionalAttr<DenseI64ArrayAttr>:$layers, OptionalAttr<ElementsAttr>:$value,
                       OptionalAttr<TypedArrayAttrBase<ElementsAttr, "tables">>:$tables);
  let regions = (region MaxSizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name $elem $layout $shape (`of` custom<Parts>($parts)^)? (`layers` $layers^)? (`value` $value^)? (`tables` $tables^)? ``
    custom<Body>($body) attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_StateOp : Plan_Op<"state", [Symbol]> {
  let summary = "What a sequence keeps between steps";
  let description = [{
    A `cache` holds rows of the fields k and v, each [heads, width], in blocks of
    128 positions; a `fixed` state is one tensor per sequence; a `transient` cache
    lives for one step only. `bytes` is what one instance takes: of a block, or per
    sequence where it is fixed. `keep` rows of a cache stay visible, `chunk` is the
    number of positions after which it starts again, `init` what a fixed state
    holds at the start: the value of every element, or a weight, `once` marks a cache that another entry
    fills before this one reads it.

    ```mlir
    plan.state @layers.kv cache {k = [8, 64], v = [8, 64]} f32 bytes 524288 layers [0, 1]
    plan.state @tail fixed {value = [3, 64]} f32 bytes 768 {init = 0.0 : f32}
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Plan_StateKind:$kind, Plan_Names:$fields,
                       ArrayAttr:$shapes, TypeAttr:$elem, I64Attr:$block_bytes,
                       OptionalAttr<DenseI64ArrayAttr>:$layers, OptionalAttr<I64Attr>:$keep,
                       OptionalAttr<I64Attr>:$chunk, OptionalAttr<AnyAttrOf<[F32Attr, FlatSymbolRefAttr]>>:$init, UnitAttr:$once);
  let assemblyFormat = [{
    $sym_name $kind custom<Fields>($fields, $shapes) $elem `bytes` custom<Number>($block_bytes)
    (`layers` $layers^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_KernelOp : Plan_Op<"kernel", [Symbol, IsolatedFromAbove]> {
  let summary = "A generated function that steps can call";
  let description = [{
    The kind and its attributes say what to generate; sizes are arguments (`dims`),
    so all layers share a kernel. Operands and dims are those that the kind's
    signature has. A `map` kernel has a body of scalar arithmetic.

    ```mlir
    plan.kernel @linear.bf16 "linear" {compute = "bf16", weight = "bf16"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, DictionaryAttr:$config,
                       Plan_Names:$inputs, Plan_Names:$outputs, Plan_Names:$dims);
  let regions = (region MaxSizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name $kind $config custom<Names>($inputs) `->` custom<Names>($outputs)
    `dims` custom<Names>($dims) `` custom<Body>($body) attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    int64_t getOperandTotal() { return getInputs().size() + getOutputs().size(); }
    // The name of operand `i`, inputs before outputs.
    ::llvm::StringRef getOperandName(int64_t i);
  }];
}

def Plan_YieldOp : Plan_Op<"yield", [Terminator, Pure, ParentOneOf<["KernelOp", "WeightOp"]>]> {
  let summary = "The result of a body";
  let description = [{
    One value per output of a kernel, one f32 of a weight.

    ```mlir
    plan.kernel @map.twice "map" {inputs = 1 : i64} (x0) -> (y) dims (N, x0.stride, y.stride) body(%x: f32) {
      %s = arith.addf %x, %x : f32
      plan.yield %s : f32
    }
    ```
  }];
  let arguments = (ins Variadic<AnyType>:$values);
  let assemblyFormat = "$values `:` type($values) attr-dict";
}

def Plan_EntryOp : Plan_Op<"entry", [Symbol]> {
  let summary = "Something that a caller of the artifact can run";
  let description = [{
    `kind` is the contract with the runtime. `inputs` maps names to kinds
    (tokens, positions, ...), `outputs` lists the names of the results. `start`
    is the id that generation starts from, `positions` the way in which the
    runtime counts; `limits` gives for an input of integers the bound that they
    must stay below (the rows of the table that they index), 0 for none. Inputs
    of `optional` are zeros where the caller leaves them out.

    ```mlir
    plan.entry @generate "generate" inputs {ids = "tokens", pos = "positions"} limits [32000, 0] outputs (logits) positions {kind = "linear"}
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$kind, Plan_Names:$input_names,
                       Plan_Names:$input_kinds, DenseI64ArrayAttr:$limits, Plan_Names:$outputs,
                       OptionalAttr<Plan_Names>:$optional,
                       OptionalAttr<I64Attr>:$start, OptionalAttr<DictionaryAttr>:$positions);
  let assemblyFormat = [{
    $sym_name $kind `inputs` custom<Inputs>($input_names, $input_kinds) `limits` $limits
    (`optional` custom<Names>($optional)^)? `outputs` custom<Names>($outputs)
    (`start` custom<Number>($start)^)? (`positions` $positions^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_ProgramOp : Plan_Op<"program", [Symbol, IsolatedFromAbove, SingleBlock, NoTerminator,
                                         NoRegionArguments,
                                         DeclareOpInterfaceMethods<OpAsmOpInterface, ["getDefaultDialect"]>]> {
  let summary = "The steps of an entry for a range of token counts";
  let description = [{
    Without an upper bound the program takes whatever the runtime has room for. Ranges of an entry are disjoint, but
    one without `matmul` steps may go on into the range of a later one with them: the runtime takes that one from its
    first token count on if the engine computes at least one of its products, else the first for all. Inside, the ops of
    this dialect go without `plan.`.

    ```mlir
    plan.program @generate.decode for @generate tokens 1 to 8 {
      %ids = input "ids" i32[1]
      %x = buffer "x" tokens f32[2048]
      dispatch @embedding.bf16.rows(ids = %ids, w = @embed[0]) -> (y = %x) dims {N = 2048, V = 32000, ids.stride = 1, y.stride = 2048} rows tokens
      output "hidden" %x tokens[2048]
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$entry, I64Attr:$min,
                       OptionalAttr<I64Attr>:$max);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `for` $entry `tokens` custom<Number>($min) (`to` custom<Number>($max)^)? $body attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // Some of its products may be computed by the engine.
    bool hasProductsForEngine();
  }];
}

class Plan_Place<string mnemonic> : Plan_Op<mnemonic,
    [HasParent<"ProgramOp">, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let results = (outs Plan_Buffer:$buffer);
}

def Plan_InputOp : Plan_Place<"input"> {
  let summary = "An input of the entry, one dense row after the other";
  let description = [{
    `shape` is that of a row as the caller sees it, if it has other than one axis; then its product is the columns.

    ```mlir
    %ids = input "ids" i32[1]
    %q = input "q" f32[48] shape [4, 12]
    ```
  }];
  let arguments = (ins StrAttr:$name, TypeAttr:$elem, I64Attr:$columns,
                       OptionalAttr<DenseI64ArrayAttr>:$shape);
  let assemblyFormat = "$name $elem `[` custom<Number>($columns) `]` (`shape` $shape^)? attr-dict";
  let hasVerifier = 1;
}

def Plan_BufferOp : Plan_Place<"buffer"> {
  let summary = "Rows of working memory";
  let description = [{
    As many rows as a step has tokens, wanted tokens or sequences, times a factor,
    or one. The row stride is the number of columns rounded up to 16 elements (a
    single column is dense). `at [a, b, c]` is the offset of a + b*C + c*S bytes,
    multiples of 64, for a token capacity C and a sequence capacity S; assigned by
    `plan-assign-arena`.

    ```mlir
    %h = buffer "h" tokens f32[2048] at [0, 8192, 0]
    %m = buffer "m" tokens * 2 f32[5632]
    ```
  }];
  let arguments = (ins StrAttr:$name, Plan_RowKind:$rows, DefaultValuedAttr<I64Attr, "1">:$row_scale,
                       TypeAttr:$elem, I64Attr:$columns, OptionalAttr<DenseI64ArrayAttr>:$offset);
  let assemblyFormat = [{
    $name custom<Rows>($rows, $row_scale) $elem `[` custom<Number>($columns) `]` (`at` $offset^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_OutputOp : Plan_Op<"output", [HasParent<"ProgramOp">]> {
  let summary = "Names the rows that the caller gets";
  let description = [{
    Columns `from` to `from` + `columns` of a buffer, whose rows are stated again.

    ```mlir
    %y = buffer "y" wanted f32[32000]
    output "logits" %y wanted[32000]
    output "tail" %y wanted[64] from 16
    ```
  }];
  let arguments = (ins StrAttr:$name, Plan_Buffer:$buffer, Plan_RowKind:$rows,
                       DefaultValuedAttr<I64Attr, "1">:$row_scale, I64Attr:$columns,
                       DefaultValuedAttr<I64Attr, "0">:$column);
  let assemblyFormat = [{
    $name $buffer custom<Rows>($rows, $row_scale) `[` custom<Number>($columns) `]`
    (`from` custom<Number>($column)^)? attr-dict
  }];
  let hasVerifier = 1;
}

def StepOpInterface : OpInterface<"StepOpInterface"> {
  let cppNamespace = "::sluice::plan";
  let description = "A step of a program: a kernel on operands that are given by name.";
  let methods = [
    InterfaceMethod<"", "::mlir::FlatSymbolRefAttr", "getKernelAttr">,
    InterfaceMethod<"", "::mlir::ArrayAttr", "getNames">,
    InterfaceMethod<"", "::mlir::ArrayAttr", "getRefs">,
    InterfaceMethod<"", "int64_t", "getWrites">,
    InterfaceMethod<"", "::mlir::OperandRange", "getBuffers">,
    InterfaceMethod<"", "::mlir::DictionaryAttr", "getDims">,
    InterfaceMethod<"", "::sluice::plan::RowKind", "getRows">,
    InterfaceMethod<"", "int64_t", "getRowScale">,
    InterfaceMethod<"", "int64_t", "getScratch">,
    InterfaceMethod<"", "void", "setScratch", (ins "uint64_t":$bytes)>,
    InterfaceMethod<"", "bool", "getNowait">,
    InterfaceMethod<"", "void", "setNowait", (ins "bool":$value)>,
    InterfaceMethod<"", "std::optional<uint64_t>", "getLayer">,
    InterfaceMethod<"", "void", "setNamesAttr", (ins "::mlir::ArrayAttr":$names)>,
    InterfaceMethod<"", "void", "setRefsAttr", (ins "::mlir::ArrayAttr":$refs)>
  ];
}

class Plan_Step<string mnemonic> : Plan_Op<mnemonic, [HasParent<"ProgramOp">, StepOpInterface]> {
  // names, refs: one per operand of the kernel, inputs before outputs; the first
  // `writes` are inputs, the rest is written (and may be read).
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Plan_Buffer>:$buffers,
                       Plan_Names:$names, TypedArrayAttrBase<Plan_Ref, "references">:$refs,
                       I64Attr:$writes, DictionaryAttr:$dims, Plan_RowKind:$rows,
                       DefaultValuedAttr<I64Attr, "1">:$row_scale,
                       DefaultValuedAttr<I64Attr, "0">:$scratch, UnitAttr:$nowait,
                       OptionalAttr<I64Attr>:$layer);
  let assemblyFormat = [{
    $kernel `` custom<Operands>($buffers, $names, $refs, $writes) `dims` custom<Dims>($dims)
    `rows` custom<Rows>($rows, $row_scale)
    (`scratch` custom<Number>($scratch)^)? (`nowait` $nowait^)?
    (`layer` custom<Number>($layer)^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_DispatchOp : Plan_Step<"dispatch"> {
  let summary = "Runs a kernel on all workers";
  let description = [{
    Operands by name, inputs before outputs; `= %x[64]` is the row from column 64
    on, `= @w[3]` the instance of layer 3; the first `writes` operands are only
    read, the others written. `rows` is what the kernel's rows are,
    `scratch` bytes for each worker, `layer` the layer that the step belongs to.
    `nowait` leaves out the barrier after the step: neither side touches what the
    other writes.

    ```mlir
    %h = buffer "h" tokens f32[64]
    %y = buffer "y" tokens f32[128]
    dispatch @linear.bf16(x = %h, w = @layers.up[3]) -> (y = %y[64]) dims {K = 64, N = 64, x.stride = 64, y.stride = 128} rows tokens scratch 4096 nowait layer 3
    ```
  }];
}

def Plan_MatmulOp : Plan_Step<"matmul"> {
  let summary = "A matrix product that the engine may do";
  let description = [{
    The step is the dispatch of a plain `linear` kernel (inputs x, w, bias?,
    residual?; no norm, activation, scale or cap). The runtime gives it to oneDNN
    when that takes the packed weight on its fast path, else it runs the kernel.

    ```mlir
    %h = buffer "h" tokens f32[64]
    %y = buffer "y" tokens f32[128]
    matmul @linear.bf16(x = %h, w = @layers.up[3]) -> (y = %y) dims {K = 64, N = 128, x.stride = 64, y.stride = 128} rows tokens scratch 4096 layer 3
    ```
  }];
}

#endif
