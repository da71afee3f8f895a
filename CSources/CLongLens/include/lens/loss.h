// Cross-entropy: losses from what logits are the product of, and the gradient of logits.
#ifndef LENS_LOSS_H
#define LENS_LOSS_H
#include "lens/context.h"
#include "lens/linkage.h"
#include "lens/scratch.h"
#include <stddef.h>
#include <stdint.h>

LENS_BEGIN_C

/// nll[M] = -log softmax(A[M,K] · W[N,K]ᵀ)[targets[M]], and lse[M], the log-sum-exp of each row of logits, where it is
/// not NULL; lda is A's row stride in elements. The logits are those of lens_gemm_f32 and are stored where `logits`
/// [M,N] is not NULL alone. The bits of a row depend neither on the others nor on whether logits are stored.
lens_status lens_head_losses_f32(lens_context *context, size_t M, size_t N, size_t K, const float *A, size_t lda,
                                 const float *W, const int32_t *targets, float *nll, float *lse, float *logits);

/// Scratch of that for at most M rows.
lens_scratch_need lens_head_losses_f32_scratch(const lens_context *context, size_t M, size_t N, size_t K);

/// logits[rows, V] become their gradient: weight[row] * (exp(logits - lse) - onehot(target)).
lens_status lens_cross_entropy_backward(lens_context *context, size_t rows, size_t V, const int32_t *targets,
                                        const float *lse, const float *weight, float *logits);

LENS_END_C

#endif
