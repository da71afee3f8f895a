// Products with quantized weights: int8 arithmetic on the integers of model files.
#ifndef LENS_WEIGHTS_H
#define LENS_WEIGHTS_H
#include "lens/linkage.h"
#include "lens/quant.h"
#include "lens/scratch.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

LENS_BEGIN_C

/// A weight matrix W[N,K] as a model file stores it: N rows of K elements in whole blocks, K a multiple of 32.
typedef struct lens_weights {
    lens_type type; // one that lens_weights_computed
    size_t N, K;
    const void *blocks; // the stored rows
    /// Not 0: inside heads of so many rows (an even number) the rows are stored with the two of a rotary pair side by
    /// side, and row r of a head is row 2 (r mod head_size/2) + r / (head_size/2) of what is stored.
    size_t head_size;
    /// What lens_pack_weights wrote; NULL: packed anew in every product, where it is used.
    const void *packed;
} lens_weights;

/// Where row `row` of such a matrix is stored, by its `head_size`.
size_t lens_weights_stored_row(size_t head_size, size_t row);

/// Whether there are integer products for a type.
bool lens_weights_computed(int type);

/// Bytes of the packed form of W[N,K].
size_t lens_packed_weights_bytes(int type, size_t N, size_t K);

/// Writes the packed form to `packed`, lens_packed_weights_bytes at a cache line's border. Types of groups of 32 keep
/// their integers, scales and minima; the others (Q2_K, Q3_K, Q6_K, IQ3_S) are rounded to 8 bits in groups of 32.
lens_status lens_pack_weights(lens_context *context, const lens_weights *W, void *packed);

/// C[M,N] = A[M,K] · Wᵀ (+ C when `accumulate`). The rows of A are rounded to 8 bits in groups of 32, each with its
/// scale max|x| / 127; sums over a group are exact integers, sums over groups are fp32, in their order. An element's
/// bits do not depend on M, N, its position, the number of threads or whether W is packed, and are the same on every
/// instruction set. lda, ldc are row strides in elements.
lens_status lens_gemm_weights(lens_context *context, size_t M, bool accumulate, const float *A, size_t lda,
                              const lens_weights *W, float *C, size_t ldc);

/// nll[M] = -log softmax(A[M,K] · Wᵀ)[targets[M]]; the logits, rounded as above, are never stored.
lens_status lens_head_losses(lens_context *context, size_t M, const float *A, size_t lda, const lens_weights *W,
                             const int32_t *targets, float *nll);

/// Scratch of lens_pack_weights, and of the products of at most M rows with it.
lens_scratch_need lens_pack_weights_scratch(size_t K);
lens_scratch_need lens_gemm_weights_scratch(const lens_context *context, size_t M, size_t N, size_t K);
lens_scratch_need lens_head_losses_scratch(const lens_context *context, size_t M, size_t N, size_t K);

LENS_END_C

#endif
