#ifndef LENS_MEMORY_INTERNAL_H
#define LENS_MEMORY_INTERNAL_H
#include <stddef.h>

/// Counts one allocation that does not go through `lens_allocate`.
void lens_count_allocation(void);

/// Bytes that `lens_allocate(bytes)` takes from the system.
size_t lens_allocated_size(size_t bytes);

#endif
