// Norms, losses, rotary embedding, embedding and bias.
#include "CLensReference.h"
#include "buffers.h"
#include "check.h"
#include <math.h>

static const size_t widths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 65, 576};

static void check_norm(contexts c, size_t T, size_t C) {
    at_work_on("norm of %zu x %zu", T, C);
    const float epsilon = 1e-5f;
    size_t n = T * C;
    float *x = numbers(n), *weight = numbers(C), *dout = numbers(n), *out = nothing(n), *rstd = nothing(T);
    float *dx = numbers(n), *dweight = numbers(C), *again = copy(n, dx), *weight_again = copy(C, dweight);
    double *ex = doubles(n, x), *ew = doubles(C, weight), *eout = doubles(n, NULL), *er = doubles(T, NULL);
    double *edx = doubles(n, NULL), *edw = doubles(C, NULL), *before = doubles(n, dx), *sum = doubles(C, dweight);
    reference_rmsnorm_forward(T, C, (double)epsilon, ex, ew, eout, er);
    must(lens_rmsnorm_forward(c.three, T, C, epsilon, x, weight, out, rstd));
    expect_close("out", n, out, eout, 4 * ROUNDING, eout);
    expect_close("rstd", T, rstd, er, 2 * ROUNDING, er);
    reference_rmsnorm_backward(T, C, doubles(n, dout), ex, ew, er, edx, edw);
    double largest = 0, rows = (double)T;
    for (size_t i = 0; i < T; i++) largest = fmax(largest, er[i]);
    for (size_t i = 0; i < n; i++) edx[i] += before[i];
    for (size_t i = 0; i < C; i++) edw[i] += sum[i];
    must(lens_rmsnorm_backward(c.one, T, C, true, dout, x, weight, rstd, dx, dweight));
    must(lens_rmsnorm_backward(c.three, T, C, true, dout, x, weight, rstd, again, weight_again));
    double tolerance = 12 * ROUNDING * (1 + largest + largest * largest * largest);
    expect_close("dx", n, dx, edx, tolerance, NULL);
    expect_close("dweight", C, dweight, edw, tolerance + 4 * ROUNDING * rows * largest, NULL);
    expect_same("dx of three threads", n, again, dx);
    expect_same("dweight of three threads", C, weight_again, dweight);
    free_all();
}

// The losses of logits [T, V], as the product of one times each: what drivers give of these.
static lens_status losses_of(lens_context *context, size_t T, size_t V, const float *logits, const int32_t *targets,
                             float *nll, float *lse) {
    float *one = numbers(T * T), *weights = numbers(V * T);
    for (size_t i = 0; i < T; i++)
        for (size_t k = 0; k < T; k++) one[i * T + k] = i == k;
    for (size_t j = 0; j < V; j++)
        for (size_t k = 0; k < T; k++) weights[j * T + k] = logits[k * V + j];
    return lens_head_losses_f32(context, T, V, T, one, T, weights, targets, nll, lse, NULL);
}

static void check_loss(contexts c, size_t T, size_t V) {
    at_work_on("loss of %zu x %zu", T, V);
    float *x = numbers(T * V), *nll = nothing(T), *lse = nothing(T), *weight = numbers(T);
    for (size_t i = 0; i < T * V; i++) x[i] *= i % 2 == 0 ? 10 : 3;
    int32_t *targets = tokens(T, V);
    weight[T / 2] = 0;
    double *ex = doubles(T * V, x), *enll = doubles(T, NULL), *else_ = doubles(T, NULL), *dx = doubles(T * V, NULL);
    double *size = doubles(T, NULL);
    reference_cross_entropy_forward(T, V, ex, targets, enll, else_);
    reference_cross_entropy_backward(T, V, ex, targets, else_, doubles(T, weight), dx);
    must(losses_of(c.three, T, V, x, targets, nll, lse));
    for (size_t i = 0; i < T; i++) size[i] = 1 + fabs(else_[i]);
    // Parts of the columns in fp32, a few hundred terms in a chain.
    expect_close("nll", T, nll, enll, 300 * ROUNDING, size);
    expect_close("lse", T, lse, else_, 300 * ROUNDING, size);
    must(lens_cross_entropy_backward(c.three, T, V, targets, lse, weight, x));
    expect_close("dlogits", T * V, x, dx, 330 * ROUNDING, NULL);
    free_all();
}

