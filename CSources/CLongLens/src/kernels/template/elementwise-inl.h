// Elementwise kernels, sums and checks in the vector vocabulary.

static void add(size_t n, const float *x, float *y) {
    size_t i = 0;
    for (; i + VF_WIDTH <= n; i += VF_WIDTH) vf_store(y + i, vf_add(vf_load(y + i), vf_load(x + i)));
    size_t rest = n - i;
    if (rest > 0) vf_store_first(y + i, vf_add(vf_load_first(y + i, rest), vf_load_first(x + i, rest)), rest);
}

static void exponential(size_t n, const float *x, float *out) {
    size_t i = 0;
    for (; i + VF_WIDTH <= n; i += VF_WIDTH) vf_store(out + i, vf_exp(vf_load(x + i)));
    if (i < n) vf_store_first(out + i, vf_exp(vf_load_first(x + i, n - i)), n - i);
}

/// sigmoid(x), and 1 - sigmoid(x) in `rest`, both without cancellation or overflow.
static inline vf sigmoid(vf x, vf *rest) {
    vf t = vf_exp(vf_minus_abs(x));
    vf larger = vf_div(vf_set1(1.0f), vf_add(vf_set1(1.0f), t)), smaller = vf_mul(t, larger);
    *rest = vf_where_negative(x, larger, smaller);
    return vf_where_negative(x, smaller, larger);
}

static inline vf swiglu_of(vf gate, vf up) {
    vf rest;
    return vf_mul(vf_mul(gate, sigmoid(gate, &rest)), up);
}

static void swiglu(size_t n, const float *gate, const float *up, float *out) {
    size_t i = 0;
    for (; i + VF_WIDTH <= n; i += VF_WIDTH) vf_store(out + i, swiglu_of(vf_load(gate + i), vf_load(up + i)));
    size_t rest = n - i;
    if (rest > 0) vf_store_first(out + i, swiglu_of(vf_load_first(gate + i, rest), vf_load_first(up + i, rest)), rest);
}

static inline void swiglu_gradient(vf d, vf g, vf u, vf *dgate, vf *dup) {
    vf rest, s = sigmoid(g, &rest);
    *dgate = vf_mul(vf_mul(d, u), vf_mul(s, vf_fma(g, rest, vf_set1(1.0f))));
    *dup = vf_mul(d, vf_mul(g, s));
}

static void swiglu_backward(size_t n, const float *dout, const float *gate, const float *up, float *dgate, float *dup) {
    size_t i = 0;
    vf a, b;
    for (; i + VF_WIDTH <= n; i += VF_WIDTH) {
        swiglu_gradient(vf_load(dout + i), vf_load(gate + i), vf_load(up + i), &a, &b);
        vf_store(dgate + i, a);
        vf_store(dup + i, b);
    }
    size_t rest = n - i;
    if (rest > 0) {
        swiglu_gradient(vf_load_first(dout + i, rest), vf_load_first(gate + i, rest), vf_load_first(up + i, rest), &a,
                        &b);
        vf_store_first(dgate + i, a, rest);
        vf_store_first(dup + i, b, rest);
    }
}

static double sum_of_squares(size_t n, const float *x) {
    vd a = vd_zero(), b = vd_zero(), c = vd_zero(), d = vd_zero();
    size_t i = 0;
    for (; i + 2 * VF_WIDTH <= n; i += 2 * VF_WIDTH) {
        vf u = vf_load(x + i), v = vf_load(x + i + VF_WIDTH);
        a = vd_fma(vd_low(u), vd_low(u), a);
        b = vd_fma(vd_high(u), vd_high(u), b);
        c = vd_fma(vd_low(v), vd_low(v), c);
        d = vd_fma(vd_high(v), vd_high(v), d);
    }
    while (i < n) {
        size_t rest = min(n - i, VF_WIDTH);
        vf u = vf_load_first(x + i, rest);
        a = vd_fma(vd_low(u), vd_low(u), a);
        b = vd_fma(vd_high(u), vd_high(u), b);
        i += rest;
    }
    return vd_sum(vd_add(vd_add(a, b), vd_add(c, d)));
}

static size_t first_nonfinite(size_t n, const float *x) {
    enum { block = 32 * VF_WIDTH };
    size_t start = 0;
    // 0 * x is NaN for infinity and NaN, and a sum keeps it: one test a block.
    for (; start + block <= n; start += block) {
        vf a = vf_zero(), b = vf_zero();
        for (size_t i = start; i < start + block; i += 2 * VF_WIDTH) {
            a = vf_fma(vf_load(x + i), vf_zero(), a);
            b = vf_fma(vf_load(x + i + VF_WIDTH), vf_zero(), b);
        }
        if (!isfinite(vf_sum(vf_add(a, b)))) break;
    }
    while (start < n && isfinite(x[start])) start++;
    return start;
}
