// Several sequences in the rows of one tensor: what knows nothing of positions takes all rows at once, and what does
// takes the sequences' boundaries.
#ifndef LENS_SPANS_H
#define LENS_SPANS_H
#include "lens/linkage.h"
#include <stddef.h>

LENS_BEGIN_C

/// Sequences that lie one after the other in T rows: sequence i holds those from bounds[i] to before bounds[i + 1].
typedef struct lens_spans {
    size_t count;
    const size_t *bounds; // [count + 1], ascending from 0 to T; NULL: one sequence of all T rows
} lens_spans;

LENS_END_C

#endif
