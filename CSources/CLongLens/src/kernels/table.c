#include "kernels/table.h"

void lens_fill_kernels(lens_kernel_table *table, lens_isa isa, lens_features features) {
    (void)isa, (void)features;
    lens_gemm_kernels_scalar(&table->gemm);
    lens_int8_kernels_scalar(&table->int8);
    lens_bf16_kernels_scalar(&table->bf16);
    lens_attention_kernels_scalar(&table->attention);
    lens_row_kernels_scalar(&table->row);
    table->multiply_adds = lens_multiply_adds_scalar;
#if defined(__x86_64__)
    if (isa == LENS_ISA_AVX2) {
        lens_gemm_kernels_avx2(&table->gemm);
        lens_int8_kernels_avx2(&table->int8);
        if (features & LENS_FEATURE_VNNI) lens_int8_kernels_avx2_vnni(&table->int8);
        lens_bf16_kernels_avx2(&table->bf16);
        lens_attention_kernels_avx2(&table->attention);
        lens_row_kernels_avx2(&table->row);
        table->multiply_adds = lens_multiply_adds_avx2;
    }
    if (isa == LENS_ISA_AVX512) {
        lens_gemm_kernels_avx512(&table->gemm);
        lens_int8_kernels_avx512(&table->int8);
        if (features & LENS_FEATURE_VNNI) lens_int8_kernels_avx512_vnni(&table->int8);
        lens_bf16_kernels_avx512(&table->bf16);
        if (features & LENS_FEATURE_BF16) lens_bf16_kernels_avx512_bf16(&table->bf16);
        lens_attention_kernels_avx512(&table->attention);
        if (features & LENS_FEATURE_BF16) lens_attention_kernels_avx512_bf16(&table->attention);
        lens_row_kernels_avx512(&table->row);
        table->multiply_adds = lens_multiply_adds_avx512;
    }
#elif defined(__aarch64__)
    if (isa == LENS_ISA_NEON) {
        lens_gemm_kernels_neon(&table->gemm);
        lens_int8_kernels_neon(&table->int8);
        if (features & LENS_FEATURE_DOTPROD) lens_int8_kernels_neon_dotprod(&table->int8);
        if (features & LENS_FEATURE_I8MM) lens_int8_kernels_neon_i8mm(&table->int8);
        lens_bf16_kernels_neon(&table->bf16);
        if (features & LENS_FEATURE_BF16) lens_bf16_kernels_neon_bf16(&table->bf16);
        lens_attention_kernels_neon(&table->attention);
        if (features & LENS_FEATURE_BF16) lens_attention_kernels_neon_bf16(&table->attention);
        lens_row_kernels_neon(&table->row);
        table->multiply_adds = lens_multiply_adds_neon;
    }
#endif
}
