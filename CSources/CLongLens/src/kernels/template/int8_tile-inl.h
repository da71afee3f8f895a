// The register tile of products with quantized weights, in the vector vocabulary. Needs
//   multiply(groups, lane, a, panel, sum)   the sums of MR rows and VF_WIDTH rows of the panel, from `lane` on
//   multiply_one(groups, lane, a, panel)    that of the first row

static void tile(size_t m, size_t n, size_t groups, bool accumulate, const void *rounded, const void *panel, float *c,
                 size_t ldc) {
    for (size_t lane = 0; lane < n; lane += VF_WIDTH) {
        const vmask mask = vf_first_mask(min(n - lane, VF_WIDTH));
        if (m == 1) {
            vf one = multiply_one(groups, lane, rounded, panel);
            float *to = c + lane;
            vf_store_mask(to, accumulate ? vf_add(vf_load_mask(to, mask), one) : one, mask);
            continue;
        }
        vf sum[MR];
        multiply(groups, lane, rounded, panel, sum);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) {
            if (i < m) {
                float *to = c + i * ldc + lane;
                vf_store_mask(to, accumulate ? vf_add(vf_load_mask(to, mask), sum[i]) : sum[i], mask);
            }
        }
    }
}
