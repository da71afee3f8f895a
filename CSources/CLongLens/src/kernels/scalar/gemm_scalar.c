// The matrix product's micro-kernels in plain C.
#include "kernels/gemm_kernels.h"

enum { MR = 4, NR = 4 };
enum { PACK_B_FROM = 4096 };

static void edge_tile(size_t m, size_t n, size_t k, bool accumulate, lens_gemm_panel a, lens_gemm_panel b, float *c,
                      size_t ldc) {
    float sum[MR][NR] = {{0}};
    for (size_t p = 0; p < k; p++)
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++)
                sum[i][j] += a.start[i * a.lane_stride + p * a.stride] * b.start[j + p * b.stride];
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            float *to = c + i * ldc + j;
            *to = accumulate ? *to + sum[i][j] : sum[i][j];
        }
}

static void tile(size_t k, bool accumulate, lens_gemm_panel a, lens_gemm_panel b, const float *next, float *c,
                 size_t ldc) {
    (void)next;
    edge_tile(MR, NR, k, accumulate, a, b, c, ldc);
}

static void row(size_t n, size_t k, bool accumulate, const float *a, const float *b, size_t ldb, float *c) {
    for (size_t j = 0; j < n; j++) {
        float sum = 0;
        for (size_t p = 0; p < k; p++) sum += a[p] * b[j * ldb + p];
        c[j] = accumulate ? c[j] + sum : sum;
    }
}

// Packs `lanes` vectors of length k into a panel of `width`: element p of lane l lies at x[l*ldx + p], or at
// x[p*ldx + l] when the lanes are the contiguous direction.
static void pack(size_t width, size_t lanes, size_t k, bool lanes_contiguous, const float *x, size_t ldx,
                 float *packed) {
    for (size_t p = 0; p < k; p++)
        for (size_t l = 0; l < width; l++) {
            float element = 0;
            if (l < lanes) element = lanes_contiguous ? x[p * ldx + l] : x[l * ldx + p];
            packed[p * width + l] = element;
        }
}

static void pack_a(size_t m, size_t k, bool transpose, const float *a, size_t lda, float *packed) {
    pack(MR, m, k, transpose, a, lda, packed);
}

static void pack_b(size_t n, size_t k, bool transpose, const float *b, size_t ldb, float *packed) {
    pack(NR, n, k, !transpose, b, ldb, packed);
}

#include "kernels/template/gemm_table-inl.h"

void lens_gemm_kernels_scalar(lens_gemm_kernels *table) { fill_table(table); }
