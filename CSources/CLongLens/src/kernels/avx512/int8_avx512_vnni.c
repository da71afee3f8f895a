// Products with quantized weights on AVX-512 with VNNI: 12 rows x 16 columns, 12 registers of integers, 12 of sums.
#include "kernels/avx512/vector.h"
#include "kernels/inline.h"
#include "kernels/int8_kernels.h"
#include "sizes.h"
#include <string.h>

#if defined(__x86_64__)

enum { MR = 12, BIASED = 1, WORDS = 1, UNROLLED = lens_group_words };

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512vnni"))),                 \
                             apply_to = function)
#include "kernels/avx512/integers.h"
static inline vi vi_weights(vi x) { return x; }
static inline vi vi_dot(vi sum, vi weights, vi x) { return _mm512_dpbusd_epi32(sum, weights, x); }
#include "kernels/template/int8-inl.h"
#pragma clang attribute pop

void lens_int8_kernels_avx512_vnni(lens_int8_kernels *table) {
    *table = (lens_int8_kernels){.MR = MR,
                                 .round = round_rows,
                                 .pack = pack_row,
                                 .tile = tile,
                                 .multiply_adds = multiply_bytes};
}
#endif
