// AdamW in the vector vocabulary.

typedef struct adamw_vectors {
    vf gradient_scale, beta2, one_minus_beta1, one_minus_beta2, step_size, inverse_root, epsilon, decay;
} adamw_vectors;

static inline void adamw_update(const adamw_vectors *f, vf g, vf *p, vf *m, vf *v) {
    vf gradient = vf_mul(g, f->gradient_scale);
    *m = vf_fma(f->one_minus_beta1, vf_sub(gradient, *m), *m);
    *v = vf_fma(vf_mul(f->one_minus_beta2, gradient), gradient, vf_mul(f->beta2, *v));
    vf root = vf_fma(vf_sqrt(*v), f->inverse_root, f->epsilon);
    vf step = vf_div(vf_mul(f->step_size, *m), root);
    *p = vf_sub(*p, vf_fma(f->decay, *p, step));
}

static void adamw(size_t n, const lens_adamw_factors *factors, const float *g, float *m, float *v, float *p) {
    adamw_vectors f = {
        vf_set1(factors->gradient_scale),  vf_set1(factors->beta2),     vf_set1(factors->one_minus_beta1),
        vf_set1(factors->one_minus_beta2), vf_set1(factors->step_size), vf_set1(factors->inverse_root),
        vf_set1(factors->epsilon),         vf_set1(factors->decay),
    };
    size_t i = 0;
    for (; i + VF_WIDTH <= n; i += VF_WIDTH) {
        vf a = vf_load(p + i), b = vf_load(m + i), c = vf_load(v + i);
        adamw_update(&f, vf_load(g + i), &a, &b, &c);
        vf_store(p + i, a);
        vf_store(m + i, b);
        vf_store(v + i, c);
    }
    size_t rest = n - i;
    if (rest > 0) {
        vf a = vf_load_first(p + i, rest), b = vf_load_first(m + i, rest), c = vf_load_first(v + i, rest);
        adamw_update(&f, vf_load_first(g + i, rest), &a, &b, &c);
        vf_store_first(p + i, a, rest);
        vf_store_first(m + i, b, rest);
        vf_store_first(v + i, c, rest);
    }
}
