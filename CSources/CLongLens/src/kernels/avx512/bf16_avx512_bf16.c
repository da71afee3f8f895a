// Products with weights of 16 bits on AVX-512 with BF16: 8 rows x 48 columns in 24 of the 32 registers.
#include "kernels/avx512/vector.h"
#include "kernels/bf16_kernels.h"
#include "kernels/inline.h"
#include "sizes.h"
#include <string.h>

#if defined(__x86_64__)

enum { MR = 8, PANELS = 3, PARTS = 1, PREFETCH = 12 };

#pragma clang attribute push(__attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16"))),                 \
                             apply_to = function)
LENS_INLINE vf weights_part(vf words, size_t part) {
    (void)part;
    return words;
}

LENS_INLINE vf multiply_add(vf x, vf w, vf sum) { return _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)w); }

LENS_INLINE void multiply_add_row(const int V, const float *element, const vf *column, vf *acc) {
    vf x = vf_set1(*element);
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) acc[v] = multiply_add(x, column[v], acc[v]);
}

// To nearest even; below the least normal number, zero. `to` has room for whole vectors.
static inline void store_rounded(uint16_t *to, vf x) {
    _mm256_storeu_si256((__m256i *)(void *)to, (__m256i)_mm512_cvtneps_pbh(x));
}

static inline void round_floats(size_t n, const float *x, uint16_t *to) {
    for (size_t i = 0; i < n; i += VF_WIDTH) store_rounded(to + i, vf_load_first(x + i, min(n - i, VF_WIDTH)));
}

static inline void round_halves(size_t n, const char *x, uint16_t *to) {
    for (size_t i = 0; i < n; i += VF_WIDTH) {
        __m256i halves = _mm256_maskz_loadu_epi16(vf_first_mask(min(n - i, VF_WIDTH)), x + 2 * i);
        store_rounded(to + i, _mm512_cvtph_ps(halves));
    }
}

#include "kernels/template/bf16-inl.h"
#include "kernels/template/bf16_peak-inl.h"
#pragma clang attribute pop

void lens_bf16_kernels_avx512_bf16(lens_bf16_kernels *table) { *table = LENS_BF16_TABLE(multiply_adds); }
#endif
