#ifndef LENS_RUNTIME_MEMORY_H
#define LENS_RUNTIME_MEMORY_H
#include <stddef.h>

/// Bytes that `lens_allocate(bytes)` takes from the system.
size_t lens_allocated_size(size_t bytes);

#endif
