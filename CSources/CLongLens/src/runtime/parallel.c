// Parallel regions: how the threads of a context share pieces, and how they wait for the next region. Who starts the
// threads is told in workers.h.
//
// A region is closed when its pieces are done, not when every thread has come: a thread that has no core to run on is
// not waited for, and one that waits goes to sleep. More threads than free cores cost little but their share.
#include "runtime/parallel.h"
#include "runtime/context.h"
#include "sizes.h"
#include <assert.h>
#include <sched.h>
#include <time.h>

static _Thread_local bool inside = false;

// Threads of the open regions of all contexts. It tells how long to wait awake, and changes nothing else.
static _Atomic size_t busy_threads = 0;

typedef struct lens_region {
    size_t team, count;
    lens_task task;
    void *argument;
    _Atomic size_t next; // hands out the pieces
} region;

// One thread's part of a region.
static void work_on(region *r, size_t thread) {
    inside = true;
    for (size_t i; (i = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed)) < r->count;)
        r->task(r->argument, i, thread);
    inside = false;
}

// ---- waiting ----

// Rounds of waiting awake before a thread goes to sleep: some ten microseconds, the gap between two kernels. Where
// there are more threads than cores, one that waits awake keeps another from working.
enum { awake_rounds = 2000, crowded_rounds = 20 };

static int rounds_awake(const lens_context *context) {
    size_t busy = atomic_load_explicit(&busy_threads, memory_order_relaxed);
    return max(busy, context->threads) > lens_core_count() ? crowded_rounds : awake_rounds;
}

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Waits until `value` equals `other`, or until it differs when not `equal`.
static void wait_for(lens_context *context, _Atomic size_t *value, size_t other, bool equal,
                     pthread_cond_t *condition) {
    int rounds = rounds_awake(context);
    for (int i = 0; i < rounds; i++) {
        if ((atomic_load_explicit(value, memory_order_acquire) == other) == equal) return;
        pause_briefly();
    }
    pthread_mutex_lock(&context->meeting.lock);
    while ((atomic_load(value) == other) != equal) pthread_cond_wait(condition, &context->meeting.lock);
    pthread_mutex_unlock(&context->meeting.lock);
}

void lens_await_turn(const lens_turn *turn, size_t number) {
    for (size_t spins = 0; atomic_load_explicit(turn, memory_order_acquire) != number; spins++) {
        // Who is waited for may have no core to run on: this one is left to it.
        if (spins > 256) nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL);
        else if (spins > 64) sched_yield();
    }
}

void lens_pass_turn(lens_turn *turn) { atomic_fetch_add_explicit(turn, 1, memory_order_release); }

// ---- workers ----

static void work(void *argument) {
    lens_context *context = argument;
    lens_meeting *m = &context->meeting;
    size_t thread = atomic_fetch_add(&m->numbers, 1) + 1, seen = 0;
    for (;;) {
        wait_for(context, &m->number, seen, false, &m->begun);
        pthread_mutex_lock(&m->lock);
        seen = atomic_load(&m->number);
        bool ending = m->ending;
        region *r = m->open != NULL && thread < m->open->team ? m->open : NULL;
        if (r != NULL) atomic_fetch_add(&m->running, 1);
        pthread_mutex_unlock(&m->lock);
        if (ending) return;
        if (r == NULL) continue; // over already, or not of this team
        work_on(r, thread);
        pthread_mutex_lock(&m->lock);
        if (atomic_fetch_sub(&m->running, 1) == 1) pthread_cond_signal(&m->finished);
        pthread_mutex_unlock(&m->lock);
    }
}

// Opens `r` (NULL: none, the end), and wakes the workers.
static void announce(lens_meeting *m, region *r) {
    pthread_mutex_lock(&m->lock);
    m->open = r;
    m->ending = r == NULL;
    atomic_fetch_add(&m->number, 1);
    pthread_cond_broadcast(&m->begun);
    pthread_mutex_unlock(&m->lock);
}

void lens_end_workers(lens_context *context) {
    announce(&context->meeting, NULL);
    lens_workers_join(&context->workers);
}

// Runs the region on at most `r->team` threads, of which the caller is number 0.
static void run_team(lens_context *context, region *r) {
    lens_meeting *m = &context->meeting;
    // One that cannot be started is no error, and is not asked for again: the others take its share.
    if (!context->workers.asked)
        context->counters.workers =
            lens_workers_start(&context->workers, context->carrier, context->threads - 1, work, context);
    context->counters.regions++;
    atomic_fetch_add_explicit(&busy_threads, r->team, memory_order_relaxed);
    announce(m, r);
    work_on(r, 0);
    // All pieces are handed out: a worker that has not woken up by now is not waited for.
    pthread_mutex_lock(&m->lock);
    m->open = NULL;
    pthread_mutex_unlock(&m->lock);
    wait_for(context, &m->running, 0, true, &m->finished);
    atomic_fetch_sub_explicit(&busy_threads, r->team, memory_order_relaxed);
}

void lens_parallel_for(lens_context *context, size_t count, lens_task task, void *argument) {
    assert(!inside && "parallel regions do not nest");
    size_t team = min(context->threads, count);
    if (team > 1) {
        run_team(context, &(region){.team = team, .count = count, .task = task, .argument = argument});
    } else {
        for (size_t i = 0; i < count; i++) task(argument, i, 0);
    }
}
