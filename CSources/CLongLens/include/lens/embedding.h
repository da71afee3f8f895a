// Token embedding.
#ifndef LENS_EMBEDDING_H
#define LENS_EMBEDDING_H
#include "lens/context.h"
#include "lens/linkage.h"
#include <stddef.h>
#include <stdint.h>

LENS_BEGIN_C

/// out[T,C] = table[token, C]. Tokens must lie in the table.
lens_status lens_embedding_forward(lens_context *context, size_t T, size_t C, const float *table, const int32_t *tokens,
                                   float *out);

/// dtable[token, C] += dout[T,C], tokens in order.
lens_status lens_embedding_backward(lens_context *context, size_t T, size_t C, const float *dout, const int32_t *tokens,
                                    float *dtable);

LENS_END_C

#endif
