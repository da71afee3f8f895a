// Products with quantized weights in plain C: the numbers that every instruction set gives.
#include "kernels/int8_kernels.h"
#include "sizes.h"
#include <math.h>
#include <string.h>

enum { MR = 4 };

// A group of MR rounded rows.
typedef struct rounded_group {
    int8_t integers[lens_group_words][MR][4];
    float scale[MR];
    int32_t bias[MR];
} rounded_group;

// 8 times the rotation.
static void rotate(float x[lens_group]) {
    for (size_t i = 0; i < lens_group; i++) x[i] *= lens_signs[i];
    for (size_t stride = lens_group / 2; stride > 0; stride /= 2)
        for (size_t i = 0; i < lens_group; i++) {
            if (i & stride) continue;
            float sum = x[i] + x[i + stride], difference = x[i] - x[i + stride];
            x[i] = sum;
            x[i + stride] = difference;
        }
}

// The scale with the rotation's 1/8; `inverse` makes integers.
static float scale_of(size_t n, const float *x, float *inverse) {
    float largest = 0, defect = 0;
    for (size_t i = 0; i < n; i++) {
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
        defect += x[i] * 0.0f; // NaN where something is not finite
    }
    *inverse = largest >= 0x1p-100f && defect == 0.0f ? 127.0f / largest : 0.0f;
    return largest / 127.0f * 0.125f + defect;
}

static int8_t integer(float x, float inverse) { return inverse == 0.0f ? 0 : (int8_t)rintf(x * inverse); }

static void round_rows(size_t m, size_t K, const float *a, size_t lda, void *rounded) {
    rounded_group *groups = rounded;
    memset(groups, 0, lens_group_count(K) * sizeof *groups);
    for (size_t g = 0; g < lens_group_count(K); g++)
        for (size_t i = 0; i < m; i++) {
            float x[lens_group] = {0}, inverse;
            memcpy(x, a + i * lda + g * lens_group, min(lens_group, K - g * lens_group) * sizeof(float));
            rotate(x);
            groups[g].scale[i] = scale_of(lens_group, x, &inverse);
            for (size_t k = 0; k < lens_group; k++) {
                groups[g].integers[k / 4][i][k % 4] = integer(x[k], inverse);
                groups[g].bias[i] -= 128 * groups[g].integers[k / 4][i][k % 4];
            }
        }
}

static void pack_row(size_t K, float *row, size_t lane, void *panel) {
    lens_panel_group *groups = panel;
    size_t count = lens_group_count(K);
    for (size_t g = 0; g < count; g++) rotate(row + g * lens_group);
    float inverse;
    ((float *)(groups + count))[lane] = scale_of(count * lens_group, row, &inverse);
    for (size_t k = 0; k < count * lens_group; k++)
        groups[k / lens_group][k % lens_group / 4][lane][k % 4] = (uint8_t)(integer(row[k], inverse) + 128);
}

static float element(size_t i, size_t j, size_t groups, const rounded_group *a, const lens_panel_group *w) {
    float sum = 0;
    for (size_t g = 0; g < groups; g++) {
        int32_t integer = a[g].bias[i];
        for (size_t k = 0; k < lens_group_words; k++)
            for (size_t b = 0; b < 4; b++) integer += w[g][k][j][b] * a[g].integers[k][i][b];
        sum = fmaf((float)integer, a[g].scale[i], sum);
    }
    return sum * ((const float *)(w + groups))[j];
}

static void tile(size_t m, size_t n, size_t groups, bool accumulate, const void *rounded, const void *panel, float *c,
                 size_t ldc) {
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float sum = element(i, j, groups, rounded, panel);
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
    *table = (lens_int8_kernels){.MR = MR,
                                 .round = round_rows,
                                 .pack = pack_row,
                                 .tile = tile,
                                 .multiply_adds = multiply_bytes};
}
