// Arithmetic on single elements, reductions of the last axis, and changes of shape.
#ifndef SLUICE_LLM_ELEMENTWISE_OPS_TD
#define SLUICE_LLM_ELEMENTWISE_OPS_TD

include "dialects/llm/LLMBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"

// The body of ScalarInterface::scalar: C++ on `in`, one f32 for each operand.
class LLM_ScalarBody<string formula> {
  code definition = [{
    ::sluice::expr::Expr $cppClass::scalar(::mlir::ImplicitLocOpBuilder &builder,
                                           ::llvm::ArrayRef<::sluice::expr::Expr> in) {
      }] # formula # [{
    }
  }];
}
// Elementwise ops: `formula` is all that the compiler has to know of their arithmetic. Operands are broadcast.
class LLM_ScalarOp<string mnemonic> : LLM_PureOp<mnemonic, [DeclareOpInterfaceMethods<LLM_ScalarInterface>]> {
  string formula = "";
  let extraClassDefinition = LLM_ScalarBody<formula>.definition # [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(::mlir::MLIRContext *, ::std::optional<::mlir::Location> where,
                                                      Adaptor op, ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      return inferBroadcast(where, op.getOperands(), types);
    }
  }];
}
// Those of one operand, whose type is the result's.
class LLM_UnaryOp<string mnemonic> : LLM_SameTypeOp<mnemonic, [DeclareOpInterfaceMethods<LLM_ScalarInterface>]> {
  string formula = "";
  let extraClassDefinition = LLM_ScalarBody<formula>.definition;
}

def LLM_BinaryOp : LLM_ScalarOp<"binary"> {
  let summary = "x (kind) y, elementwise";
  let description = [{
    Shapes per row (without the row axis) are aligned at the right; an axis of size 1, or a missing one, is repeated.
    The result has rows if an operand has. A bf16 weight is widened to f32 first.

    ```mlir
    %r = llm.binary add %x, %y : (tensor<?x64xf32>, tensor<?x64xf32>) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"add", "kind", "add">, LLM_Word<"sub", "kind", "sub">, LLM_Word<"mul", "kind", "mul">,
               LLM_Word<"div", "kind", "div">, LLM_Word<"min", "kind", "min">, LLM_Word<"max", "kind", "max">];
  let primary = ["x", "y"];
  let foldsList = 1;
  let arguments = (ins LLM_BinaryKindAttr:$kind, LLM_Operand:$x, LLM_Operand:$y);
  let results = (outs LLM_F32Tensor:$result);
  let formula = "return binary(getKind(), in[0], in[1]);";
  let assemblyFormat = "$kind $x `,` $y attr-dict `:` functional-type(operands, results)";
}

def LLM_LerpOp : LLM_ScalarOp<"lerp"> {
  let summary = "a + (b - a) * by";
  let description = [{
    Broadcasts as `binary`.

    ```mlir
    %r = llm.lerp %a, %b by %t : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x1xf32>) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"lerp">];
  let primary = ["a", "b"];
  let arguments = (ins LLM_Operand:$a, LLM_Operand:$b, LLM_Operand:$by);
  let results = (outs LLM_F32Tensor:$result);
  let formula = "return in[0] + (in[1] - in[0]) * in[2];";
  let assemblyFormat = "$a `,` $b `by` $by attr-dict `:` functional-type(operands, results)";
}

