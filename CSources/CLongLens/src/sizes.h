// Arithmetic of sizes.
#ifndef LENS_SIZES_H
#define LENS_SIZES_H
#include <stddef.h>

static inline size_t min(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t max(size_t a, size_t b) { return a > b ? a : b; }

/// Pieces of `size` that cover n. Does not overflow.
static inline size_t ceil_div(size_t n, size_t size) { return n / size + (n % size != 0); }

/// The least multiple that is not below n.
static inline size_t round_up(size_t n, size_t multiple) { return ceil_div(n, multiple) * multiple; }

#endif
