// Threads. Only src/parallel.c knows which runtime carries them.
#ifndef LENS_PARALLEL_H
#define LENS_PARALLEL_H
#include <stdbool.h>
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

/// Scratch that a driver takes at the most: bytes of thread 0, and of each other thread. Beside each driver that takes
/// any is a function that tells it, for all shapes up to the given one.
typedef struct lens_scratch_need {
    size_t first, other;
} lens_scratch_need;

/// Enough for either.
lens_scratch_need lens_scratch_either(lens_scratch_need a, lens_scratch_need b);

/// Bytes that `threads` threads then hold, as memory is handed out.
size_t lens_scratch_need_bytes(lens_scratch_need need, size_t threads);

/// Takes scratch for the regions that the calling thread starts, `lens_thread_count()` threads, so that drivers that need
/// no more never take any. False where the machine has none.
bool lens_scratch_reserve(lens_scratch_need need);

#endif
