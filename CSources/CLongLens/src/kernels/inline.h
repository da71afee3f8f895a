// Small helpers of the kernels.
#ifndef LENS_KERNELS_INLINE_H
#define LENS_KERNELS_INLINE_H

/// Counts that a caller passes as constants must be constants inside: loops over them are unrolled.
#define LENS_INLINE static inline __attribute__((always_inline))

/// Asks for the cache line at `p`, an address that need not exist, to be brought into the first (second) level cache.
LENS_INLINE void prefetch_l1(const float *p) { __builtin_prefetch(p, 0, 3); }
LENS_INLINE void prefetch_l2(const float *p) { __builtin_prefetch(p, 0, 2); }

#endif
