// Elementwise maps, sums and checks over flat arrays and rows.
#ifndef LENS_VECTOR_H
#define LENS_VECTOR_H
#include "parallel.h"
#include <stddef.h>

/// y[i] += x[i]
void lens_add(float *y, const float *x, size_t n);
/// y[i] *= factor
void lens_scale(float *y, float factor, size_t n);
/// out[i] = exp(x[i]), within 2 ulp; overflow gives +inf, underflow 0, NaN stays.
void lens_exp(float *out, const float *x, size_t n);
/// x[T,C] += bias[C]
void lens_bias_forward(float *x, const float *bias, size_t T, size_t C);
/// dbias[C] += column sums of dout[T,C]
void lens_bias_backward(float *dbias, const float *dout, size_t T, size_t C);
/// SwiGLU (arXiv 2002.05202): out = silu(gate) * up, n elements. `out` may be `gate` or `up`.
void lens_swiglu_forward(float *out, const float *gate, const float *up, size_t n);
/// dgate, dup from dout, gate, up. dgate may be gate, dup may be up or dout.
void lens_swiglu_backward(float *dgate, float *dup, const float *dout, const float *gate, const float *up, size_t n);
/// Sum of squares, in double, blocks of fixed size combined in order.
double lens_sum_of_squares(const float *x, size_t n);
/// Scratch of the column sums over at most T rows of C elements: `lens_bias_backward`, `lens_rmsnorm_backward`.
lens_scratch_need lens_column_sums_scratch(size_t T, size_t C);
/// Scratch of `lens_sum_of_squares` of n elements.
lens_scratch_need lens_sum_of_squares_scratch(size_t n);
/// Index of the first infinity or NaN, or n.
size_t lens_first_nonfinite(const float *x, size_t n);

#endif
