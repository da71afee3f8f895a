#include "drivers/gemm_row.h"
#include "lens/gemm.h"
#include "sizes.h"

enum { columns_of_piece = 64 };

typedef struct row_product {
    const lens_gemm_kernels *kernels;
    size_t N, K, ldb;
    bool accumulate;
    const float *a, *b;
    float *c;
} row_product;

static void row_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const row_product *x = argument;
    size_t KC = lens_gemm_kc(x->K), end = min((index + 1) * columns_of_piece, x->N), NR = x->kernels->NR;
    for (size_t column = index * columns_of_piece; column < end; column += NR)
        for (size_t p = 0; p < x->K; p += KC)
            x->kernels->row(min(NR, end - column), min(KC, x->K - p), x->accumulate || p > 0, x->a + p,
                            x->b + column * x->ldb + p, x->ldb, x->c + column);
}

void lens_multiply_row(lens_context *context, size_t N, size_t K, bool accumulate, const float *A, const float *B,
                       size_t ldb, float *C, bool serial) {
    row_product x = {&context->kernels->gemm, N, K, ldb, accumulate, A, B, C};
    size_t pieces = ceil_div(N, columns_of_piece);
    if (!serial) {
        lens_parallel_for(context, pieces, row_piece, &x);
        return;
    }
    for (size_t i = 0; i < pieces; i++) row_piece(&x, i, 0);
}
