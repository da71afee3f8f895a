#include "threads.h"
#include <pthread.h>
#include <signal.h>

static void *run(void *body) {
    ((void (*)(void))body)();
    return NULL;
}

// Plain threads, one after the other until one cannot be started.
static size_t start_plain(size_t count, void (*body)(void)) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return 0;
    pthread_attr_setstacksize(&attributes, lens_worker_stack);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    size_t started = 0;
    pthread_t handle;
    while (started < count && pthread_create(&handle, &attributes, run, (void *)body) == 0) started++;
    pthread_attr_destroy(&attributes);
    return started;
}

size_t lens_start_threads(size_t count, void (*body)(void)) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // signals are for the program's own threads
    size_t started = lens_start_team(count, body);
    if (started < count) started += start_plain(count - started, body);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}
