#ifndef SLUICE_DIALECTS_PLAN_PLANDIALECT_TD
#define SLUICE_DIALECTS_PLAN_PLANDIALECT_TD

include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpBase.td"

def Plan_Dialect : Dialect {
  let name = "plan";
  let cppNamespace = "::sluice::plan";
  let summary = "What the runtime does, step by step";
  let description = [{
    ```
    llm (blocks, calls, tensors) -> plan (flat programs, buffers, kernels) -> artifact
                                      `-> one kernel module per plan.kernel
    ```
    On entry every value is a tensor and layers are calls. On exit every value
    is a place in a buffer, every layer is unrolled, and a program is a straight
    list of steps without branches. A plan is complete: code generation reads
    only its kernels, the packer only its weights, the artifact writer only this
    module, so a printed plan can be edited and resumed.

    Operands of a step are written by the names that the kernel declares:
    `x = %h` is a buffer, `k = %qkv[2048]` the same row from column 2048 on, and
    `w = @layers.q[3]` the instance of layer 3 of a weight or state.
  }];
  let useDefaultAttributePrinterParser = 1;
  let useDefaultTypePrinterParser = 1;
}

def Plan_RowKind : I32EnumAttr<"RowKind", "what the rows of a buffer or step are", [
    I32EnumAttrCase<"One", 0, "one">,
    I32EnumAttrCase<"Tokens", 1, "tokens">,
    I32EnumAttrCase<"Wanted", 2, "wanted">,
    I32EnumAttrCase<"Sequences", 3, "sequences">]> {
  let cppNamespace = "::sluice::plan";
}

def Plan_Layout : I32EnumAttr<"Layout", "order of a weight's elements in the artifact", [
    I32EnumAttrCase<"Rows", 0, "rows">,
    I32EnumAttrCase<"Panel", 1, "panel">,
    I32EnumAttrCase<"PanelGlu", 2, "panel_glu">,
    I32EnumAttrCase<"VectorGlu", 3, "vector_glu">]> {
  let cppNamespace = "::sluice::plan";
}

def Plan_StateKind : I32EnumAttr<"StateKind", "how a state lives between steps", [
    I32EnumAttrCase<"Cache", 0, "cache">,
    I32EnumAttrCase<"Fixed", 1, "fixed">,
    I32EnumAttrCase<"Transient", 2, "transient">]> {
  let cppNamespace = "::sluice::plan";
}

def Plan_Buffer : TypeDef<Plan_Dialect, "Buffer"> {
  let mnemonic = "buffer";
  let summary = "Rows of a step's working memory";
  let description = [{
    Rows, columns and element type are stated once, on the op that declares the
    buffer; they are the same for all its uses.
  }];
}

def Plan_Part : AttrDef<Plan_Dialect, "Part"> {
  let mnemonic = "part";
  let summary = "A weight of the spec that goes into a packed one";
  let description = "Its path and, if it is not the layer's own, which instance: -1 is the one of each layer.";
  let parameters = (ins "::mlir::StringAttr":$path, "int64_t":$layer);
  let assemblyFormat = "`<` $path `,` $layer `>`";
}

def Plan_Ref : AttrDef<Plan_Dialect, "Ref"> {
  let mnemonic = "ref";
  let summary = "A step's operand: a buffer column, or a symbol at a layer";
  let description = [{
    Without a symbol it stands for the step's next buffer operand and `index` is
    the first column; with one it names a weight or state and `index` is the
    layer (0 when there is only one instance).
  }];
  let parameters = (ins OptionalParameter<"::mlir::FlatSymbolRefAttr">:$symbol, "int64_t":$index);
  let assemblyFormat = "`<` ($symbol^ `at`)? $index `>`";
}

#endif
