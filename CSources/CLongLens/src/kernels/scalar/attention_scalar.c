// The micro-kernels of attention in plain C.
#include "kernels/attention_kernels.h"
#include <math.h>

enum { lanes = 8, tile_lanes = lanes, tile_rows = 1 };
enum { HEAD_MULTIPLE = 1, FORWARD_KEYS = 32, BACKWARD_TILES = 4, BACKWARD_QUERIES = 32 };

// Whether the query at `distance` past the first key sees a key.
static bool sees(ptrdiff_t distance, ptrdiff_t window, size_t key) {
    return (ptrdiff_t)key <= distance && (ptrdiff_t)key > distance - window;
}

static float score(const lens_attention_forward_tile *t, size_t key, size_t lane) {
    if (!sees((ptrdiff_t)lane + t->diagonal, t->window, key)) return -INFINITY;
    float sum = 0;
    for (size_t d = 0; d < t->HSP; d++) sum += t->k[key * t->HSP + d] * t->q[d * lanes + lane];
    return sum;
}

static void forward(const lens_attention_forward_tile *t) {
    for (size_t lane = 0; lane < lanes; lane++) {
        float old = t->maximum[lane], maximum = old, sum = 0;
        for (size_t j = 0; j < t->keys; j++) {
            float s = t->s[j * lanes + lane] = score(t, j, lane);
            maximum = s > maximum ? s : maximum;
        }
        for (size_t j = 0; j < t->keys; j++) {
            float p = exp2f(t->s[j * lanes + lane] - maximum);
            t->s[j * lanes + lane] = p;
            sum += p;
        }
        float correction = exp2f(old - maximum); // 0 in the first block
        t->maximum[lane] = maximum;
        t->sum[lane] = t->sum[lane] * correction + sum;
        for (size_t d = 0; d < t->HSP; d++) {
            float out = t->out[d * lanes + lane] * correction;
            for (size_t j = 0; j < t->keys; j++) out += t->s[j * lanes + lane] * t->v[j * t->HSP + d];
            t->out[d * lanes + lane] = out;
        }
    }
}

static void probabilities(const lens_attention_backward_tile *t, size_t i, size_t j) {
    const float *k_t = t->k_t + j / lanes * t->HSP * lanes + j % lanes;
    const float *v_t = t->v_t + j / lanes * t->HSP * lanes + j % lanes;
    float s = 0, dp = 0, p = 0, ds = 0;
    if (sees((ptrdiff_t)i + t->diagonal, t->window, j)) {
        for (size_t d = 0; d < t->HSP; d++) {
            s += t->q[i * t->HSP + d] * k_t[d * lanes];
            dp += t->dout[i * t->HSP + d] * v_t[d * lanes];
        }
        p = exp2f(s - t->lse[i]);
        ds = p * (dp - t->delta[i]);
    }
    t->p[i * t->tiles * lanes + j] = p;
    t->ds[i * t->tiles * lanes + j] = ds;
}

static void backward(const lens_attention_backward_tile *t) {
    size_t keys = t->tiles * lanes;
    for (size_t i = 0; i < t->queries; i++)
        for (size_t j = 0; j < keys; j++) probabilities(t, i, j);
    for (size_t i = 0; i < t->queries; i++) {
        for (size_t j = 0; j < keys; j++) {
            float p = t->p[i * keys + j], ds = t->ds[i * keys + j];
            float *dk_t = t->dk_t + j / lanes * t->HSP * lanes + j % lanes;
            float *dv_t = t->dv_t + j / lanes * t->HSP * lanes + j % lanes;
            for (size_t d = 0; d < t->HSP; d++) {
                dv_t[d * lanes] += p * t->dout[i * t->HSP + d];
                dk_t[d * lanes] += ds * t->q[i * t->HSP + d];
                t->dq[i * t->HSP + d] += ds * t->k[j * t->HSP + d];
            }
        }
    }
}

static void decode(const lens_attention_decode_tile *t) {
    for (size_t g = 0; g < t->queries; g++) {
        const float *q = t->q + g * t->HSP;
        float *s = t->s + g * t->s_stride, *out = t->out + g * t->HSP, maximum = t->maximum[g], sum = 0;
        for (size_t j = 0; j < t->keys; j++) {
            s[j] = 0;
            for (size_t d = 0; d < t->HS; d++) s[j] += q[d] * t->k[j * t->stride + d];
            maximum = s[j] > maximum ? s[j] : maximum;
        }
        float correction = exp2f(t->maximum[g] - maximum); // 0 in the first block
        for (size_t d = 0; d < t->HS; d++) out[d] *= correction;
        for (size_t j = 0; j < t->keys; j++) {
            float p = exp2f(s[j] - maximum);
            sum += p;
            for (size_t d = 0; d < t->HS; d++) out[d] += p * t->v[j * t->stride + d];
        }
        t->maximum[g] = maximum;
        t->sum[g] = t->sum[g] * correction + sum;
    }
}

static void pack_rows(size_t rows, size_t padded_rows, size_t HS, size_t HSP, const float *x, size_t stride,
                      float *packed) {
    for (size_t r = 0; r < padded_rows; r++)
        for (size_t d = 0; d < HSP; d++) packed[r * HSP + d] = r < rows && d < HS ? x[r * stride + d] : 0;
}

static void pack_lanes(size_t rows, size_t HS, size_t HSP, float factor, const float *x, size_t stride, float *packed) {
    for (size_t d = 0; d < HSP; d++)
        for (size_t r = 0; r < lanes; r++) packed[d * lanes + r] = r < rows && d < HS ? x[r * stride + d] * factor : 0;
}

static void unpack_rows(size_t rows, size_t HS, size_t HSP, float factor, bool accumulate, const float *packed,
                        float *x, size_t stride) {
    for (size_t r = 0; r < rows; r++)
        for (size_t d = 0; d < HS; d++)
            x[r * stride + d] = packed[r * HSP + d] * factor + (accumulate ? x[r * stride + d] : 0);
}

static void unpack_lanes(size_t rows, size_t HS, bool accumulate, const float *factors, const float *packed, float *x,
                         size_t stride) {
    for (size_t r = 0; r < rows; r++)
        for (size_t d = 0; d < HS; d++)
            x[r * stride + d] = packed[d * lanes + r] * factors[r] + (accumulate ? x[r * stride + d] : 0);
}

static float dot(size_t n, const float *x, const float *y) {
    float sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

#include "kernels/template/attention_table-inl.h"

void lens_attention_kernels_scalar(lens_attention_kernels *table) { fill_table(table); }
