// Kernels over one row or one stretch of elements: no threads, no allocation, no globals.
// Pointers may be unaligned and lengths are free; nothing past the given elements is touched.
#ifndef LENS_ROW_KERNELS_H
#define LENS_ROW_KERNELS_H
#include <stddef.h>
#include <stdint.h>

/// The numbers of one AdamW step that are the same for all elements.
typedef struct lens_adamw_factors {
    float gradient_scale;
    float beta2, one_minus_beta1, one_minus_beta2;
    float step_size;         // learning rate / (1 - beta1^step)
    float inverse_root;      // 1 / sqrt(1 - beta2^step)
    float epsilon;
    float decay;             // learning rate * weight decay
} lens_adamw_factors;

typedef struct lens_row_kernels {
    /// y += x
    void (*add)(float *y, const float *x, size_t n);
    /// out = exp(x)
    void (*exp)(float *out, const float *x, size_t n);
    /// out = silu(gate) * up
    void (*swiglu)(float *out, const float *gate, const float *up, size_t n);
    /// dgate, dup from dout, gate, up; the outputs may be any of the inputs.
    void (*swiglu_backward)(float *dgate, float *dup, const float *dout, const float *gate, const float *up, size_t n);
    /// Sum of squares in double.
    double (*sum_of_squares)(const float *x, size_t n);
    /// Index of the first infinity or NaN, or n.
    size_t (*first_nonfinite)(const float *x, size_t n);
    /// out[rows, C], rstd[rows] (may be NULL) from x[rows, C], weight[C].
    void (*rmsnorm)(float *out, float *rstd, const float *x, const float *weight, size_t rows, size_t C, float epsilon);
    /// dx[rows, C] (added to when `accumulate`), dweight[C] +=.
    void (*rmsnorm_backward)(float *dx, float *dweight, const float *dout, const float *x, const float *weight,
                             const float *rstd, size_t rows, size_t C, int accumulate);
    /// Rotates the heads of one token: the pairs (i, i + half) of each head by cos[half], sin[half]; the other way
    /// round when `transpose`.
    void (*rope)(float *x, const float *cos, const float *sin, size_t heads, size_t HS, size_t half, int transpose);
    /// Sum of exp(x - maximum) in double; `maximum` is the largest element.
    double (*sum_exp)(const float *x, size_t n, float *maximum);
    /// x = weight * exp(x - lse)
    void (*scaled_softmax)(float *x, float lse, float weight, size_t n);
    void (*adamw)(float *p, const float *g, float *m, float *v, size_t n, const lens_adamw_factors *factors);
} lens_row_kernels;

void lens_row_kernels_scalar(lens_row_kernels *table);
void lens_row_kernels_avx2(lens_row_kernels *table);
void lens_row_kernels_avx512(lens_row_kernels *table);

#endif
