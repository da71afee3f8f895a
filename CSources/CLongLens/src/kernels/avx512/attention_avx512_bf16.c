// The forward of attention on AVX-512 with BF16: the register tile of fp32, of which each word holds two numbers.
#include "kernels/attention_kernels.h"
#include "kernels/avx512/vector.h"
#include "kernels/inline.h"
#include "sizes.h"
#include <math.h>

#if defined(__x86_64__)

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))),                 \
                             apply_to = function)
#include "kernels/avx512/attention-inl.h"

enum { WORD = 2 };

// The nearest bf16 of two vectors, those of the first in the lower halves of the words.
LENS_INLINE vf word_of(const vf number[WORD]) {
    __m512i low = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(number[0]));
    __m512i high = _mm512_cvtepu16_epi32((__m256i)_mm512_cvtneps_pbh(number[1]));
    return _mm512_castsi512_ps(_mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
}

LENS_INLINE void store_bf16(float *to, vf x) { _mm256_storeu_si256((__m256i *)to, (__m256i)_mm512_cvtneps_pbh(x)); }

LENS_INLINE void multiply_add_row(const int V, const float *element, const vf *column, vf *acc) {
    vf x = vf_set1(*element);
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) acc[v] = _mm512_dpbf16_ps(acc[v], (__m512bh)x, (__m512bh)column[v]);
}

#include "kernels/template/attention_tile-inl.h"
#include "kernels/template/attention_forward-inl.h"
#include "kernels/template/attention_bf16-inl.h"
#pragma clang attribute pop

void lens_attention_kernels_avx512_bf16(lens_attention_kernels *table) {
    table->forward_bf16 = (lens_attention_forward_kernels){forward, pack_queries, pack_keys, pack_values};
}
#endif
