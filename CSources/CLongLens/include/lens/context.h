// A runtime context: threads, kernels and scratch memory of those who compute together. There are no settings beside
// it. Two contexts share nothing; kernels of both may run at the same time, with different threads and instruction
// sets.
#ifndef LENS_CONTEXT_H
#define LENS_CONTEXT_H
#include "lens/cpu.h"
#include "lens/linkage.h"
#include "lens/status.h"
#include <stdbool.h>
#include <stddef.h>

LENS_BEGIN_C

typedef struct lens_context lens_context;

/// Who carries the threads of a context. The results do not depend on it.
typedef enum lens_carrier {
    LENS_CARRIER_OPENMP = 0, // an OpenMP team; plain threads where the runtime cannot start one, or is not built in
    LENS_CARRIER_POOL = 1    // plain threads
} lens_carrier;

/// Most threads of a context.
enum { lens_max_threads = 1024 };

/// Makes a context of `threads` threads, the calling one among them, for kernels of `isa` that use those of `features`
/// that the machine has. Threads start with the first work, and sleep between works. LENS_INVALID: `threads` is not 1
/// to lens_max_threads. LENS_UNSUPPORTED, LENS_NO_MEMORY.
lens_status lens_context_create(size_t threads, lens_isa isa, lens_features features, lens_carrier carrier,
                                lens_context **context);

/// Ends its threads and gives back its memory; NULL does nothing. No kernel may run in it.
void lens_context_destroy(lens_context *context);

/// A context serves one caller at a time: callers that share one put their calls between these two.
void lens_context_lock(lens_context *context);
void lens_context_unlock(lens_context *context);

size_t lens_context_threads(const lens_context *context);
lens_isa lens_context_isa(const lens_context *context);
lens_features lens_context_features(const lens_context *context);

/// Counts since it was made.
typedef struct lens_counters {
    size_t regions;         // parallel regions of more than one thread
    size_t workers;         // threads started, beside the calling one
    size_t scratch_growths; // times that scratch memory was taken
    size_t scratch_bytes;   // held now
} lens_counters;
lens_counters lens_context_counters(const lens_context *context);

/// One piece of work: `index` of the pieces, run by thread number `thread` of the context.
typedef void (*lens_task)(void *argument, size_t index, size_t thread);

/// Runs `count` pieces, each exactly once, handed out in the order of their index as threads become free. What a piece
/// computes must depend on `index` alone; `thread` serves to choose scratch memory. Regions do not nest.
void lens_parallel_for(lens_context *context, size_t count, lens_task task, void *argument);

LENS_END_C

#endif
