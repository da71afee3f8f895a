// Products with quantized weights on AVX2, 8 rows x 8 columns at a time: bytes are multiplied in pairs, and the pairs'
// sums added.
#include "kernels/avx2/vector.h"
#include "kernels/inline.h"
#include "kernels/int8_kernels.h"
#include "sizes.h"
#include <string.h>

#if defined(__x86_64__)

enum { MR = 8, BIASED = 0, WORDS = 1, UNROLLED = 1 };

LENS_BEGIN
#include "kernels/avx2/integers.h"
static inline vi vi_weights(vi x) { return _mm256_xor_si256(x, _mm256_set1_epi8(-128)); }
// |w| * (x with the sign of w): two products of at most 128 * 127 do not saturate.
static inline vi vi_dot(vi sum, vi weights, vi x) {
    vi pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weights), _mm256_sign_epi8(x, weights));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
}
#include "kernels/template/int8-inl.h"
LENS_END

void lens_int8_kernels_avx2(lens_int8_kernels *table) {
    *table = (lens_int8_kernels){.MR = MR,
                                 .round = round_rows,
                                 .pack = pack_row,
                                 .tile = tile,
                                 .multiply_adds = multiply_bytes};
}
#endif
