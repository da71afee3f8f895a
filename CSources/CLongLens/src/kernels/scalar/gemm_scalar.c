// The readable reference of the matrix product's micro-kernels.
#include "kernels/gemm_kernels.h"

enum { MR = 4, NR = 4 };

static void edge_tile(size_t rows, size_t columns, size_t k, lens_gemm_panel a, lens_gemm_panel b, float *c,
                      size_t ldc, bool accumulate) {
    float sum[MR][NR] = {{0}};
    for (size_t p = 0; p < k; p++)
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++)
                sum[i][j] += a.start[i * a.lane + p * a.step] * b.start[j + p * b.step];
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++) {
            float *to = c + i * ldc + j;
            *to = accumulate ? *to + sum[i][j] : sum[i][j];
        }
}

static void tile(size_t k, lens_gemm_panel a, lens_gemm_panel b, float *c, size_t ldc, bool accumulate,
                 const float *ahead) {
    (void)ahead;
    edge_tile(MR, NR, k, a, b, c, ldc, accumulate);
}

// Packs `lanes` of `width` vectors of length k: element p of lane l lies at x[l*ldx + p], or at x[p*ldx + l]
// when the lanes are the contiguous direction.
static void pack(bool lanes_contiguous, size_t width, size_t k, size_t lanes, const float *x, size_t ldx,
                 float *packed) {
    for (size_t p = 0; p < k; p++)
        for (size_t l = 0; l < width; l++) {
            float element = 0;
            if (l < lanes) element = lanes_contiguous ? x[p * ldx + l] : x[l * ldx + p];
            packed[p * width + l] = element;
        }
}

static void pack_a(bool transposed, size_t k, size_t rows, const float *a, size_t lda, float *packed_a) {
    pack(transposed, MR, k, rows, a, lda, packed_a);
}

static void pack_b(bool transposed, size_t k, size_t columns, const float *b, size_t ldb, float *packed_b) {
    pack(!transposed, NR, k, columns, b, ldb, packed_b);
}

void lens_gemm_kernels_scalar(lens_gemm_kernels *table) {
    *table = (lens_gemm_kernels){
        .mr = MR, .nr = NR, .pack_b_from = 4096,
        .tile = tile, .edge_tile = edge_tile, .pack_a = pack_a, .pack_b = pack_b};
}
