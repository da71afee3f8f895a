#include "runtime/workers.h"
#include <signal.h>
#include <stdlib.h>

typedef struct start {
    void (*body)(void *);
    void *argument;
} start;

static void *run(void *argument) {
    start s = *(start *)argument;
    free(argument);
    s.body(s.argument);
    return NULL;
}

// Plain threads, one after the other until one cannot be started.
static void start_plain(lens_workers *workers, size_t count, void (*body)(void *), void *argument) {
    pthread_attr_t attributes;
    workers->plain = calloc(count, sizeof *workers->plain);
    if (workers->plain == NULL || pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setstacksize(&attributes, lens_worker_stack);
    while (workers->plain_count < count) {
        start *s = malloc(sizeof *s);
        if (s == NULL) break;
        *s = (start){body, argument};
        if (pthread_create(&workers->plain[workers->plain_count], &attributes, run, s) != 0) {
            free(s);
            break;
        }
        workers->plain_count++;
    }
    pthread_attr_destroy(&attributes);
}

size_t lens_workers_start(lens_workers *workers, lens_carrier carrier, size_t count, void (*body)(void *),
                          void *argument) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // signals are for the program's own threads
    workers->asked = true;
    size_t team = carrier == LENS_CARRIER_OPENMP ? lens_team_start(count, body, argument, &workers->host) : 0;
    workers->has_team = team > 0;
    if (team < count) start_plain(workers, count - team, body, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return team + workers->plain_count;
}

void lens_workers_join(lens_workers *workers) {
    for (size_t i = 0; i < workers->plain_count; i++) pthread_join(workers->plain[i], NULL);
    free(workers->plain);
    if (workers->has_team) pthread_join(workers->host, NULL);
    *workers = (lens_workers){0};
}
