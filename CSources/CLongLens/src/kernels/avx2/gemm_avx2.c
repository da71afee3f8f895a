// The matrix product's micro-kernels on AVX2: a tile of 6 rows x 16 columns in 12 of the 16 registers.
#include "kernels/avx2/vector.h"
#include "kernels/gemm_kernels.h"
#include "kernels/inline.h"
#include "sizes.h"

#if defined(__x86_64__)

enum { MR = 6, HALF = MR / 2, VECTORS = 2, NR = VECTORS * VF_WIDTH };
enum { PACK_B_FROM = 128 };

// How many positions ahead the panel of B is prefetched.
enum { PREFETCH = 24 };

LENS_BEGIN
// Packs m columns of A whose elements of one position are contiguous.
static inline void pack_columns_of_a(size_t m, size_t k, const float *a, size_t lda, float *packed) {
    const vmask there = vf_first_mask(m), kept = vf_first_mask(MR);
    for (size_t p = 0; p < k; p++) vf_store_mask(packed + p * MR, vf_load_mask(a + p * lda, there), kept);
}

#include "kernels/template/multiply_add-inl.h"
#include "kernels/template/gemm-inl.h"
#include "kernels/template/gemm_row-inl.h"
LENS_END
#include "kernels/template/gemm_table-inl.h"

void lens_gemm_kernels_avx2(lens_gemm_kernels *table) { fill_table(table); }
#endif
