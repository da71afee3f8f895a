// The readable reference of every row kernel.
#include "kernels/row_kernels.h"
#include <float.h>
#include <math.h>

static void add(float *y, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void exponential(float *out, const float *x, size_t n) {
    for (size_t i = 0; i < n; i++) out[i] = expf(x[i]);
}

/// sigmoid(x) in `s` and 1 - sigmoid(x) in `rest`, both without cancellation or overflow.
static void sigmoid(float x, float *s, float *rest) {
    float t = expf(-fabsf(x)), larger = 1.0f / (1.0f + t), smaller = t * larger;
    *s = x < 0 ? smaller : larger;
    *rest = x < 0 ? larger : smaller;
}

static void swiglu(float *out, const float *gate, const float *up, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float s, rest;
        sigmoid(gate[i], &s, &rest);
        out[i] = gate[i] * s * up[i];
    }
}

// d silu(g)/dg = s * (1 + g * (1 - s)), s = sigmoid(g).
static void swiglu_backward(float *dgate, float *dup, const float *dout, const float *gate, const float *up, size_t n) {
    for (size_t i = 0; i < n; i++) {
        float s, rest, d = dout[i], g = gate[i], u = up[i];
        sigmoid(g, &s, &rest);
        dgate[i] = d * u * (s * (1.0f + g * rest));
        dup[i] = d * (g * s);
    }
}

static double sum_of_squares(const float *x, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static size_t first_nonfinite(const float *x, size_t n) {
    size_t i = 0;
    while (i < n && isfinite(x[i])) i++;
    return i;
}

static void rmsnorm(float *out, float *rstd, const float *x, const float *weight, size_t rows, size_t C,
                    float epsilon) {
    for (size_t row = 0; row < rows; row++, x += C, out += C) {
        float r = (float)(1.0 / sqrt(sum_of_squares(x, C) / (double)C + (double)epsilon));
        for (size_t c = 0; c < C; c++) out[c] = x[c] * r * weight[c];
        if (rstd != NULL) rstd[row] = r;
    }
}

// With n = x * rstd: dweight = sum of dout * n, dx = rstd * (dout * w - n * mean(dout * w * n)).
static void rmsnorm_backward(float *dx, float *dweight, const float *dout, const float *x, const float *weight,
                             const float *rstd, size_t rows, size_t C, int accumulate) {
    for (size_t row = 0; row < rows; row++, dx += C, dout += C, x += C) {
        double dot = 0, r = (double)rstd[row];
        for (size_t c = 0; c < C; c++) dot += (double)(dout[c] * weight[c]) * (double)x[c];
        float along = (float)(r * r * r * dot / (double)C);
        for (size_t c = 0; c < C; c++) {
            float d = dout[c], gradient = d * weight[c] * rstd[row] - x[c] * along;
            dweight[c] += d * (x[c] * rstd[row]);
            dx[c] = accumulate ? dx[c] + gradient : gradient;
        }
    }
}

static void rope(float *x, const float *cos, const float *sin, size_t heads, size_t HS, size_t half, int transpose) {
    for (size_t head = 0; head < heads; head++, x += HS) {
        for (size_t i = 0; i < half; i++) {
            float a = x[i], b = x[i + half], s = transpose ? -sin[i] : sin[i];
            x[i] = a * cos[i] - b * s;
            x[i + half] = b * cos[i] + a * s;
        }
    }
}

static double sum_exp(const float *x, size_t n, float *maximum) {
    // A finite start, so that a row of -infinity gives the sum 0.
    float largest = -FLT_MAX;
    for (size_t i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)expf(x[i] - largest);
    *maximum = largest;
    return sum;
}

static void scaled_softmax(float *x, float lse, float weight, size_t n) {
    for (size_t i = 0; i < n; i++) x[i] = weight * expf(x[i] - lse);
}

static void adamw(float *p, const float *g, float *m, float *v, size_t n, const lens_adamw_factors *f) {
    for (size_t i = 0; i < n; i++) {
        float gradient = g[i] * f->gradient_scale;
        m[i] += f->one_minus_beta1 * (gradient - m[i]);
        v[i] = f->beta2 * v[i] + f->one_minus_beta2 * gradient * gradient;
        float step = f->step_size * m[i] / (sqrtf(v[i]) * f->inverse_root + f->epsilon);
        p[i] -= f->decay * p[i] + step;
    }
}

void lens_row_kernels_scalar(lens_row_kernels *table) {
    *table = (lens_row_kernels){
        .add = add,
        .exp = exponential,
        .swiglu = swiglu,
        .swiglu_backward = swiglu_backward,
        .sum_of_squares = sum_of_squares,
        .first_nonfinite = first_nonfinite,
        .rmsnorm = rmsnorm,
        .rmsnorm_backward = rmsnorm_backward,
        .rope = rope,
        .sum_exp = sum_exp,
        .scaled_softmax = scaled_softmax,
        .adamw = adamw,
    };
}
