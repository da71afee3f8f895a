// Threads. Only src/parallel.c knows which runtime carries them.
#ifndef LENS_PARALLEL_H
#define LENS_PARALLEL_H
#include <stddef.h>

/// Threads used by every driver; at first `lens_core_count()`.
size_t lens_thread_count(void);

/// Sets the number of threads (at least 1). Not to be called while kernels run.
void lens_set_thread_count(size_t count);

/// One piece of work: `index` of the `count` pieces, run by thread number `thread` (below `lens_thread_count()`).
typedef void (*lens_task)(void *context, size_t index, size_t thread);

/// Runs `count` pieces, each exactly once, handed out as threads become free. What a piece computes must depend
/// on `index` alone; `thread` serves to choose scratch memory. Calls do not nest.
void lens_parallel_for(size_t count, lens_task task, void *context);

/// Scratch of at least `bytes` for one thread, 64-byte aligned; its content lasts until the next driver starts.
/// Grows when asked for more and is kept, so steady work allocates nothing.
/// Call it outside a parallel region for `thread` from 0 to `lens_thread_count() - 1`, or inside for the own thread.
void *lens_scratch(size_t thread, size_t bytes);

/// Bytes of scratch held by all threads.
size_t lens_scratch_bytes(void);

#endif
