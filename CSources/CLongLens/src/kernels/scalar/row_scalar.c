// The row kernels in plain C.
#include "kernels/row_kernels.h"
#include <float.h>
#include <math.h>

static void add(size_t n, const float *x, float *y) {
    for (size_t i = 0; i < n; i++) y[i] += x[i];
}

static void exponential(size_t n, const float *x, float *out) {
    for (size_t i = 0; i < n; i++) out[i] = expf(x[i]);
}

/// sigmoid(x) in `s` and 1 - sigmoid(x) in `rest`, both without cancellation or overflow.
static void sigmoid(float x, float *s, float *rest) {
    float t = expf(-fabsf(x)), larger = 1.0f / (1.0f + t), smaller = t * larger;
    *s = x < 0 ? smaller : larger;
    *rest = x < 0 ? larger : smaller;
}

static void swiglu(size_t n, const float *gate, const float *up, float *out) {
    for (size_t i = 0; i < n; i++) {
        float s, rest;
        sigmoid(gate[i], &s, &rest);
        out[i] = gate[i] * s * up[i];
    }
}

// d silu(g)/dg = s * (1 + g * (1 - s)), s = sigmoid(g).
static void swiglu_backward(size_t n, const float *dout, const float *gate, const float *up, float *dgate, float *dup) {
    for (size_t i = 0; i < n; i++) {
        float s, rest, d = dout[i], g = gate[i], u = up[i];
        sigmoid(g, &s, &rest);
        dgate[i] = d * u * (s * (1.0f + g * rest));
        dup[i] = d * (g * s);
    }
}

static double sum_of_squares(size_t n, const float *x) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

static size_t first_nonfinite(size_t n, const float *x) {
    size_t i = 0;
    while (i < n && isfinite(x[i])) i++;
    return i;
}

static void rmsnorm(size_t T, size_t C, float epsilon, const float *x, const float *weight, float *out, float *rstd) {
    for (size_t row = 0; row < T; row++, x += C, out += C) {
        float r = (float)(1.0 / sqrt(sum_of_squares(C, x) / (double)C + (double)epsilon));
        for (size_t c = 0; c < C; c++) out[c] = x[c] * r * weight[c];
        if (rstd != NULL) rstd[row] = r;
    }
}

// With n = x * rstd: dweight = sum of dout * n, dx = rstd * (dout * w - n * mean(dout * w * n)).
static void rmsnorm_backward(size_t T, size_t C, bool accumulate_dx, const float *dout, const float *x,
                             const float *weight, const float *rstd, float *dx, float *dweight) {
    for (size_t row = 0; row < T; row++, dx += C, dout += C, x += C) {
        double dot = 0, r = (double)rstd[row];
        for (size_t c = 0; c < C; c++) dot += (double)(dout[c] * weight[c]) * (double)x[c];
        float along = (float)(r * r * r * dot / (double)C);
        for (size_t c = 0; c < C; c++) {
            float d = dout[c], gradient = d * weight[c] * rstd[row] - x[c] * along;
            dweight[c] += d * (x[c] * rstd[row]);
            dx[c] = accumulate_dx ? dx[c] + gradient : gradient;
        }
    }
}

static void rope(size_t heads, size_t HS, size_t half, bool transpose, const float *cos, const float *sin, float *x) {
    for (size_t head = 0; head < heads; head++, x += HS) {
        for (size_t i = 0; i < half; i++) {
            float a = x[i], b = x[i + half], s = transpose ? -sin[i] : sin[i];
            x[i] = a * cos[i] - b * s;
            x[i + half] = b * cos[i] + a * s;
        }
    }
}

static double sum_exp(size_t n, const float *x, float *maximum) {
    // A finite start, so that a row of -infinity gives the sum 0.
    float largest = -FLT_MAX;
    for (size_t i = 0; i < n; i++) largest = x[i] > largest ? x[i] : largest;
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)expf(x[i] - largest);
    *maximum = largest;
    return sum;
}

static void scaled_softmax(size_t n, float lse, float weight, float *x) {
    for (size_t i = 0; i < n; i++) x[i] = weight * expf(x[i] - lse);
}

static void adamw(size_t n, const lens_adamw_factors *f, const float *g, float *m, float *v, float *p) {
    for (size_t i = 0; i < n; i++) {
        float gradient = g[i] * f->gradient_scale;
        m[i] += f->one_minus_beta1 * (gradient - m[i]);
        v[i] = f->beta2 * v[i] + f->one_minus_beta2 * gradient * gradient;
        float step = f->step_size * m[i] / (sqrtf(v[i]) * f->inverse_root + f->epsilon);
        p[i] -= f->decay * p[i] + step;
    }
}

#include "kernels/template/row_table-inl.h"

void lens_row_kernels_scalar(lens_row_kernels *table) { fill_table(table); }
