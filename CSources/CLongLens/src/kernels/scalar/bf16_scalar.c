// Products with weights of 16 bits in plain C.
#include "kernels/bf16_kernels.h"
#include "kernels/peak_kernels.h"
#include <string.h>

enum { MR = 4, PANEL = lens_bf16_panel_rows, PANELS = 1 };

static void pack_a(size_t m, size_t K, const float *a, size_t lda, float *packed) {
    for (size_t k = 0; k < K + K % 2; k++)
        for (size_t i = 0; i < MR; i++) packed[k * MR + i] = i < m && k < K ? a[i * lda + k] : 0;
}

static uint32_t element(bool half, const char *row, size_t k) {
    return half ? float_to_bfloat(load_half_as_float(row + 2 * k)) : load_half(row + 2 * k);
}

static void pack_w(size_t n, size_t K, bool half, const void *const row[], float *panel) {
    for (size_t k = 0; k < K; k += 2)
        for (size_t j = 0; j < PANEL; j++) {
            uint32_t low = j < n ? element(half, row[j], k) : 0;
            uint32_t high = j < n && k + 1 < K ? element(half, row[j], k + 1) : 0, word = low | high << 16;
            memcpy(panel + k / 2 * PANEL + j, &word, sizeof word);
        }
}

static void tile(size_t m, size_t n, size_t pairs, bool accumulate, const float *a, const float *w, size_t panel_words,
                 float *c, size_t ldc) {
    (void)panel_words;
    float sum[MR][PANEL] = {{0}};
    for (size_t p = 0; p < pairs; p++, a += 2 * MR, w += PANEL) {
        uint32_t word[PANEL];
        memcpy(word, w, sizeof word);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < PANEL; j++) {
                sum[i][j] += a[i] * bits_float(word[j] << 16);
                sum[i][j] += a[MR + i] * bits_float(word[j] & 0xffff0000);
            }
    }
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float *to = c + i * ldc + j;
            *to = accumulate ? *to + sum[i][j] : sum[i][j];
        }
}

void lens_bf16_kernels_scalar(lens_bf16_kernels *table) {
    *table = (lens_bf16_kernels){MR, PANELS, 2 * MR, pack_a, pack_w, tile, lens_multiply_adds_scalar};
}
