// Products with quantized weights in plain C: the numbers that every instruction set gives.
#include "kernels/int8_kernels.h"
#include <math.h>
#include <string.h>

enum { MR = 4 };

// A group of MR rounded rows.
typedef struct rounded_group {
    int8_t integers[lens_group_words][MR][4];
    float scale[MR];
    int32_t bias[MR];
    float sum[MR];
} rounded_group;

static void round_rows(size_t m, size_t K, const float *a, size_t lda, void *rounded) {
    rounded_group *groups = rounded;
    memset(groups, 0, K / lens_group * sizeof *groups);
    for (size_t g = 0; g < K / lens_group; g++)
        for (size_t i = 0; i < m; i++) {
            int8_t integers[lens_group];
            lens_round_group(a + i * lda + g * lens_group, integers, &groups[g].scale[i]);
            int32_t sum = 0;
            for (size_t k = 0; k < lens_group; k++) {
                groups[g].integers[k / 4][i][k % 4] = integers[k];
                sum += integers[k];
            }
            groups[g].bias[i] = -128 * sum;
            groups[g].sum[i] = groups[g].scale[i] * (float)sum;
        }
}

static float element(size_t i, size_t j, size_t groups, bool has_minimum, const rounded_group *a,
                     const uint8_t *panel) {
    float sum = 0;
    for (size_t g = 0; g < groups; g++, a++, panel += lens_panel_group_bytes(has_minimum)) {
        const lens_panel_group *w = (const lens_panel_group *)panel;
        int32_t integer = a->bias[i];
        for (size_t k = 0; k < lens_group_words; k++)
            for (size_t b = 0; b < 4; b++) integer += w->integers[k][j][b] * a->integers[k][i][b];
        sum = fmaf((float)integer, w->scale[j] * a->scale[i], sum);
        if (has_minimum) sum = fmaf(w->minimum[j], a->sum[i], sum);
    }
    return sum;
}

static void tile(size_t m, size_t n, size_t groups, bool has_minimum, bool accumulate, const void *rounded,
                 const void *panel, float *c, size_t ldc) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float sum = element(i, j, groups, has_minimum, rounded, panel);
            c[i * ldc + j] = accumulate ? c[i * ldc + j] + sum : sum;
        }
}

static double multiply_bytes(size_t rounds) {
    enum { chains = 12 };
    int32_t sum[chains] = {0};
    for (size_t r = 0; r < rounds; r++) {
        int8_t x = (int8_t)(r & 127);
#pragma clang loop vectorize(disable)
        for (int i = 0; i < chains; i++) {
            sum[i] += i * x;
            __asm__ volatile("" : "+r"(sum[i])); // a product each, not a vector's
        }
    }
    return 2.0 * chains * (double)rounds;
}

void lens_int8_kernels_scalar(lens_int8_kernels *table) {
    *table = (lens_int8_kernels){.MR = MR, .round = round_rows, .tile = tile, .multiply_adds = multiply_bytes};
}
