#include "kernels/peak_kernels.h"
#include "kernels/avx2/vector.h"

#if defined(__x86_64__)

enum { chains = lens_peak_chains };
static const float factor = 0.5f, start = 1.0f;

// Keeps a value alive without storing it.
#define KEEP(x) __asm__ volatile("" : : "x"(x))

LENS_BEGIN
double lens_multiply_adds_avx2(size_t rounds) {
    __m256 sum[chains], by = _mm256_set1_ps(factor), one = _mm256_set1_ps(start);
    for (int i = 0; i < chains; i++) sum[i] = one;
    for (size_t r = 0; r < rounds; r++)
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++) sum[i] = _mm256_fmadd_ps(sum[i], by, one);
    for (int i = 0; i < chains; i++) KEEP(sum[i]);
    return 2.0 * 8 * chains * (double)rounds;
}
LENS_END
#endif
