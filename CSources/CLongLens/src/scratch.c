#include "scratch.h"
#include "memory.h"
#include "memory_internal.h"
#include "parallel.h"
#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct lens_scratch_set {
    struct {
        void *memory;
        size_t bytes;
    } of[lens_max_threads];
    lens_scratch_set *next;
};

static _Thread_local lens_scratch_set *current = NULL;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t owner;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static lens_scratch_set *unused = NULL; // sets of threads that have ended
static _Atomic size_t held = 0;

// A driver that was not reserved for and finds no memory: there is nobody to tell. Passes reserve before they compute.
_Noreturn static void fail(size_t bytes) {
    fprintf(stderr, "longlens: the machine has no %zu bytes of memory for kernel scratch\n", bytes);
    _Exit(71);
}

static void hand_on(void *set) {
    pthread_mutex_lock(&lock);
    ((lens_scratch_set *)set)->next = unused;
    unused = set;
    pthread_mutex_unlock(&lock);
}

static void make_owner(void) { pthread_key_create(&owner, hand_on); }

// NULL where there is no memory for one.
static lens_scratch_set *find_set(void) {
    if (current != NULL) return current;
    pthread_once(&once, make_owner);
    pthread_mutex_lock(&lock);
    lens_scratch_set *set = unused;
    if (set != NULL) unused = set->next;
    pthread_mutex_unlock(&lock);
    if (set == NULL) {
        set = calloc(1, sizeof *set);
        if (set == NULL) return NULL;
        lens_count_allocation();
    }
    pthread_setspecific(owner, set);
    return current = set;
}

lens_scratch_set *lens_scratch_current(void) {
    lens_scratch_set *set = find_set();
    if (set == NULL) fail(sizeof *set);
    return set;
}

void lens_scratch_enter(lens_scratch_set *set) { current = set; }

static size_t rounded(size_t bytes) { return bytes / 4096 * 4096 + (bytes % 4096 != 0 ? 4096 : 0); }

static bool grow(lens_scratch_set *set, size_t thread, size_t bytes) {
    if (set->of[thread].bytes >= bytes) return true;
    if (bytes > SIZE_MAX - 4095) return false;
    atomic_fetch_sub(&held, lens_allocated_size(set->of[thread].bytes));
    lens_free(set->of[thread].memory, set->of[thread].bytes);
    set->of[thread].memory = lens_allocate(rounded(bytes));
    set->of[thread].bytes = set->of[thread].memory == NULL ? 0 : rounded(bytes);
    atomic_fetch_add(&held, lens_allocated_size(set->of[thread].bytes));
    return set->of[thread].memory != NULL;
}

void *lens_scratch(size_t thread, size_t bytes) {
    assert(thread < lens_max_threads);
    lens_scratch_set *set = lens_scratch_current();
    if (!grow(set, thread, bytes)) fail(bytes);
    return set->of[thread].memory;
}

size_t lens_scratch_bytes(void) { return atomic_load(&held); }

lens_scratch_need lens_scratch_either(lens_scratch_need a, lens_scratch_need b) {
    return (lens_scratch_need){a.first > b.first ? a.first : b.first, a.other > b.other ? a.other : b.other};
}

size_t lens_scratch_need_bytes(lens_scratch_need need, size_t threads) {
    if (threads > lens_max_threads) threads = lens_max_threads;
    return lens_allocated_size(rounded(need.first)) + (threads - 1) * lens_allocated_size(rounded(need.other));
}

bool lens_scratch_reserve(lens_scratch_need need) {
    lens_scratch_set *set = find_set();
    if (set == NULL) return false;
    for (size_t thread = 0; thread < lens_thread_count(); thread++)
        if (!grow(set, thread, thread == 0 ? need.first : need.other)) return false;
    return true;
}
