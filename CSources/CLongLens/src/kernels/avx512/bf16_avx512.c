// Products with weights of 16 bits on AVX-512 without BF16: 8 rows x 48 columns in 24 of the 32 registers, the weights
// made fp32 in the others.
#include "kernels/avx512/vector.h"
#include "kernels/bf16_kernels.h"
#include "kernels/inline.h"
#include "kernels/peak_kernels.h"
#include "sizes.h"
#include <string.h>

#if defined(__x86_64__)

enum { MR = 8, PANELS = 3, PREFETCH = 8 };

LENS_BEGIN
LENS_INLINE vf weights_part(vf words, size_t part) {
    __m512i x = _mm512_castps_si512(words);
    return _mm512_castsi512_ps(part == 0 ? _mm512_slli_epi32(x, 16)
                                         : _mm512_and_si512(x, _mm512_set1_epi32((int)0xffff0000)));
}
#include "kernels/template/bf16_wide-inl.h"
#include "kernels/template/multiply_add-inl.h"
#include "kernels/template/bf16-inl.h"
LENS_END

void lens_bf16_kernels_avx512(lens_bf16_kernels *table) { *table = LENS_BF16_TABLE(lens_multiply_adds_avx512); }
#endif
