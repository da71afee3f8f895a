#include "kernels/avx512/vector.h"
#include "kernels/peak_kernels.h"

#if defined(__x86_64__)

enum { chains = 2 * lens_peak_chains };

LENS_BEGIN
#include "kernels/template/peak-inl.h"
LENS_END

double lens_multiply_adds_avx512(size_t rounds) {
    multiply_adds(rounds);
    return 2.0 * VF_WIDTH * chains * (double)rounds;
}
#endif
