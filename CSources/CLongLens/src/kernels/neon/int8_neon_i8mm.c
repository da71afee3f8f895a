// Products with quantized weights on NEON with products of matrices of bytes, 2 x 8 by 8 x 2 in one instruction: 12
// rows x 4 columns at a time.
#include "kernels/inline.h"
#include "kernels/int8_kernels.h"
#include "kernels/neon/vector.h"
#include "sizes.h"
#include <string.h>

#if defined(__aarch64__)

// The eight bytes of a row lie side by side, and those of two rows in one register.
enum { MR = 12, PAIRS = MR / 2, WORDS = 2 };

LENS_BEGIN_WITH("i8mm")
#include "kernels/neon/integers.h"
static inline vi vi_weights(vi x) { return x; }
// Two rows of the panel, unsigned, by two rows: 0 0, 0 1, 1 0, 1 1.
static inline vi vi_dot(vi sum, vi weights, vi x) {
    return vusmmlaq_s32(sum, vreinterpretq_u8_s32(weights), vreinterpretq_s8_s32(x));
}
// Two neighbours, twice.
static inline vi vi_pair(const void *p) {
    int64_t pair;
    memcpy(&pair, p, sizeof pair);
    return vreinterpretq_s32_s64(vdupq_n_s64(pair));
}
#include "kernels/template/int8_peak-inl.h"
#include "kernels/template/int8_rounding-inl.h"

// The first `pairs` pairs of rows of A; rows `lane` to `lane` + 3 of the panel, the first two and the last two each in
// a register.
LENS_INLINE void multiply_pairs(const size_t pairs, size_t groups, size_t lane, const rounded_group *a,
                                const lens_panel_group *panel, vf sum[MR]) {
    vf low[PAIRS], high[PAIRS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < pairs; i++) low[i] = high[i] = vf_zero();
    for (size_t g = 0; g < groups; g++, a++, panel++) {
        vi low_dot[PAIRS], high_dot[PAIRS];
#pragma clang loop unroll(full)
        for (size_t i = 0; i < pairs; i++) low_dot[i] = high_dot[i] = vi_pair(&a->bias[2 * i]);
#pragma clang loop unroll(full)
        for (size_t k = 0; k < lens_group_words; k += WORDS) {
            vi even = vi_load((*panel)[k][lane]), odd = vi_load((*panel)[k + 1][lane]);
            vi first = vzip1q_s32(even, odd), second = vzip2q_s32(even, odd);
#pragma clang loop unroll(full)
            for (size_t i = 0; i < pairs; i++) {
                vi x = vi_load(a->integers[k / WORDS][2 * i]);
                low_dot[i] = vi_dot(low_dot[i], first, x);
                high_dot[i] = vi_dot(high_dot[i], second, x);
            }
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < pairs; i++) {
            vf scale = vreinterpretq_f32_s32(vi_pair(&a->scale[2 * i]));
            low[i] = vf_fma(vf_from(low_dot[i]), scale, low[i]);
            high[i] = vf_fma(vf_from(high_dot[i]), scale, high[i]);
        }
    }
    vf scale = vf_load((const float *)panel + lane); // behind the groups
#pragma clang loop unroll(full)
    for (size_t i = 0; i < pairs; i++) {
        sum[2 * i] = vf_mul(vuzp1q_f32(low[i], high[i]), scale);
        sum[2 * i + 1] = vf_mul(vuzp2q_f32(low[i], high[i]), scale);
    }
}

LENS_INLINE void multiply(size_t groups, size_t lane, const rounded_group *a, const lens_panel_group *panel,
                          vf sum[MR]) {
    multiply_pairs(PAIRS, groups, lane, a, panel, sum);
}

LENS_INLINE vf multiply_one(size_t groups, size_t lane, const rounded_group *a, const lens_panel_group *panel) {
    vf sum[MR];
    multiply_pairs(1, groups, lane, a, panel, sum);
    return sum[0];
}

#include "kernels/template/int8_tile-inl.h"
LENS_END_WITH

void lens_int8_kernels_neon_i8mm(lens_int8_kernels *table) {
    *table = (lens_int8_kernels){.MR = MR,
                                 .round = round_rows,
                                 .pack = pack_row,
                                 .tile = tile,
                                 .multiply_adds = multiply_bytes};
}
#endif
