#ifndef LENS_ATTENTION_SCRATCH_H
#define LENS_ATTENTION_SCRATCH_H
#include "attention.h"

/// Bytes of scratch of one thread of the forward, for at most T tokens.
size_t lens_attention_forward_scratch(lens_attention_shape shape);

#endif
