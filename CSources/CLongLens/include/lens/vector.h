// Elementwise maps, sums and checks over flat arrays and rows.
#ifndef LENS_VECTOR_H
#define LENS_VECTOR_H
#include "lens/linkage.h"
#include "lens/scratch.h"
#include <stddef.h>

LENS_BEGIN_C

/// out[i] = exp(x[i]), within 2 ulp; overflow gives +inf, underflow 0, NaN stays. The exponential of the softmax and of
/// SwiGLU by itself: what they promise rests on it, and tests measure it here.
lens_status lens_exp(lens_context *context, size_t n, const float *x, float *out);
/// x[T,C] += bias[C]
lens_status lens_bias_forward(lens_context *context, size_t T, size_t C, const float *bias, float *x);
/// dbias[C] += column sums of dout[T,C]
lens_status lens_bias_backward(lens_context *context, size_t T, size_t C, const float *dout, float *dbias);
/// SwiGLU (arXiv 2002.05202): out = silu(gate) * up, n elements. `out` may be `gate` or `up`.
lens_status lens_swiglu_forward(lens_context *context, size_t n, const float *gate, const float *up, float *out);
/// dgate, dup from dout, gate, up. dgate may be gate, dup may be up or dout.
lens_status lens_swiglu_backward(lens_context *context, size_t n, const float *dout, const float *gate, const float *up,
                                 float *dgate, float *dup);
/// Sum of squares, in double, blocks of fixed size combined in order.
lens_status lens_sum_of_squares(lens_context *context, size_t n, const float *x, double *sum);
/// Scratch of the column sums over at most T rows of C elements: `lens_bias_backward`, `lens_rmsnorm_backward`.
lens_scratch_need lens_column_sums_scratch(size_t T, size_t C);
/// Scratch of `lens_sum_of_squares` of n elements.
lens_scratch_need lens_sum_of_squares_scratch(size_t n);
/// Index of the first infinity or NaN, or n.
lens_status lens_first_nonfinite(lens_context *context, size_t n, const float *x, size_t *index);

LENS_END_C

#endif
