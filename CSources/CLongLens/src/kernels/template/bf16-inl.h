// Products with weights of 16 bits in the vector vocabulary. Needs the enum {MR, PANELS, PARTS, PREFETCH} and
//   weights_part(vf, part)        what products take of a word of weights: in one part or two
//   multiply_add_row(V, element, column, acc)   adds the products of an element of A's block with a part of the
//                                 weights, as multiply_add-inl.h does in fp32
//   round_floats(n, x, to), round_halves(n, x, to)   to the nearest bf16, n numbers
enum {
    PANEL = lens_bf16_panel_rows,
    VECTORS = PANELS * PANEL / VF_WIDTH,
    NR = PANELS * PANEL,
    STRETCH = 128 // elements of each row that are packed at a time
};

#include "kernels/template/pack_lanes-inl.h"

// Rows of bf16, STRETCH apart, side by side as words of two.
LENS_INLINE void pack_words(const size_t width, size_t rows, size_t K, uint16_t number[][STRETCH], float *packed) {
    if (K % 2 != 0)
        for (size_t r = 0; r < rows; r++) number[r][K] = 0;
    pack_panel(width, rows, (K + 1) / 2, (const float *)(const void *)number, STRETCH / 2, packed);
}

static void pack_a(size_t m, size_t K, const float *a, size_t lda, float *packed) {
    if (PARTS == 2) {
        pack_panel(MR, m, K, a, lda, packed);
        if (K % 2 != 0) memset(packed + K * MR, 0, MR * sizeof *packed);
        return;
    }
    uint16_t number[MR][STRETCH];
    for (size_t k = 0; k < K; k += STRETCH) {
        size_t length = min(K - k, STRETCH);
        for (size_t i = 0; i < m; i++) round_floats(length, a + i * lda + k, number[i]);
        pack_words(MR, m, length, number, packed + k / 2 * MR);
    }
}

static void pack_w(size_t n, size_t K, bool half, const void *const row[], float *panel) {
    uint16_t number[PANEL][STRETCH];
    for (size_t k = 0; k < K; k += STRETCH) {
        size_t length = min(K - k, STRETCH);
        for (size_t r = 0; r < n; r++) {
            const char *from = (const char *)row[r] + 2 * k;
            if (half) {
                round_halves(length, from, number[r]);
            } else {
                memcpy(number[r], from, 2 * length);
            }
        }
        pack_words(PANEL, n, length, number, panel + k / 2 * PANEL);
    }
}

// Where vector v of the columns lies.
LENS_INLINE size_t column_offset(size_t v, size_t panel_words) {
    return v * VF_WIDTH / PANEL * panel_words + v * VF_WIDTH % PANEL;
}

LENS_INLINE void multiply_pair(const size_t vectors, const float *a, const float *w, size_t panel_words,
                               vf sum[MR][VECTORS]) {
#pragma clang loop unroll(full)
    for (size_t part = 0; part < PARTS; part++) {
        vf row[VECTORS];
        __asm__("" : "+r"(w)); // the words are read again for the second part: there is no register to keep them in
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            const float *from = w + column_offset(v, panel_words);
            row[v] = weights_part(vf_load(from), part);
            // From the second-level cache.
            if (part == 0 && v * VF_WIDTH % PANEL == 0) prefetch_l1(from + PREFETCH * PANEL);
        }
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) multiply_add_row((int)vectors, a + part * MR + i, row, sum[i]);
    }
}

// `vectors` of columns, a constant after inlining, of which n columns exist; `whole`: all of them.
LENS_INLINE void multiply(const size_t vectors, const bool whole, size_t m, size_t n, size_t pairs, bool accumulate,
                          const float *a, const float *w, size_t panel_words, float *c, size_t ldc) {
    vf sum[MR][VECTORS];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < MR; i++) {
        if (i < m) prefetch_l1(c + i * ldc);
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) sum[i][v] = vf_zero();
    }
    for (size_t p = 0; p < pairs; p++) {
        multiply_pair(vectors, a, w, panel_words, sum);
        a += PARTS * MR, w += PANEL;
        __asm__("" : "+r"(a)); // one pointer each, whatever else the compiler would rather count
    }
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        const size_t before = min(v * VF_WIDTH, n);
        const vmask mask = vf_first_mask(whole ? VF_WIDTH : min(n - before, VF_WIDTH));
#pragma clang loop unroll(full)
        for (size_t i = 0; i < MR; i++) {
            if (i >= m) continue;
            float *to = c + i * ldc + v * VF_WIDTH;
            if (whole) {
                vf_store(to, accumulate ? vf_add(vf_load(to), sum[i][v]) : sum[i][v]);
            } else {
                vf_store_mask(to, accumulate ? vf_add(vf_load_mask(to, mask), sum[i][v]) : sum[i][v], mask);
            }
        }
    }
}

static void tile(size_t m, size_t n, size_t pairs, bool accumulate, const float *a, const float *w, size_t panel_words,
                 float *c, size_t ldc) {
    if (n == NR) {
        multiply(VECTORS, true, m, n, pairs, accumulate, a, w, panel_words, c, ldc);
    } else if (n <= VF_WIDTH) {
        multiply(1, false, m, n, pairs, accumulate, a, w, panel_words, c, ldc);
    } else if (VECTORS == 2 || n <= 2 * VF_WIDTH) {
        multiply(2, false, m, n, pairs, accumulate, a, w, panel_words, c, ldc);
    } else {
        multiply(VECTORS, false, m, n, pairs, accumulate, a, w, panel_words, c, ldc);
    }
}

// The table, from the constants and functions of one instruction set.
#define LENS_BF16_TABLE(peak) ((lens_bf16_kernels){MR, PANELS, PARTS * MR, pack_a, pack_w, tile, peak})
