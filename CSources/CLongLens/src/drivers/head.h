// The losses of a head: logits exist for a few rows and columns at a time, and leave their largest and the sum of their
// exponentials. What product the logits come from is the caller's.
#ifndef LENS_HEAD_H
#define LENS_HEAD_H
#include "lens/context.h"
#include "lens/scratch.h"
#include <stddef.h>
#include <stdint.h>

enum {
    lens_head_block_rows = 48 // whose logits are computed at a time; a multiple of every MR
};

/// A product of M rows with N columns, taken part by part of its columns. The cut decides the bits of losses: it is the
/// same on every machine.
typedef struct lens_head_product {
    size_t M, N;
    size_t columns; // of a part: whole panels, at most 2048
    /// Scratch of thread 0 for what all threads read, and of each thread for the panels of one part. Whole cache lines.
    size_t shared_bytes, own_bytes;
    /// Makes rows [row, row + m) ready, all threads together; what was ready before is no longer needed. May be NULL.
    void (*ready_rows)(void *product, size_t row, size_t m, void *shared);
    /// Makes the panels of columns [column, column + n) ready, a part, in the thread's own scratch.
    void (*ready_columns)(const void *product, size_t column, size_t n, void *own);
    /// logits[m,n] of rows that are ready, counted from the first of them, m at most lens_head_block_rows, and of the
    /// columns that are ready in `own`.
    void (*multiply)(const void *product, size_t row, size_t m, size_t column, size_t n, const void *own, float *logits,
                     size_t stride);
} lens_head_product;

/// What is wanted of each of the M rows.
typedef struct lens_head_results {
    const int32_t *targets;
    float *nll;    // the loss of its target
    float *lse;    // its log-sum-exp; may be NULL
    float *logits; // [M,N]; NULL: they are not stored
} lens_head_results;

/// `product` begins with a lens_head_product.
lens_status lens_head_run(lens_context *context, void *product, const lens_head_results *results);

/// Scratch that it takes, for at most as many rows.
lens_scratch_need lens_head_scratch(const lens_head_product *product);

/// Most rows that are made ready at a time, of M or fewer.
size_t lens_head_most_rows(size_t M);

#endif
