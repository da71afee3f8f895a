// The loops that measure a machine's multiply-add peak.
#ifndef LENS_PEAK_H
#define LENS_PEAK_H
#include <stddef.h>

/// Each runs `rounds` rounds of independent multiply-adds and returns how many floating-point operations that was.
double lens_multiply_adds_scalar(size_t rounds);
double lens_multiply_adds_avx2(size_t rounds);
double lens_multiply_adds_avx512(size_t rounds);

#endif