def LLM_SelectOp : LLM_ScalarOp<"select"> {
  let summary = "b where `by` is 1, else a";
  let description = [{
    Broadcasts as `binary`. `by` holds 0 or 1.

    ```mlir
    %r = llm.select %a, %b by %t : (tensor<?x64xf32>, tensor<?x64xf32>, tensor<?x1xf32>) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"select">];
  let primary = ["a", "b"];
  let arguments = (ins LLM_Operand:$a, LLM_Operand:$b, LLM_Operand:$by);
  let results = (outs LLM_F32Tensor:$result);
  let formula = "return select(in[2] == 1.0, in[1], in[0]);";
  let assemblyFormat = "$a `,` $b `by` $by attr-dict `:` functional-type(operands, results)";
}

def LLM_ActOp : LLM_UnaryOp<"act"> {
  let summary = "an elementwise function";
  let description = [{
    silu x/(1+e^-x); swish x/(1+e^(-beta*x)); gelu_erf x*(1+erf(x/sqrt 2))/2;
    gelu_tanh x*(1+tanh(sqrt(2/pi)*(x+0.044715*x^3)))/2; relu max(x,0); relu2 max(x,0)^2; sigmoid 1/(1+e^-x); tanh;
    softplus log(1+e^x); exp; log; log1p; floor; sqrt; sin and cos of radians. `beta` is for swish only.

    ```mlir
    %r = llm.act silu %x : tensor<?x64xf32>
    %s = llm.act swish %x beta 1.702 : tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"act">];
  let arguments = (ins LLM_F32Tensor:$x, LLM_ActAttr:$fn, OptionalAttr<LLM_Float>:$beta);
  let results = (outs LLM_F32Tensor:$result);
  let formula = "return activation(stringifyAct(getFn()), in[0], getBeta().value_or(1.0f));";
  let assemblyFormat = "$fn $x (`beta` $beta^)? attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def LLM_ClampOp : LLM_UnaryOp<"clamp"> {
  let summary = "max(min(x, high), low); a side left out does not limit";
  let description = [{
    At least one side is given, and `low` is not above `high`.

    ```mlir
    %r = llm.clamp %x low -7.0 high 7.0 : tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"clamp">];
  let arguments = (ins LLM_F32Tensor:$x, OptionalAttr<LLM_Float>:$low, OptionalAttr<LLM_Float>:$high);
  let results = (outs LLM_F32Tensor:$result);
  let formula = "return clamp(in[0], getLow(), getHigh());";
  let assemblyFormat = "$x (`low` $low^)? (`high` $high^)? attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def LLM_SoftcapOp : LLM_UnaryOp<"softcap"> {
  let summary = "limit * tanh(x / limit)";
  let description = [{
    `limit` is positive; results lie between -limit and limit (arXiv 1611.09940).

    ```mlir
    %r = llm.softcap %x limit 30.0 : tensor<?x32000xf32>
    ```
  }];
  let words = [LLM_Word<"softcap">];
  let arguments = (ins LLM_F32Tensor:$x, LLM_Float:$limit);
  let results = (outs LLM_F32Tensor:$result);
  let formula = "return tanh(in[0] / getLimit()) * getLimit();";
  let assemblyFormat = "$x `limit` $limit attr-dict `:` type($x)";
  let hasVerifier = 1;
}

def : LLM_SlotDoc<"alpha_p", "how it bends above 0">;
def : LLM_SlotDoc<"alpha_n", "how it bends below 0">;

def LLM_XieluOp : LLM_ScalarOp<"xielu"> {
  let summary = "alpha_p x^2 + beta x above 0, else (e^min(x, eps) - 1 - x) alpha_n + beta x";
  let description = [{
    The expanded integral of the exponential linear unit (arXiv 2411.13010). Broadcasts as `binary`; alphas are as the
    function takes them, not the parameters that they are learnt from.

    ```mlir
    %r = llm.xielu %x, %p, %n beta 0.5 eps -1.0e-6 : (tensor<?x64xf32>, tensor<1xf32>, tensor<1xf32>) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"xielu">];
  let arguments = (ins LLM_Operand:$x, LLM_Operand:$alpha_p, LLM_Operand:$alpha_n, LLM_Float:$beta, LLM_Float:$eps);
  let results = (outs LLM_F32Tensor:$result);
  let formula = [{
    Expr x = in[0], below = (exp(min(x, x.like(getEps()))) - 1.0 - x) * in[2];
    return select(x > 0.0, x * x * in[1], below) + x * getBeta();
  }];
  let assemblyFormat = "$x `,` $alpha_p `,` $alpha_n `beta` $beta `eps` $eps attr-dict `:` functional-type(operands, results)";
}

def LLM_RoundOp : LLM_UnaryOp<"round"> {
  let summary = "rounds to the nearest value of a narrower type (ties to even) and back to f32";
  let description = [{
    What lies beyond the largest f16 (65504) becomes an infinity, as IEEE 754 rounds.

    ```mlir
    %r = llm.round %x to bf16 : tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"round">];
  let arguments = (ins LLM_F32Tensor:$x, LLM_RoundToAttr:$to);
  let results = (outs LLM_F32Tensor:$result);
  let formula = "return round(in[0], getTo());";
  let assemblyFormat = "$x `to` $to attr-dict `:` type($x)";
}

def LLM_SumOp : LLM_PureOp<"sum", [LLM_RowWise]> {
  let summary = "sum over the last axis, which stays with size 1";
  let description = [{
    So the result broadcasts against x.

    ```mlir
    %s = llm.sum %x : (tensor<?x4x16xf32>) -> tensor<?x4x1xf32>
    ```
  }];
  let words = [LLM_Word<"sum">];
  let arguments = (ins LLM_Rows:$x);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$x attr-dict `:` functional-type(operands, results)";
}

def LLM_SoftmaxOp : LLM_SameTypeOp<"softmax", [LLM_RowWise]> {
  let summary = "e^(x-m) / sum e^(x-m) over the last axis, m its maximum";
  let description = [{
    Each vector along the last axis by itself.

    ```mlir
    %p = llm.softmax %x : tensor<?x8xf32>
    ```
  }];
  let words = [LLM_Word<"softmax">];
  let arguments = (ins LLM_Rows:$x);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def LLM_LogSoftmaxOp : LLM_SameTypeOp<"log_softmax", [LLM_RowWise]> {
  let summary = "x - m - log(sum e^(x-m)) over the last axis, m its maximum";
  let description = [{
    The logarithm of `softmax`, also where that is too small for an f32.

    ```mlir
    %p = llm.log_softmax %x : tensor<?x8xf32>
    ```
  }];
  let words = [LLM_Word<"log_softmax">];
  let arguments = (ins LLM_Rows:$x);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$x attr-dict `:` type($x)";
}

def LLM_ReshapeOp : LLM_PureOp<"reshape", [LLM_RowWise]> {
  let summary = "another shape per row, same elements in the same order";
  let description = [{
    `to` is the shape without the row axis; element counts must agree. Moves no data.

    ```mlir
    %q = llm.reshape %x to [32, 64] : (tensor<?x2048xf32>) -> tensor<?x32x64xf32>
    ```
  }];
  let words = [LLM_Word<"reshape">];
  let arguments = (ins LLM_Rows:$x, DenseI64ArrayAttr:$to);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$x `to` $to attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def LLM_SliceOp : LLM_PureOp<"slice", [LLM_RowWise]> {
  let summary = "`size` elements of the last axis, starting at `from`";
  let description = [{
    [.., n] -> [.., size], with 0 <= from and from + size <= n.

    ```mlir
    %s = llm.slice %x from 8 size 16 : (tensor<?x64xf32>) -> tensor<?x16xf32>
    ```
  }];
  let words = [LLM_Word<"slice">];
  let arguments = (ins LLM_F32Tensor:$x, LLM_Int:$from, LLM_Int:$size);
  let results = (outs LLM_F32Tensor:$result);
  let assemblyFormat = "$x `from` $from `size` $size attr-dict `:` functional-type(operands, results)";
}

def LLM_SplitOp : LLM_PureOp<"split"> {
  let summary = "cuts the last axis into parts of the given sizes, which cover it";
  let description = [{
    One result per size, in order; sizes are positive and add up to the axis.

    ```mlir
    %a, %b = llm.split %x into [48, 16] : (tensor<?x64xf32>) -> (tensor<?x48xf32>, tensor<?x16xf32>)
    ```
  }];
  let words = [LLM_Word<"split">];
  let arguments = (ins LLM_Rows:$x, DenseI64ArrayAttr:$sizes);
  let results = (outs Variadic<LLM_Rows>:$parts);
  let assemblyFormat = "$x `into` $sizes attr-dict `:` functional-type(operands, results)";
}

def LLM_ConcatOp : LLM_PureOp<"concat", [LLM_RowWise]> {
  let summary = "joins values along the last axis";
  let description = [{
    All other axes agree.

    ```mlir
    %x = llm.concat %a, %b : (tensor<?x48xf32>, tensor<?x16xf32>) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"concat">];
  let primary = ["parts"];
  let arguments = (ins Variadic<LLM_Rows>:$parts);
  let results = (outs LLM_Rows:$result);
  let assemblyFormat = "$parts attr-dict `:` functional-type(operands, results)";
}

def LLM_RepeatHeadsOp : LLM_PureOp<"repeat_heads", [LLM_RowWise]> {
  let summary = "[rows, h, d] -> [rows, h * times, d], each head repeated in place (a a b b)";
  let description = [{
    Head i of the result is head i / times of x, rounded down.

    ```mlir
    %y = llm.repeat_heads %x times 4 : (tensor<?x2x16xf32>) -> tensor<?x8x16xf32>
    ```
  }];
  let words = [LLM_Word<"repeat_heads">];
  let arguments = (ins LLM_Heads:$x, LLM_Int:$times);
  let results = (outs LLM_Heads:$result);
  let assemblyFormat = "$x `times` $times attr-dict `:` functional-type(operands, results)";
}

def LLM_YieldOp : LLM_Op<"yield", [Pure, Terminator, ReturnLike, ParentOneOf<["MapOp", "ExpertsOp"]>]> {
  let summary = "the value of a region";
  let description = [{
    Of a `map` an f32, of `experts` the rows [rows, N] of one expert.

    ```mlir
    %r = llm.map %x : (tensor<?x64xf32>) -> tensor<?x64xf32> {
    ^bb0(%a: f32):
      llm.yield %a : f32
    }
    ```
  }];
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

def LLM_MapOp : LLM_PureOp<"map", [DeclareOpInterfaceMethods<LLM_ScalarInterface>, IsolatedFromAbove, SingleBlock]> {
  let summary = "a scalar function applied to every element";
  let description = [{
    The region takes one f32 per operand and holds `arith` and `math` ops on f32; operands broadcast as in `binary`.

    ```mlir
    %r = llm.map %x, %y : (tensor<?x64xf32>, tensor<64xf32>) -> tensor<?x64xf32> {
    ^bb0(%a: f32, %b: f32):
      %s = arith.addf %a, %b : f32
      llm.yield %s : f32
    }
    ```
  }];
  let arguments = (ins Variadic<LLM_Operand>:$inputs);
  let results = (outs LLM_F32Tensor:$result);
  let regions = (region SizedRegion<1>:$body);
  let extraClassDefinition = LLM_ScalarBody<"return inlined(builder, getBody().front(), in);">.definition;
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, results) $body";
  let hasRegionVerifier = 1;
}

#endif
