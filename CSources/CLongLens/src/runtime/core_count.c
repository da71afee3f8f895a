// How many cores this process may use: its affinity mask with simultaneous threads folded, and the CPU quota of its
// control group and of the groups around it.
#include "lens/cpu.h"
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#ifdef __linux__
// True when `cpu` is the first of its core's hardware threads among those this process may use.
static bool first_of_core(int cpu, const cpu_set_t *allowed) {
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "r");
    if (file == NULL) return true;
    int first = cpu, low, high;
    while (fscanf(file, "%d", &low) == 1) { // "0,32" or "0-1"
        high = low;
        int separator = fgetc(file);
        if (separator == '-') {
            if (fscanf(file, "%d", &high) != 1) break;
            separator = fgetc(file);
        }
        for (int i = low < 0 ? 0 : low; i <= high && i < first; i++)
            if (CPU_ISSET(i, allowed)) first = i;
        if (separator != ',') break;
    }
    fclose(file);
    return first == cpu;
}

static size_t affinity_cores(void) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    // Fails on machines of more CPUs than a cpu_set_t holds.
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return online > 0 ? (size_t)online : 1;
    size_t cores = 0;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &allowed) && first_of_core(cpu, &allowed)) cores++;
    return cores > 0 ? cores : 1;
}

// The numbers at the start of a small file; how many there were.
static int read_numbers(const char *directory, const char *name, double *first, double *second) {
    char path[4224];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) return 0;
    int got = fscanf(file, "%lf %lf", first, second);
    fclose(file);
    return got;
}

// CPUs that the group in `directory` may use. Version 2 has "150000 100000" or "max 100000" in one file; version 1
// has the two numbers in two files, the first -1 when there is no limit.
static double group_quota(const char *directory) {
    double limit = 0, period = 0, unused;
    if (read_numbers(directory, "cpu.max", &limit, &period) != 2 &&
        (read_numbers(directory, "cpu.cfs_quota_us", &limit, &unused) < 1 ||
         read_numbers(directory, "cpu.cfs_period_us", &period, &unused) < 1))
        return INFINITY;
    return limit > 0 && period > 0 ? limit / period : INFINITY;
}

// The least quota of the group at `root` + `path` and the groups around it, up to `root`.
static double least_quota(const char *root, const char *path) {
    char directory[4200];
    int length = snprintf(directory, sizeof directory, "%s%s", root, path);
    if (length < 0 || (size_t)length >= sizeof directory) return group_quota(root);
    double least = INFINITY;
    for (;;) {
        double quota = group_quota(directory);
        if (quota < least) least = quota;
        char *slash = strrchr(directory, '/');
        if (slash == NULL || (size_t)(slash - directory) < strlen(root)) return least;
        *slash = 0;
    }
}

// True when `item` is one of the comma-separated `list`.
static bool lists(const char *list, const char *item) {
    size_t length = strlen(item);
    for (const char *at = list; at != NULL; at = strchr(at, ',') == NULL ? NULL : strchr(at, ',') + 1)
        if (strncmp(at, item, length) == 0 && (at[length] == 0 || at[length] == ',')) return true;
    return false;
}

// Lines of /proc/self/cgroup: "0::/path" in version 2, "4:cpu,cpuacct:/path" in version 1.
static double quota(void) {
    FILE *file = fopen("/proc/self/cgroup", "r");
    if (file == NULL) return group_quota("/sys/fs/cgroup");
    double least = INFINITY;
    char line[4160];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = 0;
        char *controllers = strchr(line, ':');
        char *path = controllers == NULL ? NULL : strchr(controllers + 1, ':');
        if (path == NULL) continue;
        *path++ = 0;
        controllers++;
        if (strcmp(path, "/") == 0) path = "";
        double found = INFINITY;
        if (*controllers == 0) found = least_quota("/sys/fs/cgroup", path);
        if (lists(controllers, "cpu")) found = least_quota("/sys/fs/cgroup/cpu", path);
        if (found < least) least = found;
    }
    fclose(file);
    return least;
}

static size_t count_cores(void) {
    size_t cores = affinity_cores();
    double limit = ceil(quota());
    return limit >= 1 && limit < (double)cores ? (size_t)limit : cores;
}
#else
static size_t count_cores(void) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (size_t)online : 1;
}
#endif

static size_t cores;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void find_cores(void) { cores = count_cores(); }

size_t lens_core_count(void) {
    pthread_once(&once, find_cores);
    return cores;
}
