// The product with quantized weights. A is rounded once; pieces are a few panels of W with as many rows of A as stay in
// the second-level cache, so that a panel is read from memory once for all of them.
#include "drivers/weights.h"
#include "runtime/context.h"
#include "runtime/scratch.h"

enum { panels_of_piece = 4, default_l2 = 512 << 10 };

typedef struct product {
    lens_context *context;
    const lens_weights *W;
    lens_rounded a;
    size_t rows; // of A in a piece
    bool accumulate;
    float *C;
    size_t ldc;
} product;

static void piece(void *argument, size_t index, size_t thread) {
    const product *x = argument;
    const lens_weights *W = x->W;
    size_t groups_of_panels = ceil_div(lens_panel_count(W->N), panels_of_piece);
    size_t row = index / groups_of_panels * x->rows, first = index % groups_of_panels * panels_of_piece;
    // Thread 0 has the rounded rows in front.
    char *own = lens_scratch_of(x->context, thread);
    if (thread == 0) own += lens_rounded_bytes(&x->context->kernels->int8, x->a.M, W->K);
    for (size_t p = first; p < min(first + panels_of_piece, lens_panel_count(W->N)); p++) {
        const void *panel = lens_panel(W, p, own);
        size_t column = p * lens_panel_rows;
        lens_multiply_panel(&x->context->kernels->int8, &x->a, row, min(x->rows, x->a.M - row),
                            min(lens_panel_rows, W->N - column), lens_type_has_minimum(W->type), x->accumulate, panel,
                            x->C + row * x->ldc + column, x->ldc);
    }
}

// Rows of A whose rounded form takes half of the second-level cache, in whole blocks.
static size_t rows_of_piece(const lens_int8_kernels *kernels, size_t M, size_t K) {
    size_t l2 = lens_cache_sizes().l2, block = lens_rounded_bytes(kernels, 1, K);
    if (l2 == 0) l2 = default_l2;
    size_t blocks = max(1, l2 / 2 / block), all = ceil_div(M, kernels->MR);
    // Parts of equal size, not a short last one.
    return ceil_div(all, ceil_div(all, blocks)) * kernels->MR;
}

lens_scratch_need lens_gemm_weights_scratch(const lens_context *context, size_t M, size_t N, size_t K) {
    (void)N;
    size_t panel = lens_own_panel_bytes(LENS_TYPE_Q4_1, K); // has the longest panels
    return (lens_scratch_need){lens_rounded_bytes(&context->kernels->int8, M, K) + panel, panel};
}

lens_status lens_gemm_weights(lens_context *context, size_t M, bool accumulate, const float *A, size_t lda,
                              const lens_weights *W, float *C, size_t ldc) {
    if (!lens_weights_computed(W->type) || W->K % lens_group != 0) return LENS_INVALID;
    if (M == 0 || W->N == 0) return LENS_OK;
    const lens_int8_kernels *kernels = &context->kernels->int8;
    size_t panel = W->packed == NULL ? lens_own_panel_bytes(W->type, W->K) : 0;
    if (!lens_scratch_take(context, 1, lens_rounded_bytes(kernels, M, W->K) + panel)) return LENS_NO_MEMORY;
    if (panel > 0 && !lens_scratch_take(context, context->threads, panel)) return LENS_NO_MEMORY;
    product x = {
        .context = context,
        .W = W,
        .a = lens_round(context, M, W->K, A, lda, lens_scratch_of(context, 0)),
        .rows = rows_of_piece(kernels, M, W->K),
        .accumulate = accumulate,
        .C = C,
        .ldc = ldc,
    };
    size_t groups_of_panels = ceil_div(lens_panel_count(W->N), panels_of_piece);
    lens_parallel_for(context, ceil_div(M, x.rows) * groups_of_panels, piece, &x);
    return LENS_OK;
}
