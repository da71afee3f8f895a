// The loops that measure a machine's multiply-add peak, one for each instruction set.
#ifndef LENS_PEAK_KERNELS_H
#define LENS_PEAK_KERNELS_H
#include <stddef.h>

/// More chains than latency times ports on any processor we know (4 cycles x 2 ports, 5 x 2), and few enough for
/// sixteen registers.
enum { lens_peak_chains = 12 };

/// Each runs `rounds` rounds of independent multiply-adds and returns how many floating-point operations that was.
/// Factors below one keep the sums bounded: no denormals, no infinities.
double lens_multiply_adds_scalar(size_t rounds);
double lens_multiply_adds_avx2(size_t rounds);
double lens_multiply_adds_avx512(size_t rounds);
double lens_multiply_adds_neon(size_t rounds);

#endif
