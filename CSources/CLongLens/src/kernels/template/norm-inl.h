// RMSNorm and rotary embedding in the vector vocabulary. Needs elementwise-inl.h.

static inline vf normalize(vf x, vf rstd, vf weight) { return vf_mul(vf_mul(x, rstd), weight); }

static void rmsnorm(size_t T, size_t C, float epsilon, const float *x, const float *weight, float *out, float *rstd) {
    for (size_t row = 0; row < T; row++, x += C, out += C) {
        float scalar = (float)(1.0 / sqrt(sum_of_squares(C, x) / (double)C + (double)epsilon));
        vf r = vf_set1(scalar);
        size_t c = 0;
        for (; c + VF_WIDTH <= C; c += VF_WIDTH) vf_store(out + c, normalize(vf_load(x + c), r, vf_load(weight + c)));
        size_t rest = C - c;
        if (rest > 0)
            vf_store_first(out + c, normalize(vf_load_first(x + c, rest), r, vf_load_first(weight + c, rest)), rest);
        if (rstd != NULL) rstd[row] = scalar;
    }
}

/// Sum of (dout * weight) * x in double.
static inline double weighted_dot(size_t n, const float *dout, const float *weight, const float *x) {
    vd low = vd_zero(), high = vd_zero();
    for (size_t i = 0; i < n; i += VF_WIDTH) {
        size_t rest = n - i;
        vf d, u;
        if (rest >= VF_WIDTH) {
            d = vf_mul(vf_load(dout + i), vf_load(weight + i));
            u = vf_load(x + i);
        } else {
            d = vf_mul(vf_load_first(dout + i, rest), vf_load_first(weight + i, rest));
            u = vf_load_first(x + i, rest);
        }
        low = vd_fma(vd_low(d), vd_low(u), low);
        high = vd_fma(vd_high(d), vd_high(u), high);
    }
    return vd_sum(vd_add(low, high));
}

static void rmsnorm_backward(size_t T, size_t C, bool accumulate_dx, const float *dout, const float *x,
                             const float *weight, const float *rstd, float *dx, float *dweight) {
    for (size_t row = 0; row < T; row++, dx += C, dout += C, x += C) {
        double scalar = (double)rstd[row];
        vf r = vf_set1(rstd[row]);
        vf along = vf_set1((float)(scalar * scalar * scalar * weighted_dot(C, dout, weight, x) / (double)C));
        size_t c = 0;
        for (; c + VF_WIDTH <= C; c += VF_WIDTH) {
            vf d = vf_load(dout + c), u = vf_load(x + c);
            vf gradient = vf_fnma(u, along, vf_mul(vf_mul(d, vf_load(weight + c)), r));
            vf_store(dweight + c, vf_fma(d, vf_mul(u, r), vf_load(dweight + c)));
            vf_store(dx + c, accumulate_dx ? vf_add(vf_load(dx + c), gradient) : gradient);
        }
        size_t rest = C - c;
        if (rest > 0) {
            vf d = vf_load_first(dout + c, rest), u = vf_load_first(x + c, rest);
            vf gradient = vf_fnma(u, along, vf_mul(vf_mul(d, vf_load_first(weight + c, rest)), r));
            vf_store_first(dweight + c, vf_fma(d, vf_mul(u, r), vf_load_first(dweight + c, rest)), rest);
            vf_store_first(dx + c, accumulate_dx ? vf_add(vf_load_first(dx + c, rest), gradient) : gradient, rest);
        }
    }
}

static void rope(size_t heads, size_t HS, size_t half, bool transpose, const float *cos, const float *sin, float *x) {
    vf sign = vf_set1(transpose ? -1.0f : 1.0f);
    for (size_t i = 0; i < half; i += VF_WIDTH) {
        size_t n = min(half - i, VF_WIDTH);
        vf c = vf_load_first(cos + i, n), s = vf_mul(sign, vf_load_first(sin + i, n));
        float *first = x + i, *second = x + i + half;
        if (n == VF_WIDTH) {
            for (size_t head = 0; head < heads; head++, first += HS, second += HS) {
                vf a = vf_load(first), b = vf_load(second);
                vf_store(first, vf_fnma(b, s, vf_mul(a, c)));
                vf_store(second, vf_fma(a, s, vf_mul(b, c)));
            }
        } else {
            for (size_t head = 0; head < heads; head++, first += HS, second += HS) {
                vf a = vf_load_first(first, n), b = vf_load_first(second, n);
                vf_store_first(first, vf_fnma(b, s, vf_mul(a, c)), n);
                vf_store_first(second, vf_fma(a, s, vf_mul(b, c)), n);
            }
        }
    }
}