// What is masked has no share, and NaN is not lost.
static void check_broken_logits(contexts c) {
    enum { V = 5000 };
    at_work_on("broken logits");
    float *x = numbers(V), nll, lse;
    for (size_t i = 0; i < V; i++) x[i] = -INFINITY;
    x[4000] = x[4999] = 1e4f;
    int32_t target = 4999;
    must(losses_of(c.one, 1, V, x, &target, &nll, &lse));
    expect(fabs((double)nll - log(2)) < 1e-3, "masked logits have a share");
    for (size_t place = 0; place < V; place += 1249) {
        float kept = x[place];
        x[place] = NAN;
        must(losses_of(c.one, 1, V, x, &target, &nll, &lse));
        expect(isnan(nll), "NaN is lost");
        x[place] = kept;
    }
    free_all();
}

static void check_rope(contexts c, size_t HS, size_t rotary) {
    at_work_on("rotary embedding of %zu of %zu", rotary, HS);
    enum { T = 5, heads = 3 };
    size_t n = T * heads * HS, angles = T * rotary / 2;
    float *x = numbers(n), *cosine = numbers(angles), *sine = numbers(angles);
    double *expected = doubles(n, x), *ec = doubles(angles, cosine), *es = doubles(angles, sine);
    reference_rope_forward(T, heads, HS, rotary, ec, es, expected);
    must(lens_rope_forward(c.three, T, (lens_spans){0}, heads, HS, rotary, cosine, sine, x));
    expect_close("x", n, x, expected, 4 * ROUNDING, NULL);
    expected = doubles(n, x);
    reference_rope_backward(T, heads, HS, rotary, ec, es, expected);
    must(lens_rope_backward(c.three, T, heads, HS, rotary, cosine, sine, x));
    expect_close("dx", n, x, expected, 8 * ROUNDING, NULL);
    free_all();
}

static void check_sums(contexts c, size_t T, size_t C) {
    at_work_on("embedding and bias of %zu x %zu", T, C);
    enum { V = 5 };
    float *table = numbers(V * C), *out = nothing(T * C), *bias = numbers(C), *sum = numbers(C);
    int32_t *ids = tokens(T, V);
    double *etable = doubles(V * C, table), *eout = doubles(T * C, NULL), *esum = doubles(C, sum);
    double rows = (double)T;
    reference_embedding_forward(T, C, etable, ids, eout);
    must(lens_embedding_forward(c.three, T, C, table, ids, out));
    expect_close("out", T * C, out, eout, 0, NULL);
    for (size_t i = 0; i < T * C; i++) eout[i] += (double)bias[i % C];
    must(lens_bias_forward(c.three, T, C, bias, out));
    expect_close("out with a bias", T * C, out, eout, ROUNDING * 2, NULL);
    for (size_t i = 0; i < T * C; i++) esum[i % C] += (double)out[i];
    must(lens_bias_backward(c.three, T, C, out, sum));
    expect_close("dbias", C, sum, esum, 4 * ROUNDING * rows, NULL);
    reference_embedding_backward(T, C, doubles(T * C, out), ids, etable);
    must(lens_embedding_backward(c.three, T, C, out, ids, table));
    expect_close("dtable", V * C, table, etable, 30 * ROUNDING * rows, NULL); // sums of a hundred
    free_all();
}

void check_rows(contexts c) {
    for (size_t i = 0; i < COUNT(widths); i++) {
        check_norm(c, 3, widths[i]);
        check_loss(c, 3, widths[i]);
        check_sums(c, 3, widths[i]);
        check_rope(c, 2 * widths[i], 2 * widths[i]);
        check_rope(c, 2 * widths[i] + 1, 2 * widths[i]);
    }
    check_norm(c, 300, 70);
    check_sums(c, 300, 70);
    static const size_t vocabularies[] = {2047, 2048, 2049, 5000};
    for (size_t i = 0; i < COUNT(vocabularies); i++) check_loss(c, 2, vocabularies[i]);
    check_broken_logits(c);
}
