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

// Scratch is a few MiB a thread and part of the memory plan; without it no kernel can run.
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

lens_scratch_set *lens_scratch_current(void) {
    if (current != NULL) return current;
    pthread_once(&once, make_owner);
    pthread_mutex_lock(&lock);
    lens_scratch_set *set = unused;
    if (set != NULL) unused = set->next;
    pthread_mutex_unlock(&lock);
    if (set == NULL) {
        set = calloc(1, sizeof *set);
        if (set == NULL) fail(sizeof *set);
        lens_count_allocation();
    }
    pthread_setspecific(owner, set);
    return current = set;
}

void lens_scratch_enter(lens_scratch_set *set) { current = set; }

void *lens_scratch(size_t thread, size_t bytes) {
    assert(thread < lens_max_threads);
    lens_scratch_set *set = lens_scratch_current();
    if (set->of[thread].bytes < bytes) {
        if (bytes > SIZE_MAX - 4095) fail(bytes);
        size_t rounded = (bytes + 4095) / 4096 * 4096;
        atomic_fetch_sub(&held, set->of[thread].bytes);
        lens_free(set->of[thread].memory, set->of[thread].bytes);
        set->of[thread].memory = lens_allocate(rounded);
        if (set->of[thread].memory == NULL) fail(rounded);
        set->of[thread].bytes = rounded;
        atomic_fetch_add(&held, rounded);
    }
    return set->of[thread].memory;
}

size_t lens_scratch_bytes(void) { return atomic_load(&held); }
