// Softmax over long rows in the vector vocabulary.

/// The largest of `start` and the elements that are not NaN.
static inline float maximum_of(size_t n, float start, const float *x) {
    vf a = vf_set1(start), b = a;
    size_t i = 0;
    for (; i + 2 * VF_WIDTH <= n; i += 2 * VF_WIDTH) {
        a = vf_max(vf_load(x + i), a);
        b = vf_max(vf_load(x + i + VF_WIDTH), b);
    }
    while (i < n) {
        size_t rest = min(n - i, VF_WIDTH);
        a = vf_max(vf_first_or(vf_load_first(x + i, rest), rest, a), a);
        i += rest;
    }
    return vf_maximum(vf_max(a, b));
}

/// Sum of exp(x - maximum) over one block: in fp32, a few terms a lane.
static inline float block_sum_exp(size_t n, float maximum, const float *x) {
    vf m = vf_set1(maximum), a = vf_zero(), b = vf_zero();
    size_t i = 0;
    for (; i + 2 * VF_WIDTH <= n; i += 2 * VF_WIDTH) {
        a = vf_add(a, vf_exp(vf_sub(vf_load(x + i), m)));
        b = vf_add(b, vf_exp(vf_sub(vf_load(x + i + VF_WIDTH), m)));
    }
    while (i < n) {
        size_t rest = min(n - i, VF_WIDTH);
        vf e = vf_exp(vf_sub(vf_load_first(x + i, rest), m));
        a = vf_add(a, vf_first_or(e, rest, vf_zero()));
        i += rest;
    }
    return vf_sum(vf_add(a, b));
}

// One pass over memory: block by block the running maximum grows and the sum so far is scaled to it.
static double sum_exp(size_t n, const float *x, float *maximum) {
    enum { block = 2048 };
    // A finite start, so that a row of -infinity gives the sum 0.
    float largest = -FLT_MAX;
    double sum = 0;
    for (size_t start = 0; start < n; start += block) {
        size_t length = min(n - start, block);
        float grown = maximum_of(length, largest, x + start);
        if (grown > largest) sum *= exp((double)largest - (double)grown);
        largest = grown;
        sum += (double)block_sum_exp(length, largest, x + start);
    }
    *maximum = largest;
    return sum;
}

static void scaled_softmax(size_t n, float lse, float weight, float *x) {
    vf l = vf_set1(lse), w = vf_set1(weight);
    size_t i = 0;
    for (; i + VF_WIDTH <= n; i += VF_WIDTH) vf_store(x + i, vf_mul(w, vf_exp(vf_sub(vf_load(x + i), l))));
    size_t rest = n - i;
    if (rest > 0) vf_store_first(x + i, vf_mul(w, vf_exp(vf_sub(vf_load_first(x + i, rest), l))), rest);
}
