#include "CLensReference.h"

// `direction` 1 rotates forth, -1 back: the inverse of a rotation is its transpose.
static void rotate(size_t T, size_t heads, size_t HS, size_t rotary, double direction, const double *cos,
                   const double *sin, double *x) {
    size_t half = rotary / 2;
    for (size_t t = 0; t < T; t++) {
        for (size_t h = 0; h < heads; h++) {
            double *head = x + (t * heads + h) * HS;
            for (size_t i = 0; i < half; i++) {
                double a = head[i], b = head[i + half], c = cos[t * half + i], s = direction * sin[t * half + i];
                head[i] = a * c - b * s;
                head[i + half] = a * s + b * c;
            }
        }
    }
}

void reference_rope_forward(size_t T, size_t heads, size_t HS, size_t rotary, const double *cos, const double *sin,
                            double *x) {
    rotate(T, heads, HS, rotary, 1, cos, sin, x);
}

void reference_rope_backward(size_t T, size_t heads, size_t HS, size_t rotary, const double *cos, const double *sin,
                             double *dx) {
    rotate(T, heads, HS, rotary, -1, cos, sin, dx);
}
