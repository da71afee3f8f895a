// Kernels over one row or one stretch of elements: no threads, no allocation, no globals.
// Pointers may be unaligned and lengths are free; nothing past the given elements is touched.
#ifndef LENS_ROW_KERNELS_H
#define LENS_ROW_KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// The numbers of one AdamW step that are the same for all elements.
typedef struct lens_adamw_factors {
    float gradient_scale;
    float beta2, one_minus_beta1, one_minus_beta2;
    float step_size;    // learning rate / (1 - beta1^step)
    float inverse_root; // 1 / sqrt(1 - beta2^step)
    float epsilon;
    float decay; // learning rate * weight decay
} lens_adamw_factors;

typedef struct lens_row_kernels {
    /// y += x
    void (*add)(size_t n, const float *x, float *y);
    /// out = exp(x)
    void (*exp)(size_t n, const float *x, float *out);
    /// out = silu(gate) * up
    void (*swiglu)(size_t n, const float *gate, const float *up, float *out);
    /// dgate, dup from dout, gate, up; the outputs may be any of the inputs.
    void (*swiglu_backward)(size_t n, const float *dout, const float *gate, const float *up, float *dgate, float *dup);
    /// Sum of squares in double.
    double (*sum_of_squares)(size_t n, const float *x);
    /// Index of the first infinity or NaN, or n.
    size_t (*first_nonfinite)(size_t n, const float *x);
    /// out[T, C], rstd[T] (may be NULL) from x[T, C], weight[C].
    void (*rmsnorm)(size_t T, size_t C, float epsilon, const float *x, const float *weight, float *out, float *rstd);
    /// dx[T, C] (added to when `accumulate_dx`), dweight[C] +=.
    void (*rmsnorm_backward)(size_t T, size_t C, bool accumulate_dx, const float *dout, const float *x,
                             const float *weight, const float *rstd, float *dx, float *dweight);
    /// Rotates the heads of one token: the pairs (i, i + half) of each head by cos[half], sin[half]; the other way
    /// round when `transpose`.
    void (*rope)(size_t heads, size_t HS, size_t half, bool transpose, const float *cos, const float *sin, float *x);
    /// Sum of exp(x - maximum) in double; `maximum` is the largest element.
    double (*sum_exp)(size_t n, const float *x, float *maximum);
    /// x = weight * exp(x - lse)
    void (*scaled_softmax)(size_t n, float lse, float weight, float *x);
    /// p, m, v from the gradient g.
    void (*adamw)(size_t n, const lens_adamw_factors *factors, const float *g, float *m, float *v, float *p);
} lens_row_kernels;

void lens_row_kernels_scalar(lens_row_kernels *table);
void lens_row_kernels_avx2(lens_row_kernels *table);
void lens_row_kernels_avx512(lens_row_kernels *table);
void lens_row_kernels_neon(lens_row_kernels *table);

#endif
