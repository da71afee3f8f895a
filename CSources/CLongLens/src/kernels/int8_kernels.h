// Micro-kernels of products with quantized weights: the rounding of both sides, one register tile, its sizes.
//
// A dot product stays what it is when both vectors are rotated. Both sides are rotated in groups of 64 columns by H D /
// 8, with the Walsh-Hadamard matrix H and a diagonal D of signs: an orthonormal map that spreads an outlier over its
// group. Only then they are rounded to 8 bits (after Ashkboos et al., "QuaRot", NeurIPS 2024, which does so to
// activations).
#ifndef LENS_INT8_KERNELS_H
#define LENS_INT8_KERNELS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    lens_group = 64,                   // columns that are rotated together; of A, with one scale
    lens_group_words = lens_group / 4, // groups are taken four integers at a time
    lens_panel_rows = 16,              // rows of W in a panel: lanes of the tile
    lens_most_tile_rows = 16,
};

/// D, by the bent function of 6 bits: what is constant over a group, or alternates as a row of H does, is spread too.
static const float lens_signs[lens_group] = {
    1,  1,  1,  -1, 1,  1,  1,  -1, 1,  1,  1,  -1, -1, -1, -1, 1, //
    1,  1,  1,  -1, 1,  1,  1,  -1, 1,  1,  1,  -1, -1, -1, -1, 1, //
    1,  1,  1,  -1, 1,  1,  1,  -1, 1,  1,  1,  -1, -1, -1, -1, 1, //
    -1, -1, -1, 1,  -1, -1, -1, 1,  -1, -1, -1, 1,  1,  1,  1,  -1,
};

/// Groups of K columns; the last one is filled up with zeros.
static inline size_t lens_group_count(size_t K) { return (K + lens_group - 1) / lens_group; }

/// A group of a panel of weights: the integers plus 128, those of four columns of one row side by side, row after row.
/// Behind the panel's groups come the scales of its rows, one each (fp32).
typedef uint8_t lens_panel_group[lens_group_words][lens_panel_rows][4];

static inline size_t lens_panel_bytes(size_t K) {
    return lens_group_count(K) * sizeof(lens_panel_group) + lens_panel_rows * sizeof(float);
}

/// A group of MR rounded rows of A: integers [16][MR][4], then, MR of each, the scales (fp32) and -128 times the sum of
/// the integers (int32).
static inline size_t lens_rounded_group_bytes(size_t MR) { return MR * (lens_group + 8); }

typedef struct lens_int8_kernels {
    /// Rows of A in the register tile, at most lens_most_tile_rows.
    size_t MR;

    /// Rounds m (1 to MR) rows of K elements into one block of groups, each with its scale, largest / 127; rows that do
    /// not exist are zeros. A scale is not finite where an element is not; groups of nothing above 2^-100 are zeros.
    void (*round)(size_t m, size_t K, const float *a, size_t lda, void *rounded);

    /// The same for a row of W, with one scale for the whole row, as row `lane` of a panel. `row` has whole groups of
    /// elements, zeros behind the K-th, and is overwritten.
    void (*pack)(size_t K, float *row, size_t lane, void *panel);

    /// C[m,n] = A · Wᵀ (+ C when `accumulate`) for the first m (1 to MR) rows of a block and n (1 to 16) of a panel.
    /// Every element is one chain of multiply-adds over the groups that starts at zero, of the integer sum with the
    /// scale of A; it is multiplied by the scale of W, and C is added last.
    void (*tile)(size_t m, size_t n, size_t groups, bool accumulate, const void *rounded, const void *panel, float *c,
                 size_t ldc);

    /// Runs `rounds` rounds of independent products of bytes, as the tile adds them up, and returns how many operations
    /// that was, two a product.
    double (*multiply_adds)(size_t rounds);
} lens_int8_kernels;

void lens_int8_kernels_scalar(lens_int8_kernels *table);
void lens_int8_kernels_avx2(lens_int8_kernels *table);
void lens_int8_kernels_avx2_vnni(lens_int8_kernels *table);
void lens_int8_kernels_avx512(lens_int8_kernels *table);
void lens_int8_kernels_avx512_vnni(lens_int8_kernels *table);
void lens_int8_kernels_neon(lens_int8_kernels *table);
void lens_int8_kernels_neon_dotprod(lens_int8_kernels *table);
void lens_int8_kernels_neon_i8mm(lens_int8_kernels *table);

#endif
