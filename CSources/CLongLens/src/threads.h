// Starting the threads that carry parallel regions: an OpenMP team where the runtime can make one, else plain threads.
#ifndef LENS_THREADS_H
#define LENS_THREADS_H
#include <stddef.h>

/// Address space of a worker's stack; little of it is ever touched.
enum { lens_worker_stack = 2 << 20 };

/// Starts `count` threads that each run `body`, which never returns. Gives the number of those that the machine could
/// start, which may be none.
size_t lens_start_threads(size_t count, void (*body)(void));

/// The same with an OpenMP team, all or (where the runtime limits teams) some of them; 0 where the runtime cannot be
/// trusted to start them: it ends the process rather than say so.
size_t lens_start_team(size_t count, void (*body)(void));

#endif
