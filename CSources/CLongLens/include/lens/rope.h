// Rotary position embedding (arXiv 2104.09864) in the half-split layout: pairs (i, i + rotary/2).
#ifndef LENS_ROPE_H
#define LENS_ROPE_H
#include "lens/context.h"
#include "lens/linkage.h"
#include "lens/spans.h"
#include "lens/status.h"
#include <stddef.h>

LENS_BEGIN_C

/// Rotates x[T, heads, HS] in place by the angles whose cos, sin [longest sequence, rotary/2] are given: row i of a
/// sequence by row i of them, of each head the first `rotary` elements. LENS_INVALID for spans that are not those of T
/// rows.
lens_status lens_rope_forward(lens_context *context, size_t T, lens_spans spans, size_t heads, size_t HS, size_t rotary,
                              const float *cos, const float *sin, float *x);

/// The transpose of the forward map of one sequence, in place on the gradient.
lens_status lens_rope_backward(lens_context *context, size_t T, size_t heads, size_t HS, size_t rotary,
                               const float *cos, const float *sin, float *dx);

LENS_END_C

#endif
