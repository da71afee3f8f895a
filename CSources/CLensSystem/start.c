// What the Swift runtime takes from /proc, for programs that are to run where nothing is mounted.
#include "CLensSystem.h"
#include <stdlib.h> // tells which C library it is

static int count;
static char *const *words;

// glibc and macOS give functions that run before main its arguments; elsewhere they stay unknown.
#if defined(__GLIBC__) || defined(__APPLE__)
__attribute__((constructor)) static void remember(int argc, char **argv) {
    count = argc;
    words = argv;
}
#endif

int lens_argument_count(void) { return count; }
const char *lens_argument(int index) { return index >= 0 && index < count ? words[index] : NULL; }

// In the place of the runtime's own function in programs that are linked with
// `--wrap=swift_copyAuxiliaryExecutablePath`: that one looks, before main, for a program that prints backtraces beside
// the runtime's library, and ends the process where it cannot tell where that is.
const char *__wrap_swift_copyAuxiliaryExecutablePath(const char *folder, const char *name);
const char *__wrap_swift_copyAuxiliaryExecutablePath(const char *folder, const char *name) {
    (void)folder, (void)name;
    return NULL;
}
