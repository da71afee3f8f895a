// Products of one row, whose time is that of reading B once: nothing is packed.
#ifndef LENS_GEMM_ROW_H
#define LENS_GEMM_ROW_H
#include "runtime/context.h"

/// C[N] = A[K] · B[N,K]ᵀ (+ C when `accumulate`), to the bits of lens_gemm_f32. `serial`: by the caller's thread alone.
void lens_multiply_row(lens_context *context, size_t N, size_t K, bool accumulate, const float *A, const float *B,
                       size_t ldb, float *C, bool serial);

#endif
