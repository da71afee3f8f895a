// Scratch memory of the threads of parallel regions.
#ifndef LENS_SCRATCH_H
#define LENS_SCRATCH_H

enum { lens_max_threads = 1024 };

/// The scratch of all threads of the regions that one calling thread starts: two threads that call kernels at the
/// same time do not share any.
typedef struct lens_scratch_set lens_scratch_set;

/// The calling thread's set; made at its first use, handed on when the thread ends.
lens_scratch_set *lens_scratch_current(void);

/// Makes this thread use `set`: the first act of a worker in a region.
void lens_scratch_enter(lens_scratch_set *set);

#endif
