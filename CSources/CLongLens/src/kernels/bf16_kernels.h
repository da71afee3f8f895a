// Micro-kernels of products with weights of 16 bits: one register tile, the packing of both sides, its sizes.
#ifndef LENS_BF16_KERNELS_H
#define LENS_BF16_KERNELS_H
#include "quant/blocks.h"
#include <stdbool.h>
#include <stddef.h>

enum {
    lens_bf16_panel_rows = 16, // rows of W in a panel: lanes of the tile
    lens_bf16_most_rows = 8    // of A in a tile
};

// Two bf16 that are multiplied and added one after the other lie in one 32-bit word, in the places of fp32: elements
// 2p and 2p + 1 of a row, the first in the low half. Where K is odd, the last word's high half is zero.

typedef struct lens_bf16_kernels {
    /// The register tile: rows of A, panels of W.
    size_t MR, panels;
    /// Words that MR rows of A take for two elements each: MR of bf16, twice as many where products are of fp32.
    size_t pair_words;

    /// Packs m (1 to MR) rows of K elements into a block, pair after pair. Where products are of bf16, words of MR
    /// rows, rounded to nearest even; else MR rows of fp32 at 2p, then those at 2p + 1. Rows that do not exist are
    /// zeros.
    void (*pack_a)(size_t m, size_t K, const float *a, size_t lda, float *packed);

    /// Packs n (1 to 16) rows of W, of K elements, into one panel: words of 16 rows, pair after pair. Elements are
    /// bf16, or fp16 when `half`: those are rounded to bf16, to nearest even. Rows that do not exist are zeros.
    void (*pack_w)(size_t n, size_t K, bool half, const void *const row[], float *panel);

    /// C[m,n] = A · Wᵀ (+ C when `accumulate`) over `pairs` pairs, for the first m (1 to MR) rows of a block and n
    /// columns of panels that lie `panel_words` apart. Every element is one chain over the pairs that starts at zero; C
    /// is added last.
    void (*tile)(size_t m, size_t n, size_t pairs, bool accumulate, const float *a, const float *w, size_t panel_words,
                 float *c, size_t ldc);

    /// Runs `rounds` rounds of independent sums of products, as the tile adds them up, and returns how many operations
    /// that was, two a product.
    double (*multiply_adds)(size_t rounds);
} lens_bf16_kernels;

void lens_bf16_kernels_scalar(lens_bf16_kernels *table);
void lens_bf16_kernels_avx2(lens_bf16_kernels *table);
void lens_bf16_kernels_avx512(lens_bf16_kernels *table);
void lens_bf16_kernels_avx512_bf16(lens_bf16_kernels *table);
void lens_bf16_kernels_neon(lens_bf16_kernels *table);
void lens_bf16_kernels_neon_bf16(lens_bf16_kernels *table);

#endif
