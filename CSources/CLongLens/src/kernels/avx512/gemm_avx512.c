// The matrix product's micro-kernels on AVX-512: a tile of 8 rows x 48 columns in 24 of the 32 registers.
#include "kernels/avx512/vector.h"
#include "kernels/gemm_kernels.h"
#include "kernels/inline.h"
#include "sizes.h"

#if defined(__x86_64__)

enum { MR = 8, HALF = MR / 2, VECTORS = 3, NR = VECTORS * VF_WIDTH };
enum { PACK_B_FROM = 4096 };

// How many positions ahead the panel of B is prefetched.
enum { PREFETCH = 12 };

LENS_BEGIN
// Packs m columns of A whose elements of one position are contiguous. MR lanes are half a register: a whole one would
// cross cache lines.
static inline void pack_columns_of_a(size_t m, size_t k, const float *a, size_t lda, float *packed) {
    const __mmask8 there = (__mmask8)((1u << m) - 1u);
    for (size_t p = 0; p < k; p++) _mm256_storeu_ps(packed + p * MR, _mm256_maskz_loadu_ps(there, a + p * lda));
}

#include "kernels/template/multiply_add-inl.h"
#include "kernels/template/gemm-inl.h"
#include "kernels/template/gemm_row-inl.h"
LENS_END
#include "kernels/template/gemm_table-inl.h"

void lens_gemm_kernels_avx512(lens_gemm_kernels *table) { fill_table(table); }
#endif
