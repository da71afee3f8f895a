// The matrix product's micro-kernels on NEON: a tile of 8 rows x 12 columns in 24 of the 32 registers.
#include "kernels/gemm_kernels.h"
#include "kernels/inline.h"
#include "kernels/neon/vector.h"
#include "sizes.h"

#if defined(__aarch64__)

enum { MR = 8, HALF = MR / 2, VECTORS = 3, NR = VECTORS * VF_WIDTH };
enum { PACK_B_FROM = 128 };

// How many positions ahead the panel of B is prefetched.
enum { PREFETCH = 24 };

LENS_BEGIN
// Packs m columns of A whose elements of one position are contiguous.
static inline void pack_columns_of_a(size_t m, size_t k, const float *a, size_t lda, float *packed) {
    const vmask low = min(m, VF_WIDTH), high = m - low;
    for (size_t p = 0; p < k; p++) {
        vf_store(packed + p * MR, vf_load_mask(a + p * lda, low));
        vf_store(packed + p * MR + VF_WIDTH, high > 0 ? vf_load_mask(a + p * lda + VF_WIDTH, high) : vf_zero());
    }
}

#include "kernels/neon/multiply_add.h"
#include "kernels/template/gemm-inl.h"
#include "kernels/template/gemm_row-inl.h"
LENS_END
#include "kernels/template/gemm_table-inl.h"

void lens_gemm_kernels_neon(lens_gemm_kernels *table) { fill_table(table); }
#endif
