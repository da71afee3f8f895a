#include "CLensSystem.h"
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { places = 1024 };

// Read by the signal handler without a lock: `bytes` is set last and cleared first.
static struct {
    _Atomic uintptr_t start;
    _Atomic size_t bytes;
    char *_Atomic name;
} mappings[places];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

long lens_remember_mapping(const void *start, size_t bytes, const char *name) {
    if (bytes == 0) return -1;
    long found = -1;
    pthread_mutex_lock(&lock);
    for (long i = 0; i < places && found < 0; i++) {
        if (atomic_load(&mappings[i].bytes) != 0) continue;
        atomic_store(&mappings[i].start, (uintptr_t)start);
        atomic_store(&mappings[i].name, strdup(name));
        atomic_store(&mappings[i].bytes, bytes);
        found = i;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void lens_forget_mapping(long number) {
    if (number < 0 || number >= places) return;
    pthread_mutex_lock(&lock);
    atomic_store(&mappings[number].bytes, 0);
    free(atomic_exchange(&mappings[number].name, NULL));
    pthread_mutex_unlock(&lock);
}

static void say(const char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t written = write(STDERR_FILENO, text, left);
        if (written <= 0) return;
        text += written;
        left -= (size_t)written;
    }
}

static void explain(int number, siginfo_t *info, void *context) {
    (void)context;
    uintptr_t address = (uintptr_t)info->si_addr;
    for (int i = 0; i < places; i++) {
        size_t bytes = atomic_load(&mappings[i].bytes);
        uintptr_t start = atomic_load(&mappings[i].start);
        if (bytes == 0 || address < start || address - start >= bytes) continue;
        const char *name = atomic_load(&mappings[i].name);
        say("longlens: ");
        say(name != NULL ? name : "A mapped file");
        say(" cannot be read any more: it was cut short by another program while in use, or its disk failed. "
            "Restore the file and run the command again.\n");
        _exit(74);
    }
    // Not a file's page: end as the system would have it.
    signal(number, SIG_DFL);
}

void lens_explain_bus_errors(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = explain;
    action.sa_flags = SA_SIGINFO;
    sigemptyset(&action.sa_mask);
    sigaction(SIGBUS, &action, NULL);
}
