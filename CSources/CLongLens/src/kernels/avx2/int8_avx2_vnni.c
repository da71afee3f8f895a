// Products with quantized weights on AVX2 with AVX-VNNI: 6 rows x 8 columns at a time.
#include "kernels/avx2/vector.h"
#include "kernels/inline.h"
#include "kernels/int8_kernels.h"
#include "sizes.h"
#include <string.h>

#if defined(__x86_64__)

enum { MR = 6, BIASED = 1, WORDS = 1, UNROLLED = lens_group_words };

#pragma clang attribute push(__attribute__((target("avx2,fma,f16c,avxvnni"))), apply_to = function)
#include "kernels/avx2/integers.h"
static inline vi vi_weights(vi x) { return x; }
static inline vi vi_dot(vi sum, vi weights, vi x) { return _mm256_dpbusd_avx_epi32(sum, weights, x); }
#include "kernels/template/int8-inl.h"
#pragma clang attribute pop

void lens_int8_kernels_avx2_vnni(lens_int8_kernels *table) {
    *table = (lens_int8_kernels){.MR = MR,
                                 .round = round_rows,
                                 .pack = pack_row,
                                 .tile = tile,
                                 .multiply_adds = multiply_bytes};
}
#endif
