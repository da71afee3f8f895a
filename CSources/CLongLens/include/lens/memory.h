// Aligned memory, counted, so that a test can say that a training step allocates nothing.
#ifndef LENS_MEMORY_H
#define LENS_MEMORY_H
#include "lens/linkage.h"
#include <stddef.h>

LENS_BEGIN_C

/// `bytes` of zeroed memory aligned to 64 bytes (large blocks to 2 MiB, with huge pages asked for);
/// NULL when there is none. Freed by `lens_free`.
void *lens_allocate(size_t bytes);
void lens_free(void *memory, size_t bytes);

/// Blocks that the calling thread has taken with `lens_allocate`, scratch memory of contexts among them.
size_t lens_allocation_count(void);

LENS_END_C

#endif
