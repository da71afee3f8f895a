#include "CLensSystem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#if defined(__linux__)

#include <sys/syscall.h>

int lens_open_nameless(const char *folder) {
    // linkat needs it to give the file its name later.
    if (access("/proc/self/fd", X_OK) != 0) {
        errno = EOPNOTSUPP;
        return -1;
    }
    int descriptor = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    // Kernels and file systems without O_TMPFILE see a folder opened for writing.
    if (descriptor < 0 && (errno == EISDIR || errno == EINVAL || errno == ENOENT)) errno = EOPNOTSUPP;
    return descriptor;
}

int lens_name_file(int descriptor, const char *path) {
    char own[32];
    snprintf(own, sizeof own, "/proc/self/fd/%d", descriptor);
    return linkat(AT_FDCWD, own, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

// By number: the C library of older systems has no renameat2.
int lens_exchange(const char *path, const char *other) {
    const unsigned exchange = 1 << 1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, path, AT_FDCWD, other, exchange);
}

#else

int lens_open_nameless(const char *folder) {
    (void)folder;
    errno = EOPNOTSUPP;
    return -1;
}

int lens_name_file(int descriptor, const char *path) {
    (void)descriptor, (void)path;
    errno = EOPNOTSUPP;
    return -1;
}

int lens_exchange(const char *path, const char *other) {
#if defined(__APPLE__)
    return renamex_np(path, other, RENAME_SWAP);
#else
    (void)path, (void)other;
    errno = ENOSYS;
    return -1;
#endif
}

#endif
