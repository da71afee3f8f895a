// The kernel table: function pointers beside their own block sizes, filled from the scalar kernels and overridden by
// the instruction set's own.
#ifndef LENS_KERNEL_TABLE_H
#define LENS_KERNEL_TABLE_H

#include "kernels/attention_kernels.h"
#include "kernels/gemm_kernels.h"
#include "kernels/peak_kernels.h"
#include "kernels/row_kernels.h"
#include "lens/cpu.h"

typedef struct lens_kernel_table {
    lens_gemm_kernels gemm;
    lens_attention_kernels attention;
    lens_row_kernels row;
    double (*multiply_adds)(size_t rounds); // runs a loop of independent multiply-adds, returns their number of FLOPs
} lens_kernel_table;

/// The table of an instruction set that this machine runs.
const lens_kernel_table *lens_kernels(lens_isa isa);

#endif
