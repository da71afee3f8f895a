// Products with quantized weights in the vector vocabulary: a register tile of MR rows and one panel. Needs the enum
// {MR, BIASED}, the type `vi` of a vector of integers, and
//   vi_load, vi_set1          32-bit integers
//   vi_weights(vi)            what vi_dot takes as weights, from a panel's integers
//   vi_dot(sum, weights, x)   sum plus the four products in each 32-bit integer; of the panel's integers as they stand
//                             when BIASED, else less 128
//   vf_from(vi), vi_store_bytes(to, vf)   to fp32; the VF_WIDTH nearest integers, as bytes
enum { VECTORS = lens_panel_rows / VF_WIDTH };

typedef struct rounded_group {
    int8_t integers[lens_group_words][MR][4];
    float scale[MR];
    int32_t bias[MR];
    float sum[MR];
} rounded_group;

LENS_INLINE void round_group(const float *x, size_t i, rounded_group *to) {
    enum { parts = lens_group / VF_WIDTH };
    vf part[parts], least = vf_zero(), defect = vf_zero();
#pragma clang loop unroll(full)
    for (size_t p = 0; p < parts; p++) {
        part[p] = vf_load(x + p * VF_WIDTH);
        least = vf_min(vf_minus_abs(part[p]), least);
        defect = vf_fma(part[p], vf_zero(), defect);
    }
    float largest = -vf_minimum(least), wrong = vf_sum(defect);
    float inverse = largest >= 0x1p-100f && wrong == 0.0f ? 127.0f / largest : 0.0f;
    int8_t integers[lens_group];
    vf sum = vf_zero();
#pragma clang loop unroll(full)
    for (size_t p = 0; p < parts; p++) {
        vf whole = vf_round(vf_mul(part[p], vf_set1(inverse)));
        sum = vf_add(sum, whole); // exact
        vi_store_bytes(integers + p * VF_WIDTH, whole);
    }
#pragma clang loop unroll(full)
    for (size_t k = 0; k < lens_group_words; k++) memcpy(to->integers[k][i], integers + 4 * k, 4);
    to->scale[i] = largest / 127.0f + wrong;
    to->bias[i] = -128 * (int32_t)vf_sum(sum);
    to->sum[i] = to->scale[i] * vf_sum(sum);
}

static void round_rows(size_t m, size_t K, const float *a, size_t lda, void *rounded) {
    rounded_group *groups = rounded;
    if (m < MR) memset(groups, 0, K / lens_group * sizeof *groups);
    for (size_t i = 0; i < m; i++)
        for (size_t g = 0; g < K / lens_group; g++) round_group(a + i * lda + g * lens_group, i, &groups[g]);
}

// What the products of bytes alone reach: more chains than latency times ports.
static double multiply_bytes(size_t rounds) {
    enum { chains = 12 };
    vi sum[chains], weights = vi_weights(vi_set1(0x01020304));
    for (int i = 0; i < chains; i++) sum[i] = vi_set1(i);
    for (size_t r = 0; r < rounds; r++) {
        vi x = vi_set1((int32_t)(r & 0x7f7f));
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++) {
            __asm__ volatile("" : "+v"(x)); // each of another number, for all the compiler knows
            sum[i] = vi_dot(sum[i], weights, x);
        }
    }
    for (int i = 0; i < chains; i++) __asm__ volatile("" : : "v"(sum[i])); // kept alive without storing it
    return 2.0 * 4 * VF_WIDTH * chains * (double)rounds;
}

// VF_WIDTH rows of the panel, from `lane` on.
LENS_INLINE void multiply(const bool has_minimum, size_t groups, size_t lane, const rounded_group *a,
                          const uint8_t *panel, vf sum[MR]) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < MR; i++) sum[i] = vf_zero();
    for (size_t g = 0; g < groups; g++, a++, panel += lens_panel_group_bytes(has_minimum)) {
        const lens_panel_group *w = (const lens_panel_group *)panel;
        vi dot[MR];
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) dot[i] = vi_set1(BIASED ? a->bias[i] : 0);
#pragma clang loop unroll(full)
        for (size_t k = 0; k < lens_group_words; k++) {
            vi weights = vi_weights(vi_load(w->integers[k][lane]));
#pragma clang loop unroll(full)
            for (size_t i = 0; i < MR; i++) {
                int32_t word;
                memcpy(&word, a->integers[k][i], sizeof word);
                dot[i] = vi_dot(dot[i], weights, vi_set1(word));
            }
        }
        vf scale = vf_load(w->scale + lane);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) sum[i] = vf_fma(vf_from(dot[i]), vf_mul(scale, vf_set1(a->scale[i])), sum[i]);
        if (has_minimum) {
            vf minimum = vf_load(w->minimum + lane);
#pragma clang loop unroll(full)
            for (size_t i = 0; i < MR; i++) sum[i] = vf_fma(minimum, vf_set1(a->sum[i]), sum[i]);
        }
    }
}

static void tile(size_t m, size_t n, size_t groups, bool has_minimum, bool accumulate, const void *rounded,
                 const void *panel, float *c, size_t ldc) {
    for (size_t lane = 0; lane < n; lane += VF_WIDTH) {
        vf sum[MR];
        if (has_minimum) {
            multiply(true, groups, lane, rounded, panel, sum);
        } else {
            multiply(false, groups, lane, rounded, panel, sum);
        }
        const vmask mask = vf_first_mask(min(n - lane, VF_WIDTH));
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) {
            if (i < m) {
                float *to = c + i * ldc + lane;
                vf_store_mask(to, accumulate ? vf_add(vf_load_mask(to, mask), sum[i]) : sum[i], mask);
            }
        }
    }
}
