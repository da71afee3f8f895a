// Panels side by side, and the register tiles of a block: what every fp32 product's inner loops are.
#ifndef LENS_GEMM_BLOCK_H
#define LENS_GEMM_BLOCK_H
#include "runtime/context.h"

/// Rows of op(A), or columns of op(B), in panels: that of row r, where one begins, starts r * step elements after
/// `first`.
typedef struct lens_gemm_strip {
    lens_gemm_panel first;
    size_t step;
    size_t count; // rows from the first on that exist
} lens_gemm_strip;

/// Columns packed one panel after the other, over k positions.
static inline lens_gemm_strip lens_packed_columns(const lens_gemm_kernels *kernels, size_t count, size_t k,
                                                  const float *packed) {
    return (lens_gemm_strip){{packed, 1, kernels->NR}, k, count};
}

/// C[m,n] = A·B (+ C when `accumulate`) over k positions, panel of A by panel of A: it stays in the first-level cache
/// while the panels of B stream from the second. m and n are at most what the strips have.
void lens_multiply_block(const lens_gemm_kernels *kernels, size_t m, size_t n, size_t k, bool accumulate,
                         lens_gemm_strip a, lens_gemm_strip b, float *c, size_t ldc);

#endif
