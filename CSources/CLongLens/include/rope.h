// Rotary position embedding (arXiv 2104.09864) in the half-split layout: pairs (i, i + rotary/2).
#ifndef LENS_ROPE_H
#define LENS_ROPE_H
#include <stddef.h>

/// Rotates x[T, heads, HS] in place by the angles whose cos, sin [T, rotary/2] are given; of each head the first `rotary` elements.
void lens_rope_forward(float *x, const float *cos, const float *sin, size_t T, size_t heads, size_t HS, size_t rotary);

/// The transpose of the forward map, in place on the gradient.
void lens_rope_backward(float *dx, const float *cos, const float *sin, size_t T, size_t heads, size_t HS,
                        size_t rotary);

#endif
