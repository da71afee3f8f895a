// The machine's multiply-add peak: loops of independent multiply-adds, all threads of a context at once.
#include "lens/peak.h"
#include "runtime/context.h"
#include <stdatomic.h>
#include <time.h>

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct measurement {
    double (*run)(size_t rounds);
    size_t rounds, threads;
    _Atomic size_t arrived;
    double begin[lens_max_threads], end[lens_max_threads];
} measurement;

static void measure_task(void *argument, size_t index, size_t thread) {
    (void)thread;
    measurement *m = argument;
    // All start together, so that no thread takes the share of one that wakes late; unless one does not come
    // at all.
    atomic_fetch_add(&m->arrived, 1);
    double limit = now() + 1e-3;
    while (atomic_load(&m->arrived) < m->threads && now() < limit) {}
    m->begin[index] = now();
    m->run(m->rounds);
    m->end[index] = now();
}

// Seconds from the first begin to the last end.
static double measure_once(lens_context *context, measurement *m) {
    atomic_store(&m->arrived, 0);
    lens_parallel_for(context, m->threads, measure_task, m);
    double begin = m->begin[0], end = m->end[0];
    for (size_t i = 1; i < m->threads; i++) {
        if (m->begin[i] < begin) begin = m->begin[i];
        if (m->end[i] > end) end = m->end[i];
    }
    return end - begin;
}

// Operations per nanosecond.
static double measure(lens_context *context, double (*run)(size_t rounds), double seconds) {
    measurement m = {.run = run, .rounds = 1000, .threads = context->threads};
    // Rounds for about 1 ms, found with one thread; then the best of as many repetitions as the time allows:
    // anything slower was disturbed.
    double flops, elapsed, best = 0;
    do {
        m.rounds *= 2;
        double begin = now();
        flops = run(m.rounds);
        elapsed = now() - begin;
    } while (elapsed < 1e-3);
    double end = now() + seconds;
    do {
        double rate = flops * (double)m.threads / measure_once(context, &m);
        if (rate > best) best = rate;
    } while (now() < end);
    return best * 1e-9;
}

double lens_measure_peak_gflops(lens_context *context, double seconds) {
    return measure(context, context->kernels->multiply_adds, seconds);
}

double lens_measure_peak_int8_gops(lens_context *context, double seconds) {
    return measure(context, context->kernels->int8.multiply_adds, seconds);
}

double lens_measure_peak_bf16_gflops(lens_context *context, double seconds) {
    return measure(context, context->kernels->bf16.multiply_adds, seconds);
}
