// Starting and ending the threads that carry parallel regions: an OpenMP team where the runtime can make one, else
// plain threads.
#ifndef LENS_RUNTIME_WORKERS_H
#define LENS_RUNTIME_WORKERS_H
#include "lens/context.h"
#include <pthread.h>

/// Address space of a worker's stack; little of it is ever touched.
enum { lens_worker_stack = 2 << 20 };

typedef struct lens_workers {
    bool asked;    // they were started, as far as the machine could
    bool has_team; // an OpenMP team, which `host` opened
    pthread_t host;
    pthread_t *plain; // the others
    size_t plain_count;
} lens_workers;

/// Starts `count` threads that each run `body(argument)`. Gives the number of those that the machine could start, which
/// may be none.
size_t lens_workers_start(lens_workers *workers, lens_carrier carrier, size_t count, void (*body)(void *),
                          void *argument);

/// Waits until all have returned from `body`.
void lens_workers_join(lens_workers *workers);

/// An OpenMP team of `count` threads whose members run `body(argument)`; `host`, which opened it, returns when they
/// have. All or (where the runtime limits teams) some of them; 0 where the runtime cannot be trusted to start them: it
/// ends the process rather than say so. There is a host to join when the number is not 0.
size_t lens_team_start(size_t count, void (*body)(void *), void *argument, pthread_t *host);

#endif
