#include "kernels/peak_kernels.h"
#include "kernels/avx512/vector.h"

#if defined(__x86_64__)

enum { chains = lens_peak_chains };
static const float factor = 0.5f, start = 1.0f;

LENS_BEGIN
double lens_multiply_adds_avx512(size_t rounds) {
    __m512 sum[2 * chains], by = _mm512_set1_ps(factor), one = _mm512_set1_ps(start);
    for (int i = 0; i < 2 * chains; i++) sum[i] = one;
    for (size_t r = 0; r < rounds; r++)
#pragma clang loop unroll(full)
        for (int i = 0; i < 2 * chains; i++) sum[i] = _mm512_fmadd_ps(sum[i], by, one);
    for (int i = 0; i < 2 * chains; i++) __asm__ volatile("" : : "v"(sum[i]));
    return 2.0 * 16 * 2 * chains * (double)rounds;
}
LENS_END
#endif
