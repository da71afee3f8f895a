// Products with quantized weights in the vector vocabulary: a register tile of MR rows and one panel. Needs the enum
// {MR, BIASED}, the type `vi` of a vector of integers, and
//   vi_load, vi_set1          32-bit integers
//   vi_weights(vi)            what vi_dot takes as weights, from a panel's integers
//   vi_dot(sum, weights, x)   sum plus the four products in each 32-bit integer; of the panel's integers as they stand
//                             when BIASED, else less 128
//   vf_from(vi)               to fp32
#include "kernels/template/int8_rounding-inl.h"

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
LENS_INLINE void multiply(size_t groups, size_t lane, const rounded_group *a, const lens_panel_group *panel,
                          vf sum[MR]) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < MR; i++) sum[i] = vf_zero();
    for (size_t g = 0; g < groups; g++, a++, panel++) {
        vi dot[MR];
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) dot[i] = vi_set1(BIASED ? a->bias[i] : 0);
#pragma clang loop unroll(full)
        for (size_t k = 0; k < lens_group_words; k++) {
            vi weights = vi_weights(vi_load((*panel)[k][lane]));
#pragma clang loop unroll(full)
            for (size_t i = 0; i < MR; i++) {
                int32_t word;
                memcpy(&word, a->integers[k][i], sizeof word);
                dot[i] = vi_dot(dot[i], weights, vi_set1(word));
            }
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) sum[i] = vf_fma(vf_from(dot[i]), vf_set1(a->scale[i]), sum[i]);
    }
    vf scale = vf_load((const float *)panel + lane); // behind the groups
#pragma clang loop unroll(full)
    for (size_t i = 0; i < MR; i++) sum[i] = vf_mul(sum[i], scale);
}

static void tile(size_t m, size_t n, size_t groups, bool accumulate, const void *rounded, const void *panel, float *c,
                 size_t ldc) {
    for (size_t lane = 0; lane < n; lane += VF_WIDTH) {
        vf sum[MR];
        multiply(groups, lane, rounded, panel, sum);
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
