// Both sides of products with weights of 16 bits, as the drivers share them.
#ifndef LENS_DRIVERS_BF16_H
#define LENS_DRIVERS_BF16_H
#include "lens/bf16.h"
#include "runtime/context.h"
#include "sizes.h"

static inline bool lens_bf16_takes(const lens_weights *W) {
    return W->type == LENS_TYPE_F16 || W->type == LENS_TYPE_BF16;
}

static inline size_t lens_bf16_panel_count(size_t N) { return ceil_div(N, lens_bf16_panel_rows); }
static inline size_t lens_bf16_panel_words(size_t K) { return ceil_div(K, 2) * lens_bf16_panel_rows; }
static inline size_t lens_bf16_panel_bytes(size_t K) { return lens_bf16_panel_words(K) * sizeof(float); }

/// Most pairs of elements that a tile adds up before it adds to C: parts of K of equal length, by K alone.
size_t lens_bf16_part_pairs(size_t K);

/// Packs `count` panels of W, from panel `first` on.
void lens_bf16_pack_panels(const lens_bf16_kernels *kernels, const lens_weights *W, size_t first, size_t count,
                           float *panels);

/// Rows of A packed, blocks of MR rows one after the other.
typedef struct lens_bf16_rows {
    const lens_bf16_kernels *kernels;
    size_t M, K, block_words;
    float *blocks;
} lens_bf16_rows;

size_t lens_bf16_rows_bytes(const lens_bf16_kernels *kernels, size_t M, size_t K);

/// Packs A[M,K] into `memory`, all threads together.
lens_bf16_rows lens_bf16_pack_rows(lens_context *context, size_t M, size_t K, const float *A, size_t lda, void *memory);

/// C[m,n] = (+=) the product of rows from `row` on, where a block begins, with the first n rows of W in `panels`.
void lens_bf16_multiply(const lens_bf16_rows *a, size_t row, size_t m, size_t n, bool accumulate, const float *panels,
                        float *c, size_t ldc);

#endif
