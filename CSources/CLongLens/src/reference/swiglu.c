#include "CLensReference.h"
#include <math.h>

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

void reference_swiglu_forward(size_t n, const double *gate, const double *up, double *out) {
    for (size_t i = 0; i < n; i++) out[i] = gate[i] * sigmoid(gate[i]) * up[i];
}

// d silu(x)/dx = s + x * s * (1 - s), s = sigmoid(x).
void reference_swiglu_backward(size_t n, const double *dout, const double *gate, const double *up, double *dgate,
                               double *dup) {
    for (size_t i = 0; i < n; i++) {
        double s = sigmoid(gate[i]);
        dgate[i] = dout[i] * up[i] * (s + gate[i] * s * (1 - s));
        dup[i] = dout[i] * gate[i] * s;
    }
}
