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
    `parts` are paths of the spec's weights, joined along their rows (the gate
    and the up half for the `*_glu` layouts). `layers` lists the group indices
    that have an instance; without it there is one. `value` holds small constant
    tables instead of parts. A part with an index in brackets is that instance
    of its path, whatever the layer.

    A weight with a body is computed when it is packed: scalar arithmetic on one
    element of each part and, after these, of each table.

    ```mlir
    plan.weight @layers.qkv bf16 panel [3072, 2048] of ["layers.q", "layers.k", "layers.v"] layers [0, 1]
    plan.weight @freqs f32 rows [2] value dense<[1.0, 0.1]> : tensor<2xf32>
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
    A `cache` holds rows of named fields in blocks of `block_bytes`, a `fixed`
    state one tensor, a `transient` cache lives for one step only. `keep` rows
    of a cache stay visible, `chunk` is the span after which it starts again,
    `once` marks a cache that another entry fills before this one reads it.

    ```mlir
    plan.state @layers.kv cache {k = [8, 64], v = [8, 64]} f32 bytes 524288 layers [0, 1]
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, Plan_StateKind:$kind, Plan_Names:$fields,
                       ArrayAttr:$shapes, TypeAttr:$elem, I64Attr:$block_bytes,
                       OptionalAttr<DenseI64ArrayAttr>:$layers, OptionalAttr<I64Attr>:$keep,
                       OptionalAttr<I64Attr>:$chunk, OptionalAttr<F32Attr>:$init, UnitAttr:$once);
  let assemblyFormat = [{
    $sym_name $kind custom<Fields>($fields, $shapes) $elem `bytes` custom<Number>($block_bytes)
    (`layers` $layers^)? attr-dict
  }];
  let hasVerifier = 1;
}

def Plan_KernelOp : Plan_Op<"kernel", [Symbol, IsolatedFromAbove]> {
  let summary = "A generated function that steps can call";
  let description = [{
    The kind and its attributes say what to generate; shapes are arguments, so
    all layers share a kernel. A `map` kernel has a body of scalar arithmetic.

    ```mlir
    plan.kernel @linear.0 "linear" {compute = "bf16"} (x, w) -> (y) dims (K, N, x.stride, y.stride)
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
    plan.entry @generate "generate" inputs {ids = "tokens", pos = "positions"} limits [32000, 0] outputs (logits)
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
    ```mlir
    plan.program @generate.decode for @generate tokens 1 { ... }
    plan.program @generate.prefill for @generate tokens 9 { ... }
    ```
    Without an upper bound the program takes whatever the runtime has room for. Ranges of an entry are disjoint, but
    one without `matmul` steps may go on into the range of a later one with them: the runtime takes that one from its
    first token count on if the library computes at least one of its products, else the first for all.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, FlatSymbolRefAttr:$entry, I64Attr:$min,
                       OptionalAttr<I64Attr>:$max);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name `for` $entry `tokens` custom<Number>($min) (`to` custom<Number>($max)^)? $body attr-dict
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // Some of its products may be computed by the library.
    bool hasProductsForLibrary();
  }];
}

class Plan_Place<string mnemonic> : Plan_Op<mnemonic,
    [HasParent<"ProgramOp">, DeclareOpInterfaceMethods<OpAsmOpInterface, ["getAsmResultNames"]>]> {
  let results = (outs Plan_Buffer:$buffer);
}

def Plan_InputOp : Plan_Place<"input"> {
  let summary = "An input of the entry, one dense row after the other";
  let description = [{
    ```mlir
    %ids = plan.input "ids" i32[1]
    %q = plan.input "q" f32[48] shape [4, 12]
    ```
    `shape` is that of a row as the caller sees it, if it has other than one axis.
  }];
  let arguments = (ins StrAttr:$name, TypeAttr:$elem, I64Attr:$columns,
                       OptionalAttr<DenseI64ArrayAttr>:$shape);
  let assemblyFormat = "$name $elem `[` custom<Number>($columns) `]` (`shape` $shape^)? attr-dict";
  let hasVerifier = 1;
}

def Plan_BufferOp : Plan_Place<"buffer"> {
  let summary = "Rows of working memory";
  let description = [{
    The row stride is the number of columns rounded up to 16 elements (a single
    column is dense). `at [a, b, c]` is the byte offset a + b*C + c*S for a token
    capacity C and a sequence capacity S, assigned by `plan-assign-arena`.

    ```mlir
    %h = plan.buffer "h" tokens f32[2048] at [0, 8192, 0]
    %m = plan.buffer "m" tokens * 2 f32[5632]
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
    ```mlir
    plan.output "logits" %y wanted [32000]
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
    `nowait` leaves out the barrier after the step: neither side touches what the
    other writes.

    ```mlir
    plan.dispatch @linear.0 (x = %h, w = @layers.o[3]) -> (y = %x[64]) dims {K = 64, N = 64} rows tokens
    ```
  }];
}

def Plan_MatmulOp : Plan_Step<"matmul"> {
  let summary = "A matrix product that the library may do";
  let description = [{
    The step is the dispatch of a plain `linear` kernel (inputs x, w, bias?,
    residual?; no norm, activation, scale or cap). The runtime gives it to oneDNN
    when that takes the packed weight on its fast path, else it runs the kernel.
  }];
}

#endif
