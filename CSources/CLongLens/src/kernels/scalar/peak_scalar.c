#include "kernels/peak_kernels.h"

enum { chains = lens_peak_chains };

#if defined(__x86_64__)
#define FLOAT_REGISTER "+x"
#elif defined(__aarch64__)
#define FLOAT_REGISTER "+w"
#else
#define FLOAT_REGISTER "+m"
#endif

double lens_multiply_adds_scalar(size_t rounds) {
    float sum[chains];
    for (int i = 0; i < chains; i++) sum[i] = 1.0f;
    for (size_t r = 0; r < rounds; r++) {
#pragma clang loop vectorize(disable) unroll(full)
        for (int i = 0; i < chains; i++) {
            sum[i] = sum[i] * 0.5f + 1.0f;
            __asm__ volatile("" : FLOAT_REGISTER(sum[i])); // or the loop would be vectorized
        }
    }
    volatile float sink = 0;
    for (int i = 0; i < chains; i++) sink += sum[i];
    return 2.0 * chains * (double)rounds;
}
