// Matrix products.
#ifndef LENS_GEMM_H
#define LENS_GEMM_H
#include "lens/linkage.h"
#include "lens/scratch.h"
#include <stdbool.h>
#include <stddef.h>

LENS_BEGIN_C

/// C[M,N] = op(A)[M,K] · op(B)[K,N] (+ C when `accumulate`), op(X) = Xᵀ when its flag is set. All row-major;
/// lda, ldb, ldc are row strides in elements of the matrices as stored. K = 0 gives zeros (or C unchanged).
/// An element's bits do not depend on M, N, its position, or the number of threads: only on its row, its column and K.
///   forward            Y[T,N] = X[T,K] · W[N,K]ᵀ        transpose_b
///   input gradient     dX[T,K] = dY[T,N] · W[N,K]
///   weight gradient    dW[N,K] += dY[T,N]ᵀ · X[T,K]     transpose_a, accumulate
lens_status lens_gemm_f32(lens_context *context, size_t M, size_t N, size_t K, bool transpose_a, bool transpose_b,
                          bool accumulate, const float *A, size_t lda, const float *B, size_t ldb, float *C,
                          size_t ldc);

/// Scratch of products with at most M, N and K.
lens_scratch_need lens_gemm_scratch(const lens_context *context, size_t M, size_t N, size_t K, bool transpose_a,
                                    bool transpose_b);

/// KC: the length of the blocks that sums over K are cut into, K being at least 1. Products over one block after the
/// other, each accumulated, give the bits of the whole product accumulated.
size_t lens_gemm_kc(size_t K);

LENS_END_C

#endif
