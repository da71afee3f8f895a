#ifndef LENS_ATTENTION_SCRATCH_H
#define LENS_ATTENTION_SCRATCH_H
#include "lens/attention.h"

/// How many keys a query sees, its own among them: more than there can be where no window is set.
ptrdiff_t lens_attention_window(lens_attention_shape shape);

/// Bytes of scratch of one thread of the forward, for at most T tokens.
size_t lens_attention_forward_scratch(const lens_context *context, lens_attention_shape shape);

#endif
