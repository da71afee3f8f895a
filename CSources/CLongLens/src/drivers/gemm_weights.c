// Products with quantized weights. A is rounded once for all of them; pieces are a few panels with as many rows of A as
// stay in the second-level cache, so that a panel is read from memory once for all of them.
#include "drivers/caches.h"
#include "drivers/weights.h"
#include "runtime/context.h"
#include "runtime/scratch.h"

enum { panels_of_piece = 2 };

typedef struct work {
    lens_context *context;
    lens_rounded a;
    size_t rows; // of A in a piece
    bool accumulate;
    const lens_weights_product *products;
    size_t pieces_of_rows; // pieces that the same rows of A are in
} work;

static size_t pieces_of(const lens_weights *W) { return ceil_div(lens_panel_count(W->N), panels_of_piece); }

static void piece(void *argument, size_t index, size_t thread) {
    const work *x = argument;
    const lens_int8_kernels *kernels = &x->context->kernels->int8;
    size_t row = index / x->pieces_of_rows * x->rows, part = index % x->pieces_of_rows;
    const lens_weights_product *product = x->products;
    for (; part >= pieces_of(product->W); product++) part -= pieces_of(product->W);
    const lens_weights *W = product->W;
    // Thread 0 has the rounded rows in front.
    char *own = lens_scratch_of(x->context, thread);
    if (thread == 0) own += lens_rounded_bytes(kernels, x->a.M, x->a.K);
    size_t first = part * panels_of_piece;
    for (size_t p = first; p < min(first + panels_of_piece, lens_panel_count(W->N)); p++) {
        size_t column = p * lens_panel_rows;
        lens_multiply_panel(kernels, &x->a, row, min(x->rows, x->a.M - row), min(lens_panel_rows, W->N - column),
                            x->accumulate, lens_panel(kernels, W, p, own), product->C + row * product->ldc + column,
                            product->ldc);
    }
}

// Rows of A whose rounded form takes half of the second-level cache, in whole blocks.
static size_t rows_of_piece(const lens_int8_kernels *kernels, size_t M, size_t K) {
    size_t blocks = max(1, lens_l2_bytes() / 2 / lens_rounded_bytes(kernels, 1, K)), all = ceil_div(M, kernels->MR);
    // Parts of equal size, not a short last one.
    return ceil_div(all, ceil_div(all, blocks)) * kernels->MR;
}

lens_scratch_need lens_gemm_weights_scratch(const lens_context *context, size_t M, size_t K, bool packed) {
    size_t panel = packed ? 0 : lens_own_panel_bytes(K);
    return (lens_scratch_need){lens_rounded_bytes(&context->kernels->int8, M, K) + panel, panel};
}

lens_status lens_gemm_weights(lens_context *context, size_t M, size_t K, bool accumulate, const float *A, size_t lda,
                              size_t count, const lens_weights_product *products) {
    const lens_int8_kernels *kernels = &context->kernels->int8;
    work x = {.context = context, .accumulate = accumulate, .products = products};
    bool packed = true;
    for (size_t i = 0; i < count; i++) {
        const lens_weights *W = products[i].W;
        if (!lens_weights_usable(W) || W->K != K) return LENS_INVALID;
        packed = packed && W->packed != NULL;
        x.pieces_of_rows += pieces_of(W);
    }
    if (M == 0 || x.pieces_of_rows == 0) return LENS_OK;
    lens_status status = lens_scratch_reserve(context, lens_gemm_weights_scratch(context, M, K, packed));
    if (status != LENS_OK) return status;
    x.a = lens_round(context, M, K, A, lda, lens_scratch_of(context, 0));
    x.rows = rows_of_piece(kernels, M, K);
    lens_parallel_for(context, ceil_div(M, x.rows) * x.pieces_of_rows, piece, &x);
    return LENS_OK;
}
