// Products with quantized weights on AVX-512 without VNNI: bytes are multiplied in pairs, and the pairs' sums added.
#include "kernels/avx512/vector.h"
#include "kernels/inline.h"
#include "kernels/int8_kernels.h"
#include "sizes.h"
#include <string.h>

#if defined(__x86_64__)

enum { MR = 8, BIASED = 0, WORDS = 1, UNROLLED = lens_group_words };

LENS_BEGIN
#include "kernels/avx512/integers.h"
static inline vi vi_weights(vi x) { return _mm512_xor_si512(x, _mm512_set1_epi8(-128)); }
// |w| * (x with the sign of w): two products of at most 128 * 127 do not saturate.
static inline vi vi_dot(vi sum, vi weights, vi x) {
    vi turned = _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(weights), _mm512_setzero_si512(), x);
    vi pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(weights), turned);
    return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
}
#include "kernels/template/int8-inl.h"
LENS_END

void lens_int8_kernels_avx512(lens_int8_kernels *table) {
    *table = (lens_int8_kernels){.MR = MR,
                                 .round = round_rows,
                                 .pack = pack_row,
                                 .tile = tile,
                                 .multiply_adds = multiply_bytes};
}
#endif
