#include "CLensReference.h"
#include <math.h>
#include <string.h>

void reference_rmsnorm_forward(size_t T, size_t C, double epsilon, const double *x, const double *weight, double *out,
                               double *rstd) {
    for (size_t t = 0; t < T; t++) {
        double squares = 0;
        for (size_t c = 0; c < C; c++) squares += x[t * C + c] * x[t * C + c];
        rstd[t] = 1 / sqrt(squares / (double)C + epsilon);
        for (size_t c = 0; c < C; c++) out[t * C + c] = x[t * C + c] * rstd[t] * weight[c];
    }
}

// With the normalized n = x * rstd and dn = dout * weight: dx = rstd * (dn - n * mean(dn * n)), dweight = sum of dout *
// n.
void reference_rmsnorm_backward(size_t T, size_t C, const double *dout, const double *x, const double *weight,
                                const double *rstd, double *dx, double *dweight) {
    memset(dweight, 0, C * sizeof *dweight);
    for (size_t t = 0; t < T; t++) {
        double mean = 0;
        for (size_t c = 0; c < C; c++) {
            double n = x[t * C + c] * rstd[t], dn = dout[t * C + c] * weight[c];
            mean += dn * n / (double)C;
            dweight[c] += dout[t * C + c] * n;
        }
        for (size_t c = 0; c < C; c++) {
            double n = x[t * C + c] * rstd[t], dn = dout[t * C + c] * weight[c];
            dx[t * C + c] = rstd[t] * (dn - n * mean);
        }
    }
}
