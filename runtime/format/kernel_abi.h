// The contract between generated kernels and the executor. Plain C, no
// dependencies: the compiler emits code against these layouts (it builds the
// same structs from slc_*_field enums below), the runtime fills them in.
//
// Units: strides and widths are in elements, sizes in bytes, rows are tokens
// unless the dispatch says otherwise. All int32 arrays are dense.
#ifndef SLUICE_RUNTIME_FORMAT_KERNEL_ABI_H
#define SLUICE_RUNTIME_FORMAT_KERNEL_ABI_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// Of the structs below.
#define SLC_ABI_VERSION 2

// Rows of a cache are stored in blocks of this many positions; attention merges
// one block after the other, so it is also the unit of its order of
// accumulation.
#define SLC_CACHE_BLOCK 128

// Columns of a packed weight panel.
#define SLC_PANEL 64

// Sums over K start again from zero every SLC_K_BLOCK elements, or every
// SLC_K_BLOCK_SHORT when K <= SLC_K_BLOCK, and the block sums are added in
// order, in every variant of a product. oneDNN does the same. Where bf16 is
// multiplied by the tile unit (AMX), its order holds instead: for each 32
// elements of K the even and the odd ones are added up apart, from zero, by
// fma; then their sum is added to the total. Numbers below the normal range
// count as zero. Where rows are multiplied in bytes, whole numbers that share
// both scales are added exactly; their sums take the scale of the row, by fma
// in order within a group of the weight, and those of groups that of the
// weight, by fma in order within a block.
#define SLC_K_BLOCK 1024
#define SLC_K_BLOCK_SHORT 512

// What every kernel may know about the ragged batch of this step.
typedef struct slc_batch {
  int64_t tokens;          // T, new tokens of all sequences
  int64_t sequences;       // S, sequences that take part
  int64_t wanted;          // W, rows whose outputs the caller wants
  const int32_t *sequence; // [T] index of the token's sequence in this step
  const int32_t
      *offset; // [T] index of the token inside its sequence's new tokens
  const int32_t *first;      // [S+1] first row of each sequence; first[S] = T
  const int32_t *slot;       // [S] slot that holds the sequence's state
  const int32_t *wanted_row; // [W] rows, ascending
} slc_batch;

// One cache of one layer as a kernel sees it in this step. The operand that
// names a cache points to this struct. A row's block is
//   pool + table[sequence * table_stride + row / SLC_CACHE_BLOCK] * block_bytes
// and its layout is set by the plan's state (see docs/artifact.md).
typedef struct slc_cache {
  char *pool;           // of this layer, 64-byte aligned
  int64_t block_bytes;  // a multiple of 64
  const int32_t *table; // [S][table_stride] block numbers
  int64_t table_stride; // most blocks of a sequence
  const int32_t *held;  // [S] rows held before this step
  const int32_t *total; // [S] rows visible after this step's appends
} slc_cache;

// One call of a kernel by one worker.
typedef struct slc_call {
  void *const *operands;  // in the order that the kernel declares
  const int64_t *dims;    // in the order that the kernel declares
  const slc_batch *batch; // of the whole step
  char *scratch;  // this worker's, 64-byte aligned, size as the dispatch states
  int64_t rows;   // rows of this dispatch (tokens, wanted rows, pairs, ...)
  int64_t worker; // 0 .. workers-1
  int64_t workers; // at least 1
} slc_call;

// Field numbers for the code generator. All fields are 8 bytes wide and in
// order.
enum slc_batch_field {
  SLC_BATCH_TOKENS,
  SLC_BATCH_SEQUENCES,
  SLC_BATCH_WANTED,
  SLC_BATCH_SEQUENCE,
  SLC_BATCH_OFFSET,
  SLC_BATCH_FIRST,
  SLC_BATCH_SLOT,
  SLC_BATCH_WANTED_ROW
};
enum slc_cache_field {
  SLC_CACHE_POOL,
  SLC_CACHE_BLOCK_BYTES,
  SLC_CACHE_TABLE,
  SLC_CACHE_TABLE_STRIDE,
  SLC_CACHE_HELD,
  SLC_CACHE_TOTAL
};
enum slc_call_field {
  SLC_CALL_OPERANDS,
  SLC_CALL_DIMS,
  SLC_CALL_BATCH,
  SLC_CALL_SCRATCH,
  SLC_CALL_ROWS,
  SLC_CALL_WORKER,
  SLC_CALL_WORKERS
};

#ifdef __cplusplus
static_assert(sizeof(slc_batch) == 8 * 8 && sizeof(slc_cache) == 6 * 8 &&
                  sizeof(slc_call) == 7 * 8,
              "every field of the kernel ABI is 8 bytes wide");
#endif

// A kernel runs its share of the grid: worker w of W runs items [g*w/W,
// g*(w+1)/W). It checks nothing, dims least of all, and returns 0; anything
// else ends the step with an error.
typedef int32_t (*slc_kernel_fn)(const slc_call *);

#ifdef __cplusplus
}
#endif

#endif
