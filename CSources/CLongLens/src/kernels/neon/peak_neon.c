#include "kernels/neon/vector.h"
#include "kernels/peak_kernels.h"

#if defined(__aarch64__)

// Four pipes with a latency of four want 16.
enum { chains = 2 * lens_peak_chains };

LENS_BEGIN
#include "kernels/template/peak-inl.h"
LENS_END

double lens_multiply_adds_neon(size_t rounds) {
    multiply_adds(rounds);
    return 2.0 * VF_WIDTH * chains * (double)rounds;
}
#endif
