// The forward of attention on NEON with bf16: the register tile of fp32, of which each word holds two numbers.
#include "kernels/attention_kernels.h"
#include "kernels/inline.h"
#include "kernels/neon/vector.h"
#include "sizes.h"
#include <math.h>

#if defined(__aarch64__)

LENS_BEGIN_WITH("bf16")
#include "kernels/neon/attention-inl.h"
#include "kernels/neon/multiply_add_bf16.h"

enum { WORD = 2 };

// The nearest bf16 of two vectors, those of the first in the lower halves of the words.
LENS_INLINE vf word_of(const vf number[WORD]) {
    uint16x4x2_t words = vzip_u16(to_bf16(number[0]), to_bf16(number[1]));
    return vreinterpretq_f32_u16(vcombine_u16(words.val[0], words.val[1]));
}

LENS_INLINE void store_bf16(float *to, vf x) { vst1_u16((uint16_t *)to, to_bf16(x)); }

#include "kernels/template/attention_tile-inl.h"
#include "kernels/template/attention_forward-inl.h"
#include "kernels/template/attention_bf16-inl.h"
LENS_END_WITH

void lens_attention_kernels_neon_bf16(lens_attention_kernels *table) {
    table->forward_bf16 = (lens_attention_forward_kernels){forward, pack_queries, pack_keys, pack_values};
}
#endif
