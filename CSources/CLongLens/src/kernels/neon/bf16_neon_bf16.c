// Products with weights of 16 bits on NEON with BF16: 6 rows x 16 columns in 24 of the 32 registers.
#include "kernels/bf16_kernels.h"
#include "kernels/inline.h"
#include "kernels/neon/vector.h"
#include "sizes.h"
#include <string.h>

#if defined(__aarch64__)

enum { MR = 6, PANELS = 1, PARTS = 1, PREFETCH = 16 };

LENS_BEGIN_WITH("bf16")
#include "kernels/neon/multiply_add_bf16.h"

LENS_INLINE vf weights_part(vf words, size_t part) {
    (void)part;
    return words;
}

LENS_INLINE vf multiply_add(vf x, vf w, vf sum) {
    return vbfdotq_f32(sum, vreinterpretq_bf16_f32(x), vreinterpretq_bf16_f32(w));
}

// To nearest even. `to` has room for whole vectors.
static inline void round_floats(size_t n, const float *x, uint16_t *to) {
    for (size_t i = 0; i < n; i += VF_WIDTH) vst1_u16(to + i, to_bf16(vf_load_first(x + i, min(n - i, VF_WIDTH))));
}

static inline void round_halves(size_t n, const char *x, uint16_t *to) {
    for (size_t i = 0; i < n; i++) to[i] = float_to_bfloat(load_half_as_float(x + 2 * i));
}

#include "kernels/template/bf16-inl.h"
#include "kernels/template/bf16_peak-inl.h"
LENS_END_WITH

void lens_bf16_kernels_neon_bf16(lens_bf16_kernels *table) { *table = LENS_BF16_TABLE(multiply_adds); }
#endif
