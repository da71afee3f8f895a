// What a runtime context is made of.
#ifndef LENS_RUNTIME_CONTEXT_H
#define LENS_RUNTIME_CONTEXT_H
#include "kernels/table.h"
#include "lens/context.h"
#include "runtime/workers.h"
#include <pthread.h>
#include <stdatomic.h>

struct lens_region;

/// How the threads of a context meet (parallel.c). All under `lock` but what is atomic.
typedef struct lens_meeting {
    pthread_mutex_t lock;
    pthread_cond_t begun, finished;
    struct lens_region *open; // the region at hand
    _Atomic size_t number;    // counts regions
    _Atomic size_t running;   // workers that are in the open region
    _Atomic size_t numbers;   // of workers: thread 1, 2, …
    bool ending;
} lens_meeting;

typedef struct lens_scratch_block {
    void *memory;
    size_t bytes;
} lens_scratch_block;

struct lens_context {
    const lens_kernel_table *kernels; // the next one
    lens_kernel_table table;
    lens_isa isa;
    lens_features features;
    lens_carrier carrier;
    size_t threads;
    pthread_mutex_t callers;
    lens_workers workers;
    lens_meeting meeting;
    lens_counters counters;
    lens_scratch_block scratch[]; // one for each thread
};

/// Ends the workers of a context. No region may be open.
void lens_end_workers(lens_context *context);

#endif
