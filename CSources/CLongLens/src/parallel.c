// The only file that knows which runtime carries the threads: OpenMP, or without it a small pool.
#include "parallel.h"
#include "cpu.h"
#include "scratch.h"
#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>

static _Atomic size_t threads = 0;
static _Thread_local bool inside = false;

size_t lens_thread_count(void) {
    size_t count = atomic_load_explicit(&threads, memory_order_relaxed);
    if (count == 0) lens_set_thread_count(count = lens_core_count());
    return count > lens_max_threads ? lens_max_threads : count;
}

void lens_set_thread_count(size_t count) {
    if (count < 1) count = 1;
    atomic_store(&threads, count > lens_max_threads ? (size_t)lens_max_threads : count);
}

typedef struct region {
    size_t team, count;
    lens_task task;
    void *context;
    lens_scratch_set *scratch;
    _Atomic size_t next; // hands out the pieces
} region;

// One thread's part of a region.
static void work_on(region *r, size_t thread) {
    lens_scratch_enter(r->scratch);
    inside = true;
    for (size_t i; (i = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed)) < r->count;)
        r->task(r->context, i, thread);
    inside = false;
}

// Runs the region on `r->team` threads, of which the caller is number 0.
static void run_team(region *r);

void lens_parallel_for(size_t count, lens_task task, void *context) {
    assert(!inside && "parallel regions do not nest");
    size_t team = lens_thread_count() < count ? lens_thread_count() : count;
    if (team > 1) {
        region r = {.team = team, .count = count, .task = task, .context = context};
        r.scratch = lens_scratch_current();
        run_team(&r);
    } else {
        for (size_t i = 0; i < count; i++) task(context, i, 0);
    }
}

#ifdef LONGLENS_OPENMP

// The toolchain ships no omp.h.
extern int omp_get_thread_num(void);

// Not schedule(dynamic): it needs entry points that the runtime of older distributions lacks.
static void run_team(region *r) {
#pragma omp parallel num_threads((int)r->team)
    work_on(r, (size_t)omp_get_thread_num());
}

#else

#include <pthread.h>
#include <signal.h>

// Rounds of waiting awake before a thread goes to sleep: some ten microseconds, the gap between two kernels.
enum { awake_rounds = 2000, worker_stack = 2 << 20 };

static pthread_mutex_t one_region = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER, finished = PTHREAD_COND_INITIALIZER;
static region *open_region = NULL;       // under `lock`, as all below
static _Atomic size_t region_number = 0; // counts regions
static _Atomic size_t running = 0;       // workers that are in the open region
static size_t workers = 0;               // started so far; worker i is thread i + 1 of a team

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Waits until `value` equals `other`, or until it differs when not `equal`.
static void wait_for(_Atomic size_t *value, size_t other, bool equal, pthread_cond_t *condition) {
    for (int i = 0; i < awake_rounds; i++) {
        if ((atomic_load_explicit(value, memory_order_acquire) == other) == equal) return;
        pause_briefly();
    }
    pthread_mutex_lock(&lock);
    while ((atomic_load(value) == other) != equal) pthread_cond_wait(condition, &lock);
    pthread_mutex_unlock(&lock);
}

static void *worker(void *argument) {
    size_t thread = (size_t)argument, seen = 0;
    for (;;) {
        wait_for(&region_number, seen, false, &begun);
        pthread_mutex_lock(&lock);
        seen = atomic_load(&region_number);
        region *r = open_region != NULL && thread < open_region->team ? open_region : NULL;
        if (r != NULL) atomic_fetch_add(&running, 1);
        pthread_mutex_unlock(&lock);
        if (r == NULL) continue; // over already, or not of this team
        work_on(r, thread);
        pthread_mutex_lock(&lock);
        if (atomic_fetch_sub(&running, 1) == 1) pthread_cond_signal(&finished);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

// Starts workers until there are `wanted`. One that cannot be started is no error: the others take its share.
static void start_workers(size_t wanted) {
    if (workers >= wanted) return;
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, worker_stack);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // signals are for the program's own threads
    pthread_t handle;
    while (workers < wanted && pthread_create(&handle, &attributes, worker, (void *)(workers + 1)) == 0) workers++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

static void run_team(region *r) {
    pthread_mutex_lock(&one_region);
    start_workers(r->team - 1);
    pthread_mutex_lock(&lock);
    open_region = r;
    atomic_fetch_add(&region_number, 1);
    pthread_cond_broadcast(&begun);
    pthread_mutex_unlock(&lock);
    work_on(r, 0);
    // All pieces are handed out: a worker that has not woken up by now is not waited for.
    pthread_mutex_lock(&lock);
    open_region = NULL;
    pthread_mutex_unlock(&lock);
    wait_for(&running, 0, true, &finished);
    pthread_mutex_unlock(&one_region);
}

#endif
