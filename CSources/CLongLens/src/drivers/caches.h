// What the blocks of products are fitted to.
#ifndef LENS_DRIVERS_CACHES_H
#define LENS_DRIVERS_CACHES_H
#include "lens/cpu.h"

/// Bytes of a core's second-level cache; a common size where the system does not say.
static inline size_t lens_l2_bytes(void) {
    size_t bytes = lens_cache_sizes().l2;
    return bytes == 0 ? 512 << 10 : bytes;
}

/// Those that packed panels may fill: the rest is for what passes over them.
static inline size_t lens_l2_panel_bytes(void) { return lens_l2_bytes() / 20 * 13; }

#endif
