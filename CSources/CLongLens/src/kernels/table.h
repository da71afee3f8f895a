// The kernel table: function pointers beside their own block sizes, filled from the scalar kernels and overridden by
// the instruction set's own.
#ifndef LENS_KERNEL_TABLE_H
#define LENS_KERNEL_TABLE_H

#include "kernels/attention_kernels.h"
#include "kernels/bf16_kernels.h"
#include "kernels/gemm_kernels.h"
#include "kernels/int8_kernels.h"
#include "kernels/peak_kernels.h"
#include "kernels/row_kernels.h"
#include "lens/cpu.h"

typedef struct lens_kernel_table {
    lens_gemm_kernels gemm;
    lens_int8_kernels int8;
    lens_bf16_kernels bf16;
    lens_attention_kernels attention;
    lens_row_kernels row;
    double (*multiply_adds)(size_t rounds); // runs a loop of independent multiply-adds, returns their number of FLOPs
} lens_kernel_table;

/// The kernels of an instruction set and features that this machine has.
void lens_fill_kernels(lens_kernel_table *table, lens_isa isa, lens_features features);

#endif
