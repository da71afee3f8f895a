// Cross-entropy over rows of logits. The head runs in chunks of rows, so logits of a whole sequence never exist.
#ifndef LENS_LOSS_H
#define LENS_LOSS_H
#include "lens/context.h"
#include "lens/linkage.h"
#include <stddef.h>
#include <stdint.h>

LENS_BEGIN_C

/// nll[rows] = lse - logits[row, target], lse[rows] = log-sum-exp of logits[rows, V]. Sums in double or blocked fp32.
lens_status lens_cross_entropy_forward(lens_context *context, size_t rows, size_t V, const float *logits,
                                       const int32_t *targets, float *nll, float *lse);

/// logits[rows, V] become their gradient: weight[row] * (exp(logits - lse) - onehot(target)).
lens_status lens_cross_entropy_backward(lens_context *context, size_t rows, size_t V, const int32_t *targets,
                                        const float *lse, const float *weight, float *logits);

LENS_END_C

#endif
