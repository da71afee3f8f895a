#include "CLensReference.h"
#include <math.h>
#include <string.h>

static double dot(size_t n, const double *x, const double *y) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

// The first key that query i sees; `window` keys up to its own, or (0) all.
static size_t first_key(size_t i, size_t window) { return window == 0 || i < window ? 0 : i + 1 - window; }

// The query of key i of a head sees the last keys up to i of the key/value head that its group shares.
void reference_attention_forward_last(size_t T, size_t queries, size_t NH, size_t NKV, size_t HS, double scale,
                                      size_t window, const double *q, const double *k, const double *v, double *out,
                                      double *lse) {
    for (size_t h = 0; h < NH; h++) {
        size_t kv_head = h / (NH / NKV);
        for (size_t row = 0; row < queries; row++) {
            size_t i = T - queries + row;
            const double *query = q + (row * NH + h) * HS;
            double maximum = -INFINITY, sum = 0, *o = out + (row * NH + h) * HS;
            for (size_t j = first_key(i, window); j <= i; j++)
                maximum = fmax(maximum, scale * dot(HS, query, k + (j * NKV + kv_head) * HS));
            for (size_t j = first_key(i, window); j <= i; j++)
                sum += exp(scale * dot(HS, query, k + (j * NKV + kv_head) * HS) - maximum);
            lse[h * queries + row] = maximum + log(sum);
            memset(o, 0, HS * sizeof *o);
            for (size_t j = first_key(i, window); j <= i; j++) {
                double p = exp(scale * dot(HS, query, k + (j * NKV + kv_head) * HS) - lse[h * queries + row]);
                for (size_t d = 0; d < HS; d++) o[d] += p * v[(j * NKV + kv_head) * HS + d];
            }
        }
    }
}

void reference_attention_forward(size_t T, size_t NH, size_t NKV, size_t HS, double scale, size_t window,
                                 const double *q, const double *k, const double *v, double *out, double *lse) {
    reference_attention_forward_last(T, T, NH, NKV, HS, scale, window, q, k, v, out, lse);
}

// p = exp(s - lse), dp = dout · v, ds = p * (dp - dout · out); s = scale * q · k.
void reference_attention_backward(size_t T, size_t NH, size_t NKV, size_t HS, double scale, size_t window,
                                  const double *q, const double *k, const double *v, const double *out,
                                  const double *lse, const double *dout, double *dq, double *dk, double *dv) {
    memset(dq, 0, T * NH * HS * sizeof *dq);
    memset(dk, 0, T * NKV * HS * sizeof *dk);
    memset(dv, 0, T * NKV * HS * sizeof *dv);
    for (size_t h = 0; h < NH; h++) {
        size_t kv_head = h / (NH / NKV);
        for (size_t i = 0; i < T; i++) {
            size_t query = (i * NH + h) * HS;
            double delta = dot(HS, dout + query, out + query);
            for (size_t j = first_key(i, window); j <= i; j++) {
                size_t key = (j * NKV + kv_head) * HS;
                double p = exp(scale * dot(HS, q + query, k + key) - lse[h * T + i]);
                double ds = p * (dot(HS, dout + query, v + key) - delta);
                for (size_t d = 0; d < HS; d++) {
                    dq[query + d] += scale * ds * k[key + d];
                    dk[key + d] += scale * ds * q[query + d];
                    dv[key + d] += p * dout[query + d];
                }
            }
        }
    }
}
