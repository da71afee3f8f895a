#include "CLensReference.h"

void reference_embedding_forward(size_t T, size_t C, const double *table, const int32_t *tokens, double *out) {
    for (size_t t = 0; t < T; t++)
        for (size_t c = 0; c < C; c++) out[t * C + c] = table[(size_t)tokens[t] * C + c];
}

void reference_embedding_backward(size_t T, size_t C, const double *dout, const int32_t *tokens, double *dtable) {
    for (size_t t = 0; t < T; t++)
        for (size_t c = 0; c < C; c++) dtable[(size_t)tokens[t] * C + c] += dout[t * C + c];
}
