#ifndef LENS_MEMORY_INTERNAL_H
#define LENS_MEMORY_INTERNAL_H
#include <stdbool.h>

/// Counts one allocation that does not go through `lens_allocate`.
void lens_count_allocation(void);

#endif
