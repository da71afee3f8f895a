// Token embedding.
#ifndef LENS_EMBEDDING_H
#define LENS_EMBEDDING_H
#include <stddef.h>
#include <stdint.h>

/// out[T,C] = table[token, C]. Tokens must lie in the table.
void lens_embedding_forward(float *out, const float *table, const int32_t *tokens, size_t T, size_t C);

/// dtable[token, C] += dout[T,C], tokens in order.
void lens_embedding_backward(float *dtable, const float *dout, const int32_t *tokens, size_t T, size_t C);

#endif
