// The machine's multiply-add peak: loops of independent multiply-adds, all threads at once.
#include "peak.h"
#include "cpu.h"
#include "dispatch.h"
#include "isa.h"
#include "parallel.h"
#include <stdatomic.h>
#include <time.h>

// More chains than latency times ports on any processor we know (4 cycles x 2 ports, 5 x 2), and few enough
// for sixteen registers. Factors below one keep the sums bounded: no denormals, no infinities.
enum { chains = 12, threads_max = 1024 };
static const float factor = 0.5f, start = 1.0f;

// Keeps a value alive without storing it.
#define KEEP(x) __asm__ volatile("" : : "x"(x))

double lens_multiply_adds_scalar(size_t rounds) {
    float sum[chains];
    for (int i = 0; i < chains; i++) sum[i] = start;
    for (size_t r = 0; r < rounds; r++) {
#pragma clang loop vectorize(disable) unroll(full)
        for (int i = 0; i < chains; i++) {
            sum[i] = sum[i] * factor + start;
#ifdef LENS_X86
            __asm__ volatile("" : "+x"(sum[i])); // or the loop would be vectorized
#endif
        }
    }
    volatile float sink = 0;
    for (int i = 0; i < chains; i++) sink += sum[i];
    return 2.0 * chains * (double)rounds;
}

#ifdef LENS_X86
#include <immintrin.h>

LENS_BEGIN_AVX2
double lens_multiply_adds_avx2(size_t rounds) {
    __m256 sum[chains], by = _mm256_set1_ps(factor), one = _mm256_set1_ps(start);
    for (int i = 0; i < chains; i++) sum[i] = one;
    for (size_t r = 0; r < rounds; r++)
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++) sum[i] = _mm256_fmadd_ps(sum[i], by, one);
    for (int i = 0; i < chains; i++) KEEP(sum[i]);
    return 2.0 * 8 * chains * (double)rounds;
}
LENS_END

LENS_BEGIN_AVX512
double lens_multiply_adds_avx512(size_t rounds) {
    __m512 sum[2 * chains], by = _mm512_set1_ps(factor), one = _mm512_set1_ps(start);
    for (int i = 0; i < 2 * chains; i++) sum[i] = one;
    for (size_t r = 0; r < rounds; r++)
#pragma clang loop unroll(full)
        for (int i = 0; i < 2 * chains; i++) sum[i] = _mm512_fmadd_ps(sum[i], by, one);
    for (int i = 0; i < 2 * chains; i++) __asm__ volatile("" : : "v"(sum[i]));
    return 2.0 * 16 * 2 * chains * (double)rounds;
}
LENS_END
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

typedef struct measurement {
    size_t rounds, threads;
    _Atomic size_t arrived;
    double begin[threads_max], end[threads_max];
} measurement;

static void measure_task(void *context, size_t index, size_t thread) {
    (void)thread;
    measurement *m = context;
    // All start together, so that no thread takes the share of one that wakes late; unless one does not come
    // at all.
    atomic_fetch_add(&m->arrived, 1);
    double limit = now() + 1e-3;
    while (atomic_load(&m->arrived) < m->threads && now() < limit) {}
    m->begin[index] = now();
    lens_kernels()->multiply_adds(m->rounds);
    m->end[index] = now();
}

// Seconds from the first begin to the last end.
static double measure_once(measurement *m) {
    atomic_store(&m->arrived, 0);
    lens_parallel_for(m->threads, measure_task, m);
    double begin = m->begin[0], end = m->end[0];
    for (size_t i = 1; i < m->threads; i++) {
        if (m->begin[i] < begin) begin = m->begin[i];
        if (m->end[i] > end) end = m->end[i];
    }
    return end - begin;
}

double lens_measure_peak_gflops(size_t threads, double seconds) {
    size_t before = lens_thread_count();
    if (threads > threads_max) threads = threads_max;
    lens_set_thread_count(threads);
    measurement m = {.rounds = 1000, .threads = lens_thread_count()};
    // Rounds for about 1 ms, found with one thread; then the best of as many repetitions as the time allows:
    // anything slower was disturbed.
    double flops, elapsed, best = 0;
    do {
        m.rounds *= 2;
        double begin = now();
        flops = lens_kernels()->multiply_adds(m.rounds);
        elapsed = now() - begin;
    } while (elapsed < 1e-3);
    double end = now() + seconds;
    do {
        double rate = flops * (double)m.threads / measure_once(&m);
        if (rate > best) best = rate;
    } while (now() < end);
    lens_set_thread_count(before);
    return best * 1e-9;
}
