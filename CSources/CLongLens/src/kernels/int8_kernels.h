// Micro-kernels of products with quantized weights: one register tile, the rounding of what is multiplied, its sizes.
#ifndef LENS_INT8_KERNELS_H
#define LENS_INT8_KERNELS_H
#include "quant/integers.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    lens_panel_rows = 16,              // rows of W in a panel: lanes of the tile
    lens_group_words = lens_group / 4, // groups are taken four integers at a time
    lens_most_tile_rows = 16,
};

/// A group of 32 columns of a panel of weights: the integers plus 128, those of four columns of one row side by side,
/// row after row; then the scales, and the minima where the type has them.
typedef struct lens_panel_group {
    uint8_t integers[lens_group_words][lens_panel_rows][4];
    float scale[lens_panel_rows];
    float minimum[lens_panel_rows]; // absent for types without: groups then follow each other without it
} lens_panel_group;

static inline size_t lens_panel_group_bytes(bool has_minimum) {
    return has_minimum ? sizeof(lens_panel_group) : offsetof(lens_panel_group, minimum);
}

/// A group of 32 columns of MR rounded rows of A: integers [8][MR][4], then, MR of each, the scales (fp32), -128 times
/// the sum of the integers (int32), and the scale times their sum (fp32).
static inline size_t lens_rounded_group_bytes(size_t MR) { return MR * (lens_group + 12); }

typedef struct lens_int8_kernels {
    /// Rows of A in the register tile, at most lens_most_tile_rows.
    size_t MR;

    /// Rounds m (1 to MR) rows of K elements into one block of K / 32 groups; rows that do not exist are zeros.
    void (*round)(size_t m, size_t K, const float *a, size_t lda, void *rounded);

    /// C[m,n] = A · Wᵀ (+ C when `accumulate`) for the first m (1 to MR) rows of a block and n (1 to 16) of a panel.
    /// Every element is one chain of multiply-adds over the groups that starts at zero: of the integer sum with the
    /// product of the scales, then of the minimum with its sum; C is added last.
    void (*tile)(size_t m, size_t n, size_t groups, bool has_minimum, bool accumulate, const void *rounded,
                 const void *panel, float *c, size_t ldc);

    /// Runs `rounds` rounds of independent products of bytes, as the tile adds them up, and returns how many operations
    /// that was, two a product.
    double (*multiply_adds)(size_t rounds);
} lens_int8_kernels;

void lens_int8_kernels_scalar(lens_int8_kernels *table);
void lens_int8_kernels_avx2(lens_int8_kernels *table);
void lens_int8_kernels_avx2_vnni(lens_int8_kernels *table);
void lens_int8_kernels_avx512(lens_int8_kernels *table);
void lens_int8_kernels_avx512_vnni(lens_int8_kernels *table);

#endif
