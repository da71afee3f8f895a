// Attention, forward and backward, against plain loops in double precision.
#include "CLensReference.h"
#include "buffers.h"
#include "check.h"
#include <math.h>

typedef struct tensors {
    size_t queries, keys, rows; // elements of q, of k, of lse
    float *q, *k, *v, *dout;
    double *out, *lse, *dq, *dk, *dv; // expected
} tensors;

static tensors tensors_of(lens_attention_shape s) {
    tensors t = {.queries = s.T * s.NH * s.HS, .keys = s.T * s.NKV * s.HS, .rows = s.NH * s.T};
    t.q = numbers(t.queries), t.k = numbers(t.keys), t.v = numbers(t.keys), t.dout = numbers(t.queries);
    t.out = doubles(t.queries, NULL), t.lse = doubles(t.rows, NULL), t.dq = doubles(t.queries, NULL);
    t.dk = doubles(t.keys, NULL), t.dv = doubles(t.keys, NULL);
    double *q = doubles(t.queries, t.q), *k = doubles(t.keys, t.k), *v = doubles(t.keys, t.v);
    reference_attention_forward(s.T, s.NH, s.NKV, s.HS, (double)s.scale, s.window, q, k, v, t.out, t.lse);
    reference_attention_backward(s.T, s.NH, s.NKV, s.HS, (double)s.scale, s.window, q, k, v, t.out, t.lse,
                                 doubles(t.queries, t.dout), t.dq, t.dk, t.dv);
    return t;
}

static void expect_part(const char *what, size_t count, const float *result, const double *expected, double part) {
    double largest = 1;
    for (size_t i = 0; i < count; i++) largest = fmax(largest, fabs(expected[i]));
    expect_close(what, count, result, expected, part * largest, NULL);
}

static void check(contexts c, size_t T, size_t NKV, size_t group, size_t HS, size_t window) {
    at_work_on("attention of %zu tokens, %zu x %zu heads of %zu, window %zu", T, NKV, group, HS, window);
    lens_attention_shape s = {T, NKV * group, NKV, HS, 1 / sqrtf((float)HS), window};
    tensors t = tensors_of(s);
    float *result[2][5];
    for (int i = 0; i < 2; i++) {
        lens_context *context = i == 0 ? c.one : c.three;
        float *out = nothing(t.queries), *lse = nothing(t.rows), *delta = nothing(t.rows);
        float *dq = nothing(t.queries), *dk = nothing(t.keys), *dv = nothing(t.keys);
        must(lens_attention_forward(context, s, (lens_spans){0}, LENS_ARITHMETIC_F32, t.q, t.k, t.v, out, lse));
        must(lens_attention_backward(context, s, (lens_spans){0}, (lens_attention_queries){T, NULL}, t.q, t.k, t.v, out,
                                     lse, t.dout, delta, dq, dk, dv));
        result[i][0] = out, result[i][1] = lse, result[i][2] = dq, result[i][3] = dk, result[i][4] = dv;
    }
    static const char *names[] = {"out", "lse", "dq", "dk", "dv"};
    const double *expected[] = {t.out, t.lse, t.dq, t.dk, t.dv};
    const size_t counts[] = {t.queries, t.rows, t.queries, t.keys, t.keys};
    // A score errs by its length, a sum over keys or queries by theirs; most of it cancels.
    double part = ROUNDING * (sqrt((double)HS) + sqrt((double)T) + 16);
    for (size_t i = 0; i < COUNT(names); i++) {
        expect_part(names[i], counts[i], result[0][i], expected[i], part);
        expect_same(names[i], counts[i], result[1][i], result[0][i]);
    }
    free_all();
}

void check_attention(contexts c) {
    // Around the tiles (8, 12, 24, 48) and blocks (32, 64, 72, 96), for sizes that fill vectors or not.
    static const size_t tokens_of[] = {1, 2, 7, 8, 9, 11, 12, 13, 25, 33, 49, 64, 73, 96, 97, 145},
                        sizes[] = {1, 3, 8, 20, 64};
    for (size_t i = 0; i < COUNT(tokens_of); i++)
        for (size_t j = 0; j < COUNT(sizes); j++) check(c, tokens_of[i], 1 + i % 2, 1 + (i + j) % 3, sizes[j], 0);
    check(c, 389, 1, 2, 16, 0);
    check(c, 50, 2, 1, 128, 0);
    static const size_t windows[] = {1, 2, 7, 8, 9, 24, 25, 48, 49, 96, 97, 300, 388, 389, 1000};
    for (size_t i = 0; i < COUNT(windows); i++) {
        check(c, 389, 1, 2, 16, windows[i]);
        check(c, 130, 2, 1, 20, windows[i]);
    }
}
