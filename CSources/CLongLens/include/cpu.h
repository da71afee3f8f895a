// What the processor offers and which instruction set the kernels use.
#ifndef LENS_CPU_H
#define LENS_CPU_H
#include <stdbool.h>
#include <stddef.h>

typedef enum lens_isa { LENS_ISA_SCALAR = 0, LENS_ISA_AVX2 = 1, LENS_ISA_AVX512 = 2, LENS_ISA_NEON = 3 } lens_isa;

/// True when this processor and this operating system run `isa` (for AVX: the saved register state is checked, XCR0).
bool lens_isa_supported(lens_isa isa);

/// The widest supported instruction set.
lens_isa lens_isa_best(void);

/// The instruction set in use: the best one, until `lens_isa_use` lowers it.
lens_isa lens_isa_current(void);

/// Selects the kernels of `isa`. False, and nothing changes, when the machine lacks it.
/// Not to be called while kernels run.
bool lens_isa_use(lens_isa isa);

/// "scalar", "avx2", "avx512" or "neon".
const char *lens_isa_name(lens_isa isa);

typedef struct lens_caches {
    size_t l1_data, l2, l3; // bytes; l1_data and l2 of one core, l3 as a core sees it; 0 when unknown
} lens_caches;

/// Cache sizes read from the system once.
lens_caches lens_cache_sizes(void);

/// Physical cores this process may use: affinity mask, simultaneous threads folded, cgroup CPU quota (rounded up).
size_t lens_core_count(void);

/// Multiply-add peak in GFLOP/s of `threads` threads with the current instruction set, measured for about `seconds`.
double lens_measure_peak_gflops(size_t threads, double seconds);

#endif
