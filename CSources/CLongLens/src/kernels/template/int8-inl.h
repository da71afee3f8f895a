// Products with quantized weights in the vector vocabulary: a register tile of MR rows and one panel. Needs the enum
// {MR, BIASED, WORDS, UNROLLED}, WORDS being 1, the type `vi` of a vector of integers, and
//   UNROLLED                  of the lens_group_words steps of a group, how many are written out; one where the
//                             compiler would change their order, and run out of registers
//   vi_load, vi_set1          32-bit integers
//   vi_weights(vi)            what vi_dot takes as weights, from a panel's integers
//   vi_dot(sum, weights, x)   sum plus the four products in each 32-bit integer; of the panel's integers as they stand
//                             when BIASED, else less 128
//   vi_row(rows, i)           row i of MR rows of four bytes, in each 32-bit integer
//   vi_add(vi, vi)            32-bit integers
//   vf_from(vi)               to fp32
#include "kernels/template/int8_peak-inl.h"
#include "kernels/template/int8_rounding-inl.h"

// VF_WIDTH rows of the panel, from `lane` on.
LENS_INLINE void multiply(size_t groups, size_t lane, const rounded_group *a, const lens_panel_group *panel,
                          vf sum[MR]) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < MR; i++) sum[i] = vf_zero();
    for (size_t g = 0; g < groups; g++, a++, panel++) {
        vi dot[MR];
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) dot[i] = vi_set1(BIASED ? a->bias[i] : 0);
#pragma clang loop unroll_count(UNROLLED)
        for (size_t k = 0; k < lens_group_words; k++) {
            vi weights = vi_weights(vi_load((*panel)[k][lane]));
#pragma clang loop unroll(full)
            for (size_t i = 0; i < MR; i++) dot[i] = vi_dot(dot[i], weights, vi_row(a->integers[k], i));
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) sum[i] = vf_fma(vf_from(dot[i]), vf_set1(a->scale[i]), sum[i]);
    }
    vf scale = vf_load((const float *)panel + lane); // behind the groups
#pragma clang loop unroll(full)
    for (size_t i = 0; i < MR; i++) sum[i] = vf_mul(sum[i], scale);
}

// The same of the first row of A alone, whose integers are added up in two chains: sums of integers are exact.
LENS_INLINE vf multiply_one(size_t groups, size_t lane, const rounded_group *a, const lens_panel_group *panel) {
    vf sum = vf_zero();
    for (size_t g = 0; g < groups; g++, a++, panel++) {
        vi even = vi_set1(BIASED ? a->bias[0] : 0), odd = vi_set1(0);
#pragma clang loop unroll(full)
        for (size_t k = 0; k < lens_group_words; k += 2) {
            even = vi_dot(even, vi_weights(vi_load((*panel)[k][lane])), vi_row(a->integers[k], 0));
            odd = vi_dot(odd, vi_weights(vi_load((*panel)[k + 1][lane])), vi_row(a->integers[k + 1], 0));
        }
        sum = vf_fma(vf_from(vi_add(even, odd)), vf_set1(a->scale[0]), sum);
    }
    return vf_mul(sum, vf_load((const float *)panel + lane)); // scales are behind the groups
}

#include "kernels/template/int8_tile-inl.h"
