// What the processor offers.
#ifndef LENS_CPU_H
#define LENS_CPU_H
#include "lens/linkage.h"
#include <stdbool.h>
#include <stddef.h>

LENS_BEGIN_C

typedef enum lens_isa { LENS_ISA_SCALAR = 0, LENS_ISA_AVX2 = 1, LENS_ISA_AVX512 = 2, LENS_ISA_NEON = 3 } lens_isa;

/// True when this processor and this operating system run `isa` (for AVX: the saved register state is checked, XCR0).
bool lens_isa_supported(lens_isa isa);

/// The widest supported instruction set.
lens_isa lens_isa_best(void);

/// "scalar", "avx2", "avx512" or "neon".
const char *lens_isa_name(lens_isa isa);

/// What processors of one instruction set may have beside it: a set of bits.
typedef enum lens_features {
    LENS_FEATURE_NONE = 0,
    LENS_FEATURE_VNNI = 1,    // sums of four products of bytes: AVX512_VNNI, or AVX-VNNI
    LENS_FEATURE_BF16 = 2,    // sums of two products of bf16: AVX512_BF16, or BF16 beside NEON
    LENS_FEATURE_DOTPROD = 4, // sums of four products of bytes: DotProd beside NEON
    LENS_FEATURE_I8MM = 8,    // products of matrices of bytes: I8MM beside NEON
    LENS_FEATURES_ALL = 15
} lens_features;

/// The features that this machine has beside a supported instruction set.
lens_features lens_isa_features(lens_isa isa);

typedef struct lens_caches {
    size_t l1_data, l2, l3; // bytes; l1_data and l2 of one core, l3 as a core sees it; 0 when unknown
} lens_caches;

/// Cache sizes read from the system once.
lens_caches lens_cache_sizes(void);

/// Physical cores this process may use: affinity mask, simultaneous threads folded, cgroup CPU quota (rounded up).
size_t lens_core_count(void);

LENS_END_C

#endif
