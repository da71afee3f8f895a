#include "kernels/table.h"
#include <pthread.h>

// One table for each instruction set, filled once and never changed.
static lens_kernel_table tables[LENS_ISA_NEON + 1];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void fill(lens_kernel_table *table, lens_isa isa) {
    (void)isa;
    lens_gemm_kernels_scalar(&table->gemm);
    lens_attention_kernels_scalar(&table->attention);
    lens_row_kernels_scalar(&table->row);
    table->multiply_adds = lens_multiply_adds_scalar;
#if defined(__x86_64__)
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
}

const lens_kernel_table *lens_kernels(lens_isa isa) {
    pthread_once(&once, fill_all);
    return &tables[isa];
}
