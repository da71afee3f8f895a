// Attention, forward and backward, against plain loops in double precision.
#include "CLensReference.h"
#include "buffers.h"
#include "check.h"
#include <math.h>
#include <string.h>

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

// The last queries of the keys in chunks, one after the other as keys come: against the reference, and the bits of all
// at once.
static void check_last(contexts c, size_t T, size_t NKV, size_t group, size_t HS, size_t window, size_t chunk) {
    at_work_on("attention of %zu tokens by %zu, %zu x %zu heads of %zu, window %zu", T, chunk, NKV, group, HS, window);
    lens_attention_shape s = {T, NKV * group, NKV, HS, 1 / sqrtf((float)HS), window};
    size_t NH = s.NH, row = NH * HS, kv = NKV * HS;
    float *q = numbers(T * row), *k = numbers(T * kv), *v = numbers(T * kv);
    double *exact_q = doubles(T * row, q), *exact_k = doubles(T * kv, k), *exact_v = doubles(T * kv, v);
    double *exact = doubles(T * row, NULL), *exact_lse = doubles(NH * T, NULL);
    float *whole = nothing(T * row), *whole_lse = nothing(NH * T), *out = nothing(T * row), *lse = nothing(NH * T);
    float *known_k = nothing(T * kv), *known_v = nothing(T * kv), *expected_lse = nothing(NH * T);
    must(lens_attention_forward(c.three, s, (lens_spans){0}, LENS_ARITHMETIC_F32, q, k, v, whole, whole_lse));
    double part = ROUNDING * (sqrt((double)HS) + sqrt((double)T) + 16);
    for (size_t start = 0; start < T; start += chunk) {
        size_t rows = T - start < chunk ? T - start : chunk;
        memcpy(known_k + start * kv, k + start * kv, rows * kv * sizeof *k);
        memcpy(known_v + start * kv, v + start * kv, rows * kv * sizeof *v);
        lens_attention_shape known = s;
        known.T = start + rows;
        must(lens_attention_forward_last(start / chunk % 2 == 0 ? c.one : c.three, known, (lens_spans){0}, rows,
                                         (lens_spans){0}, LENS_ARITHMETIC_F32, q + start * row, known_k, known_v, out,
                                         lse));
        expect_same("out", rows * row, out, whole + start * row);
        for (size_t h = 0; h < NH; h++)
            memcpy(expected_lse + h * rows, whole_lse + h * T + start, rows * sizeof *expected_lse);
        expect_same("lse", NH * rows, lse, expected_lse);
        if (known.T < T) continue;
        reference_attention_forward_last(T, rows, NH, NKV, HS, (double)s.scale, window, exact_q + start * row, exact_k,
                                         exact_v, exact, exact_lse);
        expect_part("out", rows * row, out, exact, part);
        expect_part("lse", NH * rows, lse, exact_lse, part);
    }
    free_all();
}

// The last query alone, as it is decoded.
static void check_decoding(contexts c, size_t T, size_t NKV, size_t group, size_t HS, size_t window) {
    at_work_on("decoding after %zu tokens, %zu x %zu heads of %zu, window %zu", T, NKV, group, HS, window);
    lens_attention_shape s = {T, NKV * group, NKV, HS, 1 / sqrtf((float)HS), window};
    size_t row = s.NH * HS, kv = T * NKV * HS;
    float *q = numbers(row), *k = numbers(kv), *v = numbers(kv), *out = nothing(row), *again = nothing(row);
    double *exact = doubles(row, NULL), *lse = doubles(s.NH, NULL);
    reference_attention_forward_last(T, 1, s.NH, NKV, HS, (double)s.scale, window, doubles(row, q), doubles(kv, k),
                                     doubles(kv, v), exact, lse);
    must(lens_attention_decode(c.one, s, q, k, v, out));
    must(lens_attention_decode(c.three, s, q, k, v, again));
    expect_part("out", row, out, exact, ROUNDING * (sqrt((double)HS) + sqrt((double)T) + 16));
    expect_same("out", row, again, out);
    free_all();
}

// Several sequences of which some queries, none or all are given.
static void check_last_of_several(contexts c, lens_arithmetic arithmetic) {
    enum { NKV = 2, NH = 4, HS = 20, T = 1 + 97 + 30 + 200, Q = 1 + 13 + 0 + 150 };
    static const size_t keys[] = {0, 1, 98, 128, T}, queries[] = {0, 1, 14, 14, Q};
    at_work_on("attention of the last queries of several sequences");
    lens_attention_shape s = {T, NH, NKV, HS, 0.25f, 40};
    float *q = numbers(T * NH * HS), *k = numbers(T * NKV * HS), *v = numbers(T * NKV * HS),
          *given = nothing(Q * NH * HS);
    float *whole = nothing(T * NH * HS), *lse = nothing(NH * T), *out = nothing(Q * NH * HS), *own = nothing(NH * Q);
    lens_spans spans = {4, keys};
    for (size_t i = 0; i < 4; i++)
        for (size_t x = queries[i] * NH * HS; x < queries[i + 1] * NH * HS; x++)
            given[x] = q[(keys[i + 1] - queries[i + 1]) * NH * HS + x];
    must(lens_attention_forward(c.three, s, spans, arithmetic, q, k, v, whole, lse));
    must(
        lens_attention_forward_last(c.three, s, spans, Q, (lens_spans){4, queries}, arithmetic, given, k, v, out, own));
    for (size_t i = 0; i < 4; i++)
        expect_same("out", (queries[i + 1] - queries[i]) * NH * HS, out + queries[i] * NH * HS,
                    whole + (keys[i + 1] - queries[i + 1] + queries[i]) * NH * HS);
    static const size_t wrong[][5] = {{0, 2, 15, 15, Q}, {0, 1, 14, 14, Q - 1}, {0, 1, 14, 13, Q}};
    for (size_t i = 0; i < COUNT(wrong); i++)
        expect(lens_attention_forward_last(c.one, s, spans, Q, (lens_spans){4, wrong[i]}, arithmetic, given, k, v, out,
                                           own) == LENS_INVALID,
               "queries that are not of their keys are refused");
    expect(lens_attention_forward_last(c.one, s, spans, Q, (lens_spans){0}, arithmetic, given, k, v, out, own) ==
               LENS_INVALID,
           "queries of one sequence with keys of several are refused");
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
    static const size_t chunks[] = {5, 24, 64, 96, 130};
    check_last(c, 100, 1, 1, 8, 0, 1);
    for (size_t i = 0; i < COUNT(chunks); i++) {
        check_last(c, 200, 2, 2, 20, 0, chunks[i]);
        check_last(c, 131, 1, 2, 64, 1 + i * 25, chunks[i]);
    }
    // Around the vectors, the stretches and the blocks of decoding; groups of 1 to 9; stretches of several blocks.
    static const size_t lengths[] = {1, 2, 4, 7, 8, 9, 15, 16, 17, 31, 33, 48, 63, 65, 255, 256, 257, 511, 513, 770};
    for (size_t i = 0; i < COUNT(lengths); i++) {
        check_decoding(c, lengths[i], 1 + i % 3, 1 + i % 9, 1 + i * 7 % 90, 0);
        check_decoding(c, lengths[i], 1, 1 + i % 4, 64, 1 + i * 40);
    }
    check_decoding(c, 16384 + 300, 1, 2, 4, 0);
    check_last_of_several(c, LENS_ARITHMETIC_F32);
    check_last_of_several(c, LENS_ARITHMETIC_BF16);
}
