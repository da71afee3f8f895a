// Products with quantized weights on NEON as every processor has it: bytes are multiplied to 16 bits, and those added
// in pairs, twice.
#include "kernels/inline.h"
#include "kernels/int8_kernels.h"
#include "kernels/neon/vector.h"
#include "sizes.h"
#include <string.h>

#if defined(__aarch64__)

enum { MR = 8, BIASED = 0, WORDS = 1, UNROLLED = lens_group_words };

LENS_BEGIN
#include "kernels/neon/integers.h"
static inline vi vi_weights(vi x) { return vi_signed(x); }
// Two products of at most 128 * 127 do not overflow.
static inline vi vi_dot(vi sum, vi weights, vi x) {
    int8x16_t w = vreinterpretq_s8_s32(weights), y = vreinterpretq_s8_s32(x);
    int16x8_t first = vmull_s8(vget_low_s8(w), vget_low_s8(y)), second = vmull_high_s8(w, y);
    return vpadalq_s16(sum, vpaddq_s16(first, second));
}
#include "kernels/template/int8-inl.h"
LENS_END

void lens_int8_kernels_neon(lens_int8_kernels *table) {
    *table = (lens_int8_kernels){.MR = MR,
                                 .round = round_rows,
                                 .pack = pack_row,
                                 .tile = tile,
                                 .multiply_adds = multiply_bytes};
}
#endif
