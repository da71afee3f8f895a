// Parallel regions: how threads share their pieces, and how they wait for the next region. Who starts the threads is
// told in threads.h.
//
// A region is closed when its pieces are done, not when every thread has come: a thread that has no core to run on is
// not waited for, and one that waits goes to sleep. More threads than free cores cost little but their share.
#include "parallel.h"
#include "cpu.h"
#include "scratch.h"
#include "threads.h"
#include <assert.h>
#include <pthread.h>
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

// Runs the region on at most `r->team` threads, of which the caller is number 0.
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

// Rounds of waiting awake before a thread goes to sleep: some ten microseconds, the gap between two kernels. Where there
// are more threads than cores, one that waits awake keeps another from working.
enum { awake_rounds = 2000, crowded_rounds = 20 };

static pthread_mutex_t one_region = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t begun = PTHREAD_COND_INITIALIZER, finished = PTHREAD_COND_INITIALIZER;
static region *open_region = NULL;       // under `lock`, as all below
static _Atomic size_t region_number = 0; // counts regions
static _Atomic size_t running = 0;       // workers that are in the open region
static size_t asked = 0, workers = 0;    // workers wanted so far, and started; under `one_region`
static _Atomic size_t numbers = 0;       // of workers: thread 1, 2, … of a team

static inline void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Waits until `value` equals `other`, or until it differs when not `equal`.
static void wait_for(_Atomic size_t *value, size_t other, bool equal, pthread_cond_t *condition) {
    int rounds = lens_thread_count() > lens_core_count() ? crowded_rounds : awake_rounds;
    for (int i = 0; i < rounds; i++) {
        if ((atomic_load_explicit(value, memory_order_acquire) == other) == equal) return;
        pause_briefly();
    }
    pthread_mutex_lock(&lock);
    while ((atomic_load(value) == other) != equal) pthread_cond_wait(condition, &lock);
    pthread_mutex_unlock(&lock);
}

static void work(void) {
    size_t thread = atomic_fetch_add(&numbers, 1) + 1, seen = 0;
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
}

static void run_team(region *r) {
    pthread_mutex_lock(&one_region);
    // One that cannot be started is no error, and is not asked for again: the others take its share.
    if (asked < r->team - 1) {
        workers += lens_start_threads(r->team - 1 - asked, work);
        asked = r->team - 1;
    }
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
