#include "kernels/peak_kernels.h"

enum { chains = lens_peak_chains };

double lens_multiply_adds_scalar(size_t rounds) {
    float sum[chains];
    for (int i = 0; i < chains; i++) sum[i] = 1.0f;
    for (size_t r = 0; r < rounds; r++) {
#pragma clang loop vectorize(disable) unroll(full)
        for (int i = 0; i < chains; i++) {
            sum[i] = sum[i] * 0.5f + 1.0f;
#if defined(__x86_64__)
            __asm__ volatile("" : "+x"(sum[i])); // or the loop would be vectorized
#endif
        }
    }
    volatile float sink = 0;
    for (int i = 0; i < chains; i++) sink += sum[i];
    return 2.0 * chains * (double)rounds;
}
