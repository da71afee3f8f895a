#include "kernels/avx2/vector.h"
#include "kernels/peak_kernels.h"

#if defined(__x86_64__)

enum { chains = lens_peak_chains };

LENS_BEGIN
#include "kernels/template/peak-inl.h"
LENS_END

double lens_multiply_adds_avx2(size_t rounds) {
    multiply_adds(rounds);
    return 2.0 * VF_WIDTH * chains * (double)rounds;
}
#endif
