// Elementwise kernels, sums and the optimizer.
#include "CLensReference.h"
#include "buffers.h"
#include "check.h"
#include <float.h>
#include <math.h>

static const size_t lengths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 65, 257, 40001};

// Within 2 ulp for every float, all the way out.
static void check_exp(contexts c) {
    enum { count = 4000 };
    at_work_on("exp");
    float *x = numbers(count), *out = nothing(count);
    double *expected = doubles(count, NULL), *size = doubles(count, NULL);
    for (size_t i = 0; i < count; i++) {
        x[i] = (i % 2 == 0 ? 110.0f : 1.0f) * x[i];
        expected[i] = fmin(exp((double)x[i]), 2.0 * (double)FLT_MAX);
        size[i] = fmax(expected[i], (double)FLT_MIN);
    }
    must(lens_exp(c.one, count, x, out));
    for (size_t i = 0; i < count; i++)
        if (isinf(out[i]) && expected[i] > (double)FLT_MAX) expected[i] = (double)(out[i] = FLT_MAX);
    expect_close("exp", count, out, expected, 2 * 2 * ROUNDING, size);
    float special[] = {NAN, INFINITY, -INFINITY, 0.0f, -0.0f, 1000.0f, -1000.0f}, result[COUNT(special)];
    must(lens_exp(c.one, COUNT(special), special, result));
    expect(isnan(result[0]), "exp(NaN) is a number");
    expect_same("exp", 6, result + 1, (float[]){INFINITY, 0, 1, 1, INFINITY, 0});
    free_all();
}

static void check_swiglu(contexts c, size_t n) {
    at_work_on("swiglu of %zu", n);
    float *gate = numbers(n), *up = numbers(n), *dout = numbers(n), *out = nothing(n), *again = nothing(n);
    for (size_t i = 0; i < n; i++) gate[i] *= i % 3 == 0 ? 30 : 3;
    double *g = doubles(n, gate), *u = doubles(n, up), *expected = doubles(n, NULL);
    double *dgate = doubles(n, NULL), *dup = doubles(n, NULL), *size = doubles(n, NULL);
    reference_swiglu_forward(n, g, u, expected);
    reference_swiglu_backward(n, doubles(n, dout), g, u, dgate, dup);
    must(lens_swiglu_forward(c.one, n, gate, up, out));
    must(lens_swiglu_forward(c.three, n, gate, up, again));
    expect_close("out", n, out, expected, 9 * ROUNDING, expected);
    expect_same("out of three threads", n, again, out);
    for (size_t i = 0; i < n; i++) size[i] = 1 + fabs(g[i]);
    must(lens_swiglu_backward(c.one, n, dout, gate, up, dout, up)); // the outputs may be inputs
    expect_close("dgate", n, dout, dgate, 12 * ROUNDING, size);
    expect_close("dup", n, up, dup, 12 * ROUNDING, size);
    free_all();
}

static void check_sums(contexts c, size_t n) {
    at_work_on("sums of %zu", n);
    float *x = numbers(n);
    double expected = 0, sum, again;
    for (size_t i = 0; i < n; i++) expected += (double)x[i] * (double)x[i];
    must(lens_sum_of_squares(c.one, n, x, &sum));
    must(lens_sum_of_squares(c.three, n, x, &again));
    expect(fabs(sum - expected) <= 1e-12 * expected, "the sum of squares is wrong");
    expect(sum == again, "the sum of squares depends on threads");
    size_t places[] = {0, n / 3, n - 1}, index;
    for (size_t i = 0; i < COUNT(places); i++) {
        float kept = x[places[i]];
        x[places[i]] = i % 2 == 0 ? INFINITY : NAN;
        must(lens_first_nonfinite(c.three, n, x, &index));
        expect(index == places[i], "the first number that is not finite is elsewhere");
        x[places[i]] = kept;
    }
    must(lens_first_nonfinite(c.one, n, x, &index));
    expect(index == n, "finite numbers are taken for infinite ones");
    free_all();
}

static void check_adamw(contexts c, size_t n) {
    at_work_on("adamw of %zu", n);
    const size_t step = 3;
    lens_adamw_settings settings = {1e-3, 0.9, 0.999, 1e-8, 0.01, 1.0, 1 - pow(0.9, step), 1 - pow(0.999, step)};
    float *g = numbers(n), *m = numbers(n), *v = numbers(n), *p = numbers(n);
    for (size_t i = 0; i < n; i++) v[i] = fabsf(v[i]) + 0.01f;
    double *em = doubles(n, m), *ev = doubles(n, v), *ep = doubles(n, p);
    reference_adamw(n, step, 1e-3, 0.9, 0.999, 1e-8, 0.01, doubles(n, g), em, ev, ep);
    must(lens_adamw(c.three, n, settings, g, m, v, p));
    expect_close("m", n, m, em, 8 * ROUNDING, NULL);
    expect_close("v", n, v, ev, 8 * ROUNDING, NULL);
    expect_close("p", n, p, ep, 8 * ROUNDING, NULL);
    free_all();
}

void check_vectors(contexts c) {
    check_exp(c);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        check_swiglu(c, lengths[i]);
        check_sums(c, lengths[i]);
        check_adamw(c, lengths[i]);
    }
}
