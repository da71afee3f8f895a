// Cross-entropy over rows of logits. The head runs in chunks of rows, so logits of a whole sequence never exist.
#ifndef LENS_LOSS_H
#define LENS_LOSS_H
#include <stddef.h>
#include <stdint.h>

/// nll[rows] = lse - logits[row, target], lse[rows] = log-sum-exp of logits[rows, V]. Sums in double or blocked fp32.
void lens_cross_entropy_forward(float *nll, float *lse, const float *logits, const int32_t *targets, size_t rows,
                                size_t V);

/// logits[rows, V] become their gradient: weight[row] * (exp(logits - lse) - onehot(target)).
void lens_cross_entropy_backward(float *logits, const float *lse, const int32_t *targets, const float *weight,
                                 size_t rows, size_t V);

#endif
