// The machine's arithmetic peak.
#ifndef LENS_PEAK_H
#define LENS_PEAK_H
#include "lens/context.h"
#include "lens/linkage.h"

LENS_BEGIN_C

/// Multiply-add peak in GFLOP/s of the context's threads with its instruction set, measured for about `seconds`.
double lens_measure_peak_gflops(lens_context *context, double seconds);

/// The same of products of bytes in GOP/s, two operations a product.
double lens_measure_peak_int8_gops(lens_context *context, double seconds);

/// The same of products with weights of 16 bits, in GFLOP/s: of bf16 where the context has instructions for them.
double lens_measure_peak_bf16_gflops(lens_context *context, double seconds);

LENS_END_C

#endif
