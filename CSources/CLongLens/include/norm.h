// RMSNorm (arXiv 1910.07467): out = x * rstd * weight, rstd = 1 / sqrt(mean(x²) + epsilon).
#ifndef LENS_NORM_H
#define LENS_NORM_H
#include <stddef.h>

/// out[T,C], rstd[T] from x[T,C], weight[C]. `rstd` may be NULL. `out` may be `x`. For per-head norms T is tokens * heads, C the head size.
void lens_rmsnorm_forward(float *out, float *rstd, const float *x, const float *weight, size_t T, size_t C,
                          float epsilon);

/// dx[T,C] (+= when `accumulate_dx`, else overwritten; may be `dout` then), dweight[C] += , from dout[T,C], x, weight, rstd.
void lens_rmsnorm_backward(float *dx, float *dweight, const float *dout, const float *x, const float *weight,
                           const float *rstd, size_t T, size_t C, int accumulate_dx);

#endif
