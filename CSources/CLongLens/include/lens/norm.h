// RMSNorm (arXiv 1910.07467): out = x * rstd * weight, rstd = 1 / sqrt(mean(x²) + epsilon).
#ifndef LENS_NORM_H
#define LENS_NORM_H
#include "lens/context.h"
#include "lens/linkage.h"
#include <stddef.h>

LENS_BEGIN_C

/// out[T,C], rstd[T] from x[T,C], weight[C]. `rstd` may be NULL. `out` may be `x`. For per-head norms T is tokens *
/// heads, C the head size.
lens_status lens_rmsnorm_forward(lens_context *context, size_t T, size_t C, float epsilon, const float *x,
                                 const float *weight, float *out, float *rstd);

/// dx[T,C] (+= when `accumulate_dx`, else overwritten; may be `dout` then), dweight[C] +=, from dout[T,C], x, weight,
/// rstd.
lens_status lens_rmsnorm_backward(lens_context *context, size_t T, size_t C, bool accumulate_dx, const float *dout,
                                  const float *x, const float *weight, const float *rstd, float *dx, float *dweight);

LENS_END_C

#endif
