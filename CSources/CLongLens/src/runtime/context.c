#include "runtime/context.h"
#include "lens/memory.h"
#include <stdlib.h>

lens_status lens_context_create(size_t threads, lens_isa isa, lens_features features, lens_carrier carrier,
                                lens_context **context) {
    *context = NULL;
    if (threads < 1 || threads > lens_max_threads) return LENS_INVALID;
    if (carrier != LENS_CARRIER_OPENMP && carrier != LENS_CARRIER_POOL) return LENS_INVALID;
    if (!lens_isa_supported(isa)) return LENS_UNSUPPORTED;
    lens_context *made = calloc(1, sizeof *made + threads * sizeof made->scratch[0]);
    if (made == NULL) return LENS_NO_MEMORY;
    made->isa = isa;
    made->features = features & lens_isa_features(isa);
    lens_fill_kernels(&made->table, isa, made->features);
    made->kernels = &made->table;
    made->carrier = carrier;
    made->threads = threads;
    pthread_mutex_init(&made->callers, NULL);
    pthread_mutex_init(&made->meeting.lock, NULL);
    pthread_cond_init(&made->meeting.begun, NULL);
    pthread_cond_init(&made->meeting.finished, NULL);
    *context = made;
    return LENS_OK;
}

void lens_context_destroy(lens_context *context) {
    if (context == NULL) return;
    lens_end_workers(context);
    for (size_t thread = 0; thread < context->threads; thread++)
        lens_free(context->scratch[thread].memory, context->scratch[thread].bytes);
    pthread_cond_destroy(&context->meeting.finished);
    pthread_cond_destroy(&context->meeting.begun);
    pthread_mutex_destroy(&context->meeting.lock);
    pthread_mutex_destroy(&context->callers);
    free(context);
}

void lens_context_lock(lens_context *context) { pthread_mutex_lock(&context->callers); }
void lens_context_unlock(lens_context *context) { pthread_mutex_unlock(&context->callers); }

size_t lens_context_threads(const lens_context *context) { return context->threads; }
lens_isa lens_context_isa(const lens_context *context) { return context->isa; }
lens_features lens_context_features(const lens_context *context) { return context->features; }
lens_counters lens_context_counters(const lens_context *context) { return context->counters; }
