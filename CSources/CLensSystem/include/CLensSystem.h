// What the system offers and Swift cannot call: variadic and Linux-only calls, and code that runs inside signal
// handlers. Functions that fail return -1 and set errno.
#ifndef CLENSSYSTEM_H
#define CLENSSYSTEM_H

#include <stddef.h>

// The words of the command line as the process was started with, the program's name among them; 0 where that is not
// known. NULL for an index that there is not.
int lens_argument_count(void);
const char *lens_argument(int index);

// Opens a new file without a name in `folder` for reading and writing, mode 0600: it is gone when it is closed.
// EOPNOTSUPP where the system or the file system has none.
int lens_open_nameless(const char *folder);

// Gives the open file the name `path`; EEXIST when something has that name.
int lens_name_file(int descriptor, const char *path);

// Swaps what two names stand for, in one instant. ENOSYS, EINVAL or ENOTSUP where that cannot be done.
int lens_exchange(const char *path, const char *other);

// Gives the open file its size and, where the file system can, the room on the disk for it.
int lens_reserve(int descriptor, long long bytes);

// Has a part of the file that was written put on the disk, without waiting; then waits for that, and drops the part
// from the page cache. Where the system cannot, what was written goes to the disk when the system likes.
int lens_start_writing(int descriptor, long long offset, long long bytes);
int lens_finish_writing(int descriptor, long long offset, long long bytes);

// Advice to the page cache: a part of the file will not be read again, or will be read soon.
void lens_forget_cached(int descriptor, long long offset, long long bytes);
void lens_read_ahead(int descriptor, long long offset, long long bytes);

// 1 where the open file lies in a file system in memory.
int lens_is_in_memory(int descriptor);

// Tells of a mapped file, so that a failure under its pages can be explained. `name` is copied. Returns a number for
// lens_forget_mapping, or -1 when too many files are mapped; then the failure is explained without the name.
long lens_remember_mapping(const void *start, size_t bytes, const char *name);
void lens_forget_mapping(long number);

// From here on, a page of a mapped file that cannot be read (the file was cut short, or its disk fails) ends the
// process with a paragraph on standard error and status 74 instead of a bare SIGBUS.
void lens_explain_bus_errors(void);

#endif
