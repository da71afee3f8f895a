// The losses of a head of fp32 weights: its columns are packed part by part, once for all rows that pass over them.
#include "drivers/gemm_block.h"
#include "drivers/head.h"
#include "lens/gemm.h"
#include "lens/loss.h"
#include "sizes.h"

// A whole number of every NR. Their panels stay in the second-level cache where K is a few hundred.
enum { columns_of_part = 192 };

typedef struct head_f32 {
    lens_head_product product;
    const lens_gemm_kernels *kernels;
    const float *A, *W;
    size_t K, KC, lda, first; // `first`: of the rows that are ready
} head_f32;

static void ready_rows(void *product, size_t row, size_t m, void *shared) {
    (void)m, (void)shared;
    ((head_f32 *)product)->first = row;
}

// Panels over the first KC positions, side by side, then over the next ones.
static void ready_columns(const void *product, size_t column, size_t n, void *own) {
    const head_f32 *x = product;
    size_t NR = x->kernels->NR, width = round_up(n, NR);
    for (size_t done = 0; done < x->K; done += x->KC) {
        size_t k = min(x->KC, x->K - done);
        for (size_t j = 0; j < n; j += NR)
            x->kernels->pack_b(min(NR, n - j), k, true, x->W + (column + j) * x->K + done, x->K,
                               (float *)own + done * width + j * k);
    }
}

// The chains of multiply-adds are those of the product that stores logits.
static void multiply(const void *product, size_t row, size_t m, size_t column, size_t n, const void *own, float *logits,
                     size_t stride) {
    (void)column;
    const head_f32 *x = product;
    size_t width = round_up(n, x->kernels->NR), at = x->first + row;
    for (size_t done = 0; done < x->K; done += x->KC) {
        size_t k = min(x->KC, x->K - done);
        lens_gemm_strip a = {{x->A + at * x->lda + done, x->lda, 1}, x->lda, x->product.M - at};
        lens_multiply_block(x->kernels, m, n, k, done > 0, a,
                            lens_packed_columns(x->kernels, n, k, (const float *)own + done * width), logits, stride);
    }
}

static head_f32 describe(const lens_context *context, size_t M, size_t N, size_t K) {
    const lens_gemm_kernels *kernels = &context->kernels->gemm;
    head_f32 x = {.product = {M, N, .columns = columns_of_part}, .kernels = kernels, .K = K, .KC = lens_gemm_kc(K)};
    size_t width = round_up(min(N, columns_of_part), kernels->NR);
    x.product.own_bytes = round_up(width * K * sizeof(float), 64);
    x.product.ready_rows = ready_rows, x.product.ready_columns = ready_columns, x.product.multiply = multiply;
    return x;
}

lens_scratch_need lens_head_losses_f32_scratch(const lens_context *context, size_t M, size_t N, size_t K) {
    head_f32 x = describe(context, M, N, K);
    return lens_head_scratch(&x.product);
}

lens_status lens_head_losses_f32(lens_context *context, size_t M, size_t N, size_t K, const float *A, size_t lda,
                                 const float *W, const int32_t *targets, float *nll, float *lse, float *logits) {
    if (N == 0 || K == 0) return LENS_INVALID;
    head_f32 x = describe(context, M, N, K);
    x.A = A, x.lda = lda, x.W = W;
    return lens_head_run(context, &x, &(lens_head_results){targets, nll, lse, logits});
}
