// Products with quantized weights on NEON with dot products of bytes: 12 rows x 4 columns at a time.
#include "kernels/inline.h"
#include "kernels/int8_kernels.h"
#include "kernels/neon/vector.h"
#include "sizes.h"
#include <string.h>

#if defined(__aarch64__)

enum { MR = 12, BIASED = 0, WORDS = 1, UNROLLED = lens_group_words };

LENS_BEGIN_WITH("dotprod")
#include "kernels/neon/integers.h"
static inline vi vi_weights(vi x) { return vi_signed(x); }
static inline vi vi_dot(vi sum, vi weights, vi x) {
    return vdotq_s32(sum, vreinterpretq_s8_s32(weights), vreinterpretq_s8_s32(x));
}
#include "kernels/template/int8-inl.h"
LENS_END_WITH

void lens_int8_kernels_neon_dotprod(lens_int8_kernels *table) {
    *table = (lens_int8_kernels){.MR = MR,
                                 .round = round_rows,
                                 .pack = pack_row,
                                 .tile = tile,
                                 .multiply_adds = multiply_bytes};
}
#endif
