// Products with weights of 16 bits on NEON without BF16: 6 rows x 16 columns in 24 of the 32 registers, the weights
// made fp32 in the others.
#include "kernels/bf16_kernels.h"
#include "kernels/inline.h"
#include "kernels/neon/vector.h"
#include "kernels/peak_kernels.h"
#include "sizes.h"
#include <string.h>

#if defined(__aarch64__)

enum { MR = 6, PANELS = 1, PREFETCH = 16 };

LENS_BEGIN
LENS_INLINE vf weights_part(vf words, size_t part) {
    uint32x4_t x = vreinterpretq_u32_f32(words);
    return vreinterpretq_f32_u32(part == 0 ? vshlq_n_u32(x, 16) : vandq_u32(x, vdupq_n_u32(0xffff0000)));
}
#include "kernels/template/bf16_wide-inl.h"
#include "kernels/neon/multiply_add.h"
#include "kernels/template/bf16-inl.h"
LENS_END

void lens_bf16_kernels_neon(lens_bf16_kernels *table) { *table = LENS_BF16_TABLE(lens_multiply_adds_neon); }
#endif
