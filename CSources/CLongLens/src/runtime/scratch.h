// Scratch memory, as drivers take it.
#ifndef LENS_RUNTIME_SCRATCH_H
#define LENS_RUNTIME_SCRATCH_H
#include "lens/scratch.h"
#include "sizes.h"
#include <stdbool.h>

/// Makes sure that each of the context's first `threads` threads (at most all) has `bytes`. Before a region, not
/// inside: what is allocated does not depend on which threads find work. False where the machine has no memory.
bool lens_scratch_take(lens_context *context, size_t threads, size_t bytes);

/// Takes the next `count` floats, whole cache lines.
static inline float *lens_scratch_floats(float **next, size_t count) {
    float *taken = *next;
    *next += round_up(count, 16);
    return taken;
}

/// The scratch of one thread, 64-byte aligned; its content lasts until the next driver starts.
void *lens_scratch_of(const lens_context *context, size_t thread);

#endif
