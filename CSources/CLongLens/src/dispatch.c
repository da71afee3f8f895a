#include "dispatch.h"
#include "cpu.h"
#include "isa.h"
#include "peak.h"
#include <pthread.h>
#include <stdatomic.h>

// One table for each instruction set, filled once: a driver that has taken one keeps kernels and block sizes that
// belong together, whatever is chosen meanwhile.
static lens_kernel_table tables[LENS_ISA_NEON + 1];
static _Atomic lens_isa current;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(lens_kernel_table *table, lens_isa isa) {
    (void)isa;
    lens_gemm_kernels_scalar(&table->gemm);
    lens_attention_kernels_scalar(&table->attention);
    lens_row_kernels_scalar(&table->row);
    table->multiply_adds = lens_multiply_adds_scalar;
#ifdef LENS_X86
    if (isa == LENS_ISA_AVX2) {
        lens_gemm_kernels_avx2(&table->gemm);
        lens_attention_kernels_avx2(&table->attention);
        lens_row_kernels_avx2(&table->row);
        table->multiply_adds = lens_multiply_adds_avx2;
    }
    if (isa == LENS_ISA_AVX512) {
        lens_gemm_kernels_avx512(&table->gemm);
        lens_attention_kernels_avx512(&table->attention);
        lens_row_kernels_avx512(&table->row);
        table->multiply_adds = lens_multiply_adds_avx512;
    }
#endif
}

static void fill_all(void) {
    for (int isa = LENS_ISA_SCALAR; isa <= LENS_ISA_NEON; isa++) fill(&tables[isa], (lens_isa)isa);
    atomic_store(&current, lens_isa_best());
}

const lens_kernel_table *lens_kernels(void) { return &tables[lens_isa_current()]; }

lens_isa lens_isa_current(void) {
    pthread_once(&once, fill_all);
    return atomic_load_explicit(&current, memory_order_relaxed);
}

bool lens_isa_use(lens_isa isa) {
    if (!lens_isa_supported(isa)) return false;
    pthread_once(&once, fill_all); // must not come after the choice
    atomic_store(&current, isa);
    return true;
}
