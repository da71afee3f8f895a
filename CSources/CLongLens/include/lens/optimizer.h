// AdamW with decoupled weight decay (arXiv 1711.05101), bias-corrected.
#ifndef LENS_OPTIMIZER_H
#define LENS_OPTIMIZER_H
#include "lens/context.h"
#include "lens/linkage.h"
#include <stddef.h>

LENS_BEGIN_C

typedef struct lens_adamw_settings {
    double learning_rate, beta1, beta2, epsilon, weight_decay;
    double gradient_scale;           // multiplies the gradient first: 1/accumulation, clipping
    double correction1, correction2; // 1 - beta1^step, 1 - beta2^step
} lens_adamw_settings;

/// p -= lr * (m̂ / (sqrt(v̂) + epsilon) + weight_decay * p); m and v updated from the gradient g. n elements.
lens_status lens_adamw(lens_context *context, size_t n, lens_adamw_settings settings, const float *g, float *m,
                       float *v, float *p);

LENS_END_C

#endif
