// An OpenMP team as workers. A host thread opens one parallel region whose members stay in it as long as the context
// lives: how they wait between regions is ours (parallel.c), and what the runtime would do there, awake for 200 ms,
// never comes up. Every context has a team of its own, whose size is the context's, whatever thread calls.
//
// The runtime ends the process where a thread, memory or its shared file is not to be had, and for some values of its
// environment variables. So each is tried before it is asked, and it is started without these variables: none of them
// could change a result.
#include "runtime/workers.h"

#ifndef LONGLENS_OPENMP

size_t lens_team_start(size_t count, void (*body)(void *), void *argument, pthread_t *host) {
    (void)count, (void)body, (void)argument, (void)host;
    return 0;
}

#else

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// The toolchain ships no omp.h. Those of kmp are LLVM's own.
extern int omp_get_thread_num(void);
extern int omp_get_num_threads(void);
extern int omp_get_max_threads(void);
extern void kmp_set_stacksize_s(size_t bytes) __attribute__((weak));
extern void kmp_set_warnings_off(void) __attribute__((weak));
extern void kmp_set_blocktime(int milliseconds) __attribute__((weak));
extern char **environ;

// What the runtime takes for itself, generously: at the start and for each thread.
enum { runtime_bytes = 32 << 20, thread_bytes = 1 << 20 };

// ---- trying ----

typedef struct trial {
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool ended;
} trial;

typedef struct trial_thread {
    pthread_t handle;
    long id; // the system's
    trial *trial;
} trial_thread;

static void *wait_for_end(void *argument) {
    trial_thread *self = argument;
    trial *t = self->trial;
    self->id = syscall(SYS_gettid);
    pthread_mutex_lock(&t->lock);
    while (!t->ended) pthread_cond_wait(&t->over, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

// Whether the system still counts a thread, which it does for some time after it was joined.
static bool is_counted(long id) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%ld", id);
    return access(path, F_OK) == 0;
}

// Whether `count` threads can be at once, with room for the runtime's own memory.
static bool threads_start(size_t count) {
    trial_thread *threads = calloc(count, sizeof *threads);
    pthread_attr_t attributes;
    if (threads == NULL || pthread_attr_init(&attributes) != 0) {
        free(threads);
        return false;
    }
    pthread_attr_setstacksize(&attributes, lens_worker_stack);
    trial t = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false};
    size_t started = 0;
    for (; started < count; started++) {
        trial_thread *thread = &threads[started];
        thread->trial = &t;
        if (pthread_create(&thread->handle, &attributes, wait_for_end, thread) != 0) break;
    }
    pthread_attr_destroy(&attributes);
    size_t room = runtime_bytes + count * thread_bytes;
    void *memory = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory != MAP_FAILED) munmap(memory, room);

    pthread_mutex_lock(&t.lock);
    t.ended = true;
    pthread_cond_broadcast(&t.over);
    pthread_mutex_unlock(&t.lock);
    for (size_t i = 0; i < started; i++) pthread_join(threads[i].handle, NULL);
    for (size_t i = 0, waits = 0; i < started; i++)
        for (; waits < 200 && is_counted(threads[i].id); waits++)
            nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
    free(threads);
    return started == count && memory != MAP_FAILED;
}

// Whether a small file can be made where the runtime registers itself.
static bool shared_file_opens(void) {
    char path[64];
    snprintf(path, sizeof path, "/dev/shm/longlens-%ld", (long)getpid());
    int file = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (file < 0) return false;
    bool fits = posix_fallocate(file, 0, 4096) == 0;
    close(file);
    unlink(path);
    return fits;
}

// ---- starting ----

static bool is_of_runtime(const char *variable) {
    return strncmp(variable, "OMP_", 4) == 0 || strncmp(variable, "KMP_", 4) == 0 || strncmp(variable, "GOMP_", 5) == 0;
}

// Makes the runtime, of which a process has one, read its settings from an environment without them. Should the program
// use OpenMP itself and have started it, its settings stand.
static bool start_runtime(void) {
    static bool tried = false, started = false; // under `starting`
    if (tried) return started;
    tried = true;
    if (!shared_file_opens()) return false;
    char **whole = environ;
    size_t count = 0, kept = 0;
    while (whole != NULL && whole[count] != NULL) count++;
    // Never freed: another thread may be reading it.
    char **without = malloc((count + 1) * sizeof *without);
    if (without == NULL) return false;
    for (size_t i = 0; i < count; i++)
        if (!is_of_runtime(whole[i])) without[kept++] = whole[i];
    without[kept] = NULL;
    environ = without;
    if (kmp_set_warnings_off != NULL) kmp_set_warnings_off();
    if (kmp_set_stacksize_s != NULL) kmp_set_stacksize_s(lens_worker_stack);
    omp_get_max_threads();
    environ = whole;
    return started = true;
}

// Teams start one at a time: each tries first whether the machine has the threads.
static pthread_mutex_t starting = PTHREAD_MUTEX_INITIALIZER;

typedef struct opening {
    size_t count;
    void (*body)(void *);
    void *argument;
    pthread_mutex_t lock;
    pthread_cond_t known;
    bool done;
    size_t started;
} opening;

static void tell(opening *o, size_t started) {
    pthread_mutex_lock(&o->lock);
    o->started = started;
    o->done = true;
    pthread_cond_signal(&o->known);
    pthread_mutex_unlock(&o->lock);
}

// The runtime starts where the function that holds the region does, so it holds nothing else.
__attribute__((noinline)) static void open_region(opening *o) {
    void (*body)(void *) = o->body;
    void *argument = o->argument;
#pragma omp parallel num_threads((int)o->count)
    {
        if (omp_get_thread_num() == 0) tell(o, (size_t)omp_get_num_threads());
        body(argument);
    }
}

static void *host(void *argument) {
    opening *o = argument;
    // One thread more than it takes: another process may start one meanwhile.
    if (!threads_start(o->count) || !start_runtime()) {
        tell(o, 0);
        return NULL;
    }
    // Members that have left the region sleep.
    if (kmp_set_blocktime != NULL) kmp_set_blocktime(0);
    open_region(o);
    return NULL;
}

static size_t start_host(opening *o, pthread_t *handle) {
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return 0;
    pthread_attr_setstacksize(&attributes, lens_worker_stack);
    bool begun = pthread_create(handle, &attributes, host, o) == 0;
    pthread_attr_destroy(&attributes);
    if (!begun) return 0;
    pthread_mutex_lock(&o->lock);
    while (!o->done) pthread_cond_wait(&o->known, &o->lock);
    pthread_mutex_unlock(&o->lock);
    if (o->started == 0) pthread_join(*handle, NULL);
    return o->started;
}

size_t lens_team_start(size_t count, void (*body)(void *), void *argument, pthread_t *handle) {
    opening o = {.count = count,
                 .body = body,
                 .argument = argument,
                 .lock = PTHREAD_MUTEX_INITIALIZER,
                 .known = PTHREAD_COND_INITIALIZER};
    pthread_mutex_lock(&starting);
    size_t started = start_host(&o, handle);
    pthread_mutex_unlock(&starting);
    return started;
}

#endif
