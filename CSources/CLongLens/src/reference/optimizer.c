#include "CLensReference.h"
#include <math.h>

// Loshchilov and Hutter (arXiv 1711.05101), algorithm 2.
void reference_adamw(size_t n, size_t step, double learning_rate, double beta1, double beta2, double epsilon,
                     double weight_decay, const double *g, double *m, double *v, double *p) {
    for (size_t i = 0; i < n; i++) {
        m[i] = beta1 * m[i] + (1 - beta1) * g[i];
        v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
        double m_hat = m[i] / (1 - pow(beta1, (double)step)), v_hat = v[i] / (1 - pow(beta2, (double)step));
        p[i] -= learning_rate * (m_hat / (sqrt(v_hat) + epsilon) + weight_decay * p[i]);
    }
}
