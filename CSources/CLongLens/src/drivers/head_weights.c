// The losses of a head of quantized weights.
#include "drivers/head.h"
#include "drivers/weights.h"
#include "lens/weights.h"

enum { panels_of_part = 32, columns_of_part = panels_of_part * lens_panel_rows };

typedef struct head_weights {
    lens_head_product product;
    lens_context *context;
    const lens_weights *W;
    const float *A;
    size_t lda;
    lens_rounded rounded; // the rows that are ready
} head_weights;

static void ready_rows(void *product, size_t row, size_t m, void *shared) {
    head_weights *x = product;
    x->rounded = lens_round(x->context, m, x->W->K, x->A + row * x->lda, x->lda, shared);
}

// Where the panels of a part lie, and, where W has none, room for them.
typedef struct part {
    const void *panels[panels_of_part];
    _Alignas(64) char packed[];
} part;

static void ready_columns(const void *product, size_t column, size_t n, void *own) {
    const head_weights *x = product;
    part *p = own;
    size_t bytes = lens_own_panel_bytes(x->W->K);
    for (size_t i = 0; i * lens_panel_rows < n; i++)
        p->panels[i] =
            lens_panel(&x->context->kernels->int8, x->W, column / lens_panel_rows + i, p->packed + i * bytes);
}

static void multiply(const void *product, size_t row, size_t m, size_t column, size_t n, const void *own, float *logits,
                     size_t stride) {
    (void)column;
    const head_weights *x = product;
    const part *p = own;
    for (size_t i = 0, j = 0; j < n; i++, j += lens_panel_rows)
        lens_multiply_panel(&x->context->kernels->int8, &x->rounded, row, m, min(lens_panel_rows, n - j), false,
                            p->panels[i], logits + j, stride);
}

static head_weights describe(const lens_context *context, size_t M, size_t N, size_t K, bool packed) {
    size_t rounded = lens_rounded_bytes(&context->kernels->int8, lens_head_most_rows(M), K);
    size_t own = packed ? 0 : min(lens_panel_count(N), panels_of_part) * lens_own_panel_bytes(K);
    head_weights x = {.product = {M, N, .columns = columns_of_part}};
    x.product.shared_bytes = round_up(rounded, 64), x.product.own_bytes = round_up(sizeof(part) + own, 64);
    x.product.ready_rows = ready_rows, x.product.ready_columns = ready_columns, x.product.multiply = multiply;
    return x;
}

lens_scratch_need lens_head_losses_scratch(const lens_context *context, size_t M, size_t N, size_t K, bool packed) {
    head_weights x = describe(context, M, N, K, packed);
    return lens_head_scratch(&x.product);
}

lens_status lens_head_losses(lens_context *context, size_t M, const float *A, size_t lda, const lens_weights *W,
                             const int32_t *targets, float *nll) {
    if (!lens_weights_usable(W) || W->N == 0) return LENS_INVALID;
    head_weights x = describe(context, M, W->N, W->K, W->packed != NULL);
    x.context = context, x.W = W, x.A = A, x.lda = lda;
    return lens_head_run(context, &x, &(lens_head_results){.targets = targets, .nll = nll});
}
