// The losses of a head of weights of 16 bits.
#include "drivers/bf16.h"
#include "drivers/head.h"

enum { panels_of_part = 12, columns_of_part = panels_of_part * lens_bf16_panel_rows };

typedef struct head_bf16 {
    lens_head_product product;
    lens_context *context;
    const lens_weights *W;
    const float *A;
    size_t lda;
    lens_bf16_rows rows; // that are ready
} head_bf16;

static void ready_rows(void *product, size_t row, size_t m, void *shared) {
    head_bf16 *x = product;
    x->rows = lens_bf16_pack_rows(x->context, m, x->W->K, x->A + row * x->lda, x->lda, shared);
}

static void ready_columns(const void *product, size_t column, size_t n, void *own) {
    const head_bf16 *x = product;
    if (x->W->packed == NULL)
        lens_bf16_pack_panels(&x->context->kernels->bf16, x->W, column / lens_bf16_panel_rows, lens_bf16_panel_count(n),
                              own);
}

static void multiply(const void *product, size_t row, size_t m, size_t column, size_t n, const void *own, float *logits,
                     size_t stride) {
    const head_bf16 *x = product;
    const lens_weights *W = x->W;
    const float *panels = W->packed == NULL
                              ? own
                              : (const float *)W->packed + column / lens_bf16_panel_rows * lens_bf16_panel_words(W->K);
    lens_bf16_multiply(&x->rows, row, m, n, false, panels, logits, stride);
}

static head_bf16 describe(const lens_context *context, size_t M, size_t N, size_t K, bool packed) {
    size_t rows = lens_bf16_rows_bytes(&context->kernels->bf16, lens_head_most_rows(M), K);
    size_t own = packed ? 0 : min(lens_bf16_panel_count(N), panels_of_part) * lens_bf16_panel_bytes(K);
    head_bf16 x = {.product = {M, N, .columns = columns_of_part}};
    x.product.shared_bytes = round_up(rows, 64), x.product.own_bytes = round_up(own, 64);
    x.product.ready_rows = ready_rows, x.product.ready_columns = ready_columns, x.product.multiply = multiply;
    return x;
}

lens_scratch_need lens_head_losses_bf16_scratch(const lens_context *context, size_t M, size_t N, size_t K,
                                                bool packed) {
    head_bf16 x = describe(context, M, N, K, packed);
    return lens_head_scratch(&x.product);
}

lens_status lens_head_losses_bf16(lens_context *context, size_t M, const float *A, size_t lda, const lens_weights *W,
                                  const int32_t *targets, float *nll) {
    if (!lens_bf16_takes(W) || W->N == 0 || W->K == 0) return LENS_INVALID;
    head_bf16 x = describe(context, M, W->N, W->K, W->packed != NULL);
    x.context = context, x.W = W, x.A = A, x.lda = lda;
    return lens_head_run(context, &x, &(lens_head_results){.targets = targets, .nll = nll});
}
