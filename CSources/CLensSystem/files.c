#include "CLensSystem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#if defined(__linux__)

#include <sys/statfs.h>
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

int lens_reserve(int descriptor, long long bytes) {
    int error = posix_fallocate(descriptor, 0, bytes);
    // Where room cannot be set aside, the writes will tell.
    if (error == 0 || error == EOPNOTSUPP || error == EINVAL) return ftruncate(descriptor, bytes);
    errno = error;
    return -1;
}

int lens_start_writing(int descriptor, long long offset, long long bytes) {
    return sync_file_range(descriptor, offset, bytes, SYNC_FILE_RANGE_WRITE);
}

int lens_finish_writing(int descriptor, long long offset, long long bytes) {
    int result = sync_file_range(descriptor, offset, bytes,
                                 SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER);
    // File systems without it write when they will.
    if (result != 0 && errno != EIO && errno != ENOSPC && errno != EDQUOT) result = 0;
    lens_forget_cached(descriptor, offset, bytes);
    return result;
}

void lens_forget_cached(int descriptor, long long offset, long long bytes) {
    posix_fadvise(descriptor, offset, bytes, POSIX_FADV_DONTNEED);
}

void lens_read_ahead(int descriptor, long long offset, long long bytes) {
    posix_fadvise(descriptor, offset, bytes, POSIX_FADV_WILLNEED);
}

int lens_is_in_memory(int descriptor) {
    const unsigned long tmpfs = 0x01021994, ramfs = 0x858458f6;
    struct statfs status;
    if (fstatfs(descriptor, &status) != 0) return 0;
    unsigned long type = (unsigned long)status.f_type & 0xffffffff;
    return type == tmpfs || type == ramfs;
}

#else

int lens_reserve(int descriptor, long long bytes) { return ftruncate(descriptor, bytes); }

int lens_start_writing(int descriptor, long long offset, long long bytes) {
    (void)descriptor, (void)offset, (void)bytes;
    return 0;
}

int lens_finish_writing(int descriptor, long long offset, long long bytes) {
    (void)descriptor, (void)offset, (void)bytes;
    return 0;
}

void lens_forget_cached(int descriptor, long long offset, long long bytes) {
    (void)descriptor, (void)offset, (void)bytes;
}

void lens_read_ahead(int descriptor, long long offset, long long bytes) { (void)descriptor, (void)offset, (void)bytes; }

int lens_is_in_memory(int descriptor) {
    (void)descriptor;
    return 0;
}

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
