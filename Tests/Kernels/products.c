// The fp32 product against plain loops in double precision.
#include "CLensReference.h"
#include "buffers.h"
#include "check.h"

typedef struct product {
    size_t M, N, K, padding;
    bool transpose_a, transpose_b, accumulate;
} product;

static size_t elements(size_t rows, size_t columns, size_t padding) {
    return rows == 0 ? 0 : (rows - 1) * (columns + padding) + columns; // the last row has no padding
}

static void check(contexts c, product p) {
    at_work_on("product %c%c %zu x %zu x %zu, padding %zu, accumulate %d", p.transpose_a ? 'T' : 'N',
               p.transpose_b ? 'T' : 'N', p.M, p.N, p.K, p.padding, p.accumulate);
    size_t rows_a = p.transpose_a ? p.K : p.M, columns_a = p.transpose_a ? p.M : p.K;
    size_t rows_b = p.transpose_b ? p.N : p.K, columns_b = p.transpose_b ? p.K : p.N;
    size_t a = elements(rows_a, columns_a, p.padding), b = elements(rows_b, columns_b, p.padding);
    size_t count = elements(p.M, p.N, p.padding), lda = columns_a + p.padding, ldb = columns_b + p.padding;
    float *A = numbers(a), *B = numbers(b), *C = numbers(count), *again = copy(count, C);
    double *sum = doubles(count, C), *size = magnitudes(count, C);
    reference_gemm(p.M, p.N, p.K, p.transpose_a, p.transpose_b, p.accumulate, doubles(a, A), lda, doubles(b, B), ldb,
                   sum, p.N + p.padding);
    reference_gemm(p.M, p.N, p.K, p.transpose_a, p.transpose_b, p.accumulate, magnitudes(a, A), lda, magnitudes(b, B),
                   ldb, size, p.N + p.padding);
    must(lens_gemm_f32(c.one, p.M, p.N, p.K, p.transpose_a, p.transpose_b, p.accumulate, A, lda, B, ldb, C,
                       p.N + p.padding));
    must(lens_gemm_f32(c.three, p.M, p.N, p.K, p.transpose_a, p.transpose_b, p.accumulate, A, lda, B, ldb, again,
                       p.N + p.padding));
    // In any order of the additions; what lies between the rows is left as it was, which is what is expected of it.
    expect_close("C", count, C, sum, (double)(p.K + 2) * ROUNDING * 1.01, size);
    expect_same("C of three threads", count, again, C);
    free_all();
}

// A row's bits do not depend on how many rows there are, nor on how B lies.
static void check_one_row(contexts c) {
    enum { M = 40, N = 53, K = 600 };
    at_work_on("a row of a product");
    float *A = numbers(M * K), *B = numbers(N * K), *turned = numbers(N * K), *C = nothing(M * N), *row = nothing(N);
    for (size_t i = 0; i < N; i++)
        for (size_t k = 0; k < K; k++) turned[k * N + i] = B[i * K + k];
    must(lens_gemm_f32(c.one, M, N, K, false, true, false, A, K, B, K, C, N));
    for (size_t i = 0; i < M; i += 13) {
        must(lens_gemm_f32(c.one, 1, N, K, false, true, false, A + i * K, K, B, K, row, N));
        expect_same("the row alone", N, row, C + i * N);
        must(lens_gemm_f32(c.one, 1, N, K, false, false, false, A + i * K, K, turned, N, row, N));
        expect_same("the row with B turned", N, row, C + i * N);
    }
    free_all();
}

void check_products(contexts c) {
    // Around the tiles of all instruction sets: 4 x 4, 6 x 16, 8 x 12, 8 x 48.
    static const size_t rows[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 17};
    static const size_t columns[] = {1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 16, 17, 25, 47, 48, 49};
    static const size_t depths[] = {1, 2, 3, 4, 5, 8, 17, 35};
    // Around the steps along K (576), few rows (256), blocks, and rows of B that collide in a cache (2048).
    static const size_t large[][3] = {{9, 50, 576},  {9, 50, 577},   {5, 17, 1153}, {1, 1, 5000},  {63, 33, 20},
                                      {65, 33, 20},  {257, 33, 20},  {150, 70, 40}, {40, 577, 12}, {70, 100, 600},
                                      {33, 2048, 7}, {129, 130, 30}, {1, 300, 70},  {3, 1, 0}};
    for (int form = 0; form < 8; form++) {
        bool ta = form & 1, tb = form & 2, accumulate = form & 4;
        for (size_t i = 0; i < COUNT(rows); i++)
            for (size_t j = 0; j < COUNT(columns); j++) {
                size_t K = depths[(i * 5 + j) % COUNT(depths)], padding = (i + j) % 3;
                check(c, (product){rows[i], columns[j], K, padding, ta, tb, accumulate});
            }
        for (size_t i = 0; i < COUNT(large); i++)
            check(c, (product){large[i][0], large[i][1], large[i][2], i % 2 * 5, ta, tb, accumulate});
    }
    check_one_row(c);
}
