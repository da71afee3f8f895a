// Products with weights of 16 bits on AVX2: 6 rows x 16 columns in 12 of the 16 registers, the weights made fp32 in the
// others.
#include "kernels/avx2/vector.h"
#include "kernels/bf16_kernels.h"
#include "kernels/inline.h"
#include "kernels/peak_kernels.h"
#include "sizes.h"
#include <string.h>

#if defined(__x86_64__)

enum { MR = 6, PANELS = 1, PREFETCH = 16 };

LENS_BEGIN
LENS_INLINE vf weights_part(vf words, size_t part) {
    __m256i x = _mm256_castps_si256(words);
    return _mm256_castsi256_ps(part == 0 ? _mm256_slli_epi32(x, 16)
                                         : _mm256_and_si256(x, _mm256_set1_epi32((int)0xffff0000)));
}
#include "kernels/template/bf16_wide-inl.h"
#include "kernels/template/multiply_add-inl.h"
#include "kernels/template/bf16-inl.h"
LENS_END

void lens_bf16_kernels_avx2(lens_bf16_kernels *table) { *table = LENS_BF16_TABLE(lens_multiply_adds_avx2); }
#endif
