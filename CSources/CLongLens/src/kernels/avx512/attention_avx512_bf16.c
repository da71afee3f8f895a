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

LENS_INLINE void multiply_add_row(const int V, const float *element, const vf *column, vf *acc) {
    vf x = vf_set1(*element);
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) acc[v] = _mm512_dpbf16_ps(acc[v], (__m512bh)x, (__m512bh)column[v]);
}

#include "kernels/template/attention_tile-inl.h"
#include "kernels/template/attention_forward-inl.h"

// Elements d and d + 1 of a row in one word.
static void pack_keys(size_t rows, size_t padded_rows, size_t HS, size_t HSP, const float *x, size_t stride,
                      float *packed) {
    for (size_t r = 0; r < padded_rows; r++) {
        for (size_t d = 0; d < HSP; d += VF_WIDTH) {
            vf y = r < rows && d < HS ? load_some(x + r * stride + d, HS - d) : vf_zero();
            _mm256_storeu_si256((__m256i *)(packed + (r * HSP + d) / WORD), (__m256i)_mm512_cvtneps_pbh(y));
        }
    }
}

// Rows r and r + 1 in one word.
static void pack_values(size_t rows, size_t padded_rows, size_t HS, size_t HSP, const float *x, size_t stride,
                        float *packed) {
    for (size_t r = 0; r < padded_rows; r += WORD) {
        for (size_t d = 0; d < HSP; d += VF_WIDTH) {
            vf y[WORD];
            for (size_t i = 0; i < WORD; i++)
                y[i] = r + i < rows && d < HS ? load_some(x + (r + i) * stride + d, HS - d) : vf_zero();
            vf_store(packed + r / WORD * HSP + d, word_of(y));
        }
    }
}

// Rows d and d + 1 of the lane-packed tile in one word.
static void pack_queries(size_t rows, size_t HS, size_t HSP, float factor, const float *x, size_t stride,
                         float *packed) {
    pack_lanes(rows, HS, HSP, factor, x, stride, packed);
    for (size_t d = 0; d < HSP; d += WORD) {
        for (size_t lane = 0; lane < tile_lanes; lane += VF_WIDTH) {
            const float *from = packed + d * tile_lanes + lane;
            vf y[WORD] = {vf_load(from), vf_load(from + tile_lanes)};
            vf_store(packed + d / WORD * tile_lanes + lane, word_of(y)); // never past what was read
        }
    }
}
#pragma clang attribute pop

void lens_attention_kernels_avx512_bf16(lens_attention_kernels *table) {
    table->forward_bf16 = (lens_attention_forward_kernels){forward, pack_queries, pack_keys, pack_values};
}
#endif
