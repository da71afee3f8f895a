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

// What the sums of products alone reach: more chains than latency times ports.
static double multiply_adds(size_t rounds) {
    enum { chains = 24 };
    vf sum[chains], x = vf_set1(0.5f);
    for (int i = 0; i < chains; i++) sum[i] = vf_zero();
    for (size_t r = 0; r < rounds; r++)
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++) {
            sum[i] = multiply_add(x, x, sum[i]);
            __asm__("" : "+v"(sum[i])); // each of its own
        }
    for (int i = 0; i < chains; i++) __asm__ volatile("" : : "v"(sum[i])); // kept alive without storing it
    return 2.0 * 2 * VF_WIDTH * chains * (double)rounds;
}
#pragma clang attribute pop

void lens_bf16_kernels_avx512_bf16(lens_bf16_kernels *table) { *table = LENS_BF16_TABLE(multiply_adds); }
#endif
