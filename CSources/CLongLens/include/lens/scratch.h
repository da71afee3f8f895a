// Scratch memory of a context's threads. It grows when a driver needs more and is kept, so steady work takes none.
#ifndef LENS_SCRATCH_H
#define LENS_SCRATCH_H
#include "lens/context.h"
#include "lens/linkage.h"
#include <stddef.h>

LENS_BEGIN_C

/// Scratch that a driver takes at the most: bytes of thread 0, and of each other thread. Beside each driver that takes
/// any is a function that tells it, for all shapes up to the given one.
typedef struct lens_scratch_need {
    size_t first, other;
} lens_scratch_need;

/// Enough for either.
lens_scratch_need lens_scratch_either(lens_scratch_need a, lens_scratch_need b);

/// Bytes that `threads` threads then hold, as memory is handed out.
size_t lens_scratch_need_bytes(lens_scratch_need need, size_t threads);

/// Takes it for all threads of the context, so that drivers that need no more never take any. LENS_NO_MEMORY.
lens_status lens_scratch_reserve(lens_context *context, lens_scratch_need need);

LENS_END_C

#endif
