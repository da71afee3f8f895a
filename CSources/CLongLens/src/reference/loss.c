#include "CLensReference.h"
#include <math.h>

// The largest logit is taken out, so that nothing overflows.
void reference_cross_entropy_forward(size_t rows, size_t V, const double *logits, const int32_t *targets, double *nll,
                                     double *lse) {
    for (size_t row = 0; row < rows; row++) {
        const double *x = logits + row * V;
        double maximum = x[0], sum = 0;
        for (size_t i = 1; i < V; i++) maximum = x[i] > maximum ? x[i] : maximum;
        for (size_t i = 0; i < V; i++) sum += exp(x[i] - maximum);
        lse[row] = maximum + log(sum);
        nll[row] = lse[row] - x[targets[row]];
    }
}

void reference_cross_entropy_backward(size_t rows, size_t V, const double *logits, const int32_t *targets,
                                      const double *lse, const double *weight, double *dlogits) {
    for (size_t row = 0; row < rows; row++) {
        for (size_t i = 0; i < V; i++) {
            double probability = exp(logits[row * V + i] - lse[row]);
            dlogits[row * V + i] = weight[row] * (probability - (i == (size_t)targets[row] ? 1 : 0));
        }
    }
}
