// Products with quantized weights in 8-bit integers.
#ifndef LENS_WEIGHTS_H
#define LENS_WEIGHTS_H
#include "lens/linkage.h"
#include "lens/quant.h"
#include "lens/scratch.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

LENS_BEGIN_C

/// A weight matrix W[N,K] as a model file stores it: N rows of K elements in whole blocks.
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

/// Bytes of the packed form of W[N,K], of any type.
size_t lens_packed_weights_bytes(size_t N, size_t K);

/// Writes the packed form to `packed`, lens_packed_weights_bytes at a cache line's border: every row decoded, rotated
/// in groups of 64 columns by the orthonormal Walsh-Hadamard matrix, and rounded to 8 bits with one scale, max|x| /
/// 127.
lens_status lens_pack_weights(lens_context *context, const lens_weights *weights, void *packed);

/// One of the products of an input: C[M,N] at a row stride of ldc elements.
typedef struct lens_weights_product {
    const lens_weights *W;
    float *C;
    size_t ldc;
} lens_weights_product;

/// C[M,N] = A[M,K] · Wᵀ (+ C when `accumulate`) for `count` matrices of the same K. The rows of
/// A, at a stride of lda elements, are rotated as the weights are and rounded to 8 bits once, in groups of 64, each
/// with its scale max|x| / 127; sums over a group are exact integers, sums over groups are fp32, in their order. An
/// element's bits do not depend on M, N, its position, the other products, the number of threads or whether W is
/// packed, and are the same on every instruction set.
lens_status lens_gemm_weights(lens_context *context, size_t M, size_t K, bool accumulate, const float *A, size_t lda,
                              size_t count, const lens_weights_product *products);

/// nll[M] = -log softmax(A[M,K] · Wᵀ)[targets[M]] for logits as above, which are never stored.
lens_status lens_head_losses(lens_context *context, size_t M, const float *A, size_t lda, const lens_weights *W,
                             const int32_t *targets, float *nll);

/// Scratch of lens_pack_weights, and of the products of at most M rows with it.
lens_scratch_need lens_pack_weights_scratch(size_t K);
lens_scratch_need lens_gemm_weights_scratch(const lens_context *context, size_t M, size_t K, bool packed);
lens_scratch_need lens_head_losses_scratch(const lens_context *context, size_t M, size_t N, size_t K, bool packed);

LENS_END_C

#endif
