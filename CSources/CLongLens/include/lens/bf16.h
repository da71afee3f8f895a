// Products with weights of 16 bits, F16 and BF16 as model files have them: sums of products of bf16.
#ifndef LENS_BF16_H
#define LENS_BF16_H
#include "lens/linkage.h"
#include "lens/scratch.h"
#include "lens/weights.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

LENS_BEGIN_C

// All take a lens_weights of the type F16 or BF16, with K of any size. fp16 is rounded to bf16, to nearest even: its
// numbers all have one, of three bits less.
//
// Where the context has LENS_FEATURE_BF16, what is multiplied with the weights is rounded to bf16 too, once for all
// products of an input, and the processor adds products up by twos, in fp32. Elsewhere the weights are made fp32 in
// registers and the rest stays fp32. An element's bits depend on its row, its column and K alone: not on M, N, its
// position, the number of threads, or whether W is packed.

/// Bytes of the packed form of W[N,K].
size_t lens_packed_bf16_bytes(size_t N, size_t K);

/// Writes the packed form to `packed`, lens_packed_bf16_bytes at a cache line's border. It is the same for every
/// context.
lens_status lens_pack_bf16(lens_context *context, const lens_weights *W, void *packed);

/// C[M,N] = A[M,K] · Wᵀ (+ C when `accumulate`) for `count` matrices of the same K; lda is a row stride in elements.
lens_status lens_gemm_bf16(lens_context *context, size_t M, size_t K, bool accumulate, const float *A, size_t lda,
                           size_t count, const lens_weights_product *products);

/// nll[M] = -log softmax(A[M,K] · Wᵀ)[targets[M]] for logits as above, which are never stored.
lens_status lens_head_losses_bf16(lens_context *context, size_t M, const float *A, size_t lda, const lens_weights *W,
                                  const int32_t *targets, float *nll);

/// Scratch of products of at most M rows with weights that are packed or not.
lens_scratch_need lens_gemm_bf16_scratch(const lens_context *context, size_t M, size_t K, bool packed);
lens_scratch_need lens_head_losses_bf16_scratch(const lens_context *context, size_t M, size_t N, size_t K, bool packed);

LENS_END_C

#endif
