// Recurrent networks.
#ifndef SLUICE_LLM_RECURRENCE_OPS_TD
#define SLUICE_LLM_RECURRENCE_OPS_TD

include "dialects/llm/LLMBase.td"

def LLM_RecurrenceOp : LLM_Op<"recurrence",
    !listconcat([InferTypeOpAdaptor, AttrSizedOperandSegments], LLM_UpdatesState.traits)> {
  let summary = "h[t] = cell(x[t], w h[t-1] + bias): what follows the product of a recurrent layer with its input";
  let description = [{
    x [rows, g*N] is a product of the layer's input, w [g*N, N] and bias [g*N] make u = w h[t-1] + bias. They hold g
    gates of N channels each, one after the other. With s the sigmoid:

    `tanh`, `relu` (g = 1): h[t] = tanh(x + u), or relu of it.
    `lstm` (g = 4: i, f, g, o): c[t] = s(x_f + u_f) * c[t-1] + s(x_i + u_i) * tanh(x_g + u_g); h[t] = s(x_o + u_o) * tanh(c[t]).
    `gru` (g = 3: r, z, n): n = tanh(x_n + s(x_r + u_r) * u_n); h[t] = (1 - s(x_z + u_z)) * n + s(x_z + u_z) * h[t-1].

    The fixed state holds h of a sequence's last row, [1, N], of an lstm h and c, [2, N]. So the result does not depend
    on how a sequence is cut into steps. `compute = bf16` rounds w and h to bf16 before multiplying; the state stays f32.
    Sources: torch.nn.RNN, LSTM and GRU; for the cells Neural Computation 9(8), 1997, and arXiv 1406.1078.

    ```mlir
    llm.state @layers.past fixed {value = [2, 64]} layers [0, 1]
    %h = llm.recurrence lstm %x, %w bias %b in @layers.past[%l] for %batch : (tensor<?x256xf32>, tensor<256x64xf32>, tensor<256xf32>, index, !llm.batch) -> tensor<?x64xf32>
    ```
  }];
  let words = [LLM_Word<"recurrence">];
  let arguments = (ins LLM_Rows2:$x, LLM_Weight2:$w, Optional<LLM_WeightBias>:$bias, Optional<Index>:$layer,
      LLM_BatchType:$batch, FlatSymbolRefAttr:$state, LLM_CellAttr:$cell,
      DefaultValuedAttr<LLM_ComputeAttr, "::sluice::llm::Compute::f32">:$compute);
  let results = (outs LLM_Rows2:$result);
  let assemblyFormat = [{
    $cell $x `,` $w (`bias` $bias^)? `in` $state (`[` $layer^ `]`)? `for` $batch (`compute` $compute^)? attr-dict
    `:` functional-type(operands, results)
  }];
  let hasVerifier = 1;
  let extraClassDeclaration = LLM_UpdatesState.declaration # [{
    // Gates of a cell: parts of x, of the rows of w and of its bias.
    int64_t gates() { return gatesOf(getCell()); }
    static int64_t gatesOf(::sluice::llm::Cell cell);
    int64_t channels() { return getResult().getType().getDimSize(1); }
    // Rows of the state.
    int64_t kept() { return getCell() == ::sluice::llm::Cell::lstm ? 2 : 1; }
  }];
}

def : LLM_SlotDoc<"cell", "how h[t] is made">;

#endif
