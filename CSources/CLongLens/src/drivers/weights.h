// Packed weights, as the drivers of products share them.
#ifndef LENS_DRIVERS_WEIGHTS_H
#define LENS_DRIVERS_WEIGHTS_H
#include "runtime/context.h"
#include "lens/weights.h"
#include "sizes.h"

static inline size_t lens_panel_count(size_t N) { return ceil_div(N, lens_panel_rows); }

/// Whether there are products with it, and its rows are whole blocks.
bool lens_weights_usable(const lens_weights *W);

/// A panel in the packed form of W, or packed into `own` where there is none, which takes lens_own_panel_bytes.
const void *lens_panel(const lens_int8_kernels *kernels, const lens_weights *W, size_t index, char *own);
size_t lens_own_panel_bytes(size_t K);

/// Rows of A rounded, blocks of MR rows one after the other.
typedef struct lens_rounded {
    size_t MR, M, K, block_bytes;
    uint8_t *blocks;
} lens_rounded;

size_t lens_rounded_bytes(const lens_int8_kernels *kernels, size_t M, size_t K);

/// Rounds A[M,K] into `memory`, all threads together.
lens_rounded lens_round(lens_context *context, size_t M, size_t K, const float *A, size_t lda, void *memory);

/// C[m,n] = (+=) the product of rows from `row` on, at a block's border, with one panel.
void lens_multiply_panel(const lens_int8_kernels *kernels, const lens_rounded *a, size_t row, size_t m, size_t n,
                         bool accumulate, const void *panel, float *c, size_t ldc);

#endif
