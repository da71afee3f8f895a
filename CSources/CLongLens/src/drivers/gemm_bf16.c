// Products with weights of 16 bits: A is packed once for all of them, pieces of C are computed by one thread each, by
// panels of W that stay in its second-level cache from one piece to the next.
#include "drivers/bf16.h"
#include "drivers/caches.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include <string.h>

enum {
    min_pieces = 16,       // in each direction that can give them
    blocks_of_piece = 4,   // of A, where the panels of all of K stay in the cache; what is waited for at the end
    blocks_of_reload = 16, // where they come once more for each piece
    blocks_of_packing = 64 // where they are packed for each piece
};

typedef struct work {
    lens_context *context;
    lens_bf16_rows a;
    bool accumulate;
    const lens_weights_product *products;
} work;

// How C is cut.
typedef struct pieces {
    size_t rows, panels; // of one
    size_t down, count;  // one above the other, and all
} pieces;

// The panels that a thread packs for itself: one tile's, or what is a quarter of the cache's share.
static size_t most_own_panels(const lens_bf16_kernels *kernels, size_t K) {
    size_t one = kernels->panels * lens_bf16_panel_bytes(K);
    return max(1, lens_l2_panel_bytes() / 4 / max(one, 1)) * kernels->panels;
}

static pieces pieces_of(const lens_bf16_rows *a, const lens_weights *W) {
    const lens_bf16_kernels *kernels = a->kernels;
    size_t blocks = ceil_div(a->M, kernels->MR), tiles = ceil_div(lens_bf16_panel_count(W->N), kernels->panels);
    size_t cached = lens_l2_panel_bytes(), tile = kernels->panels * lens_bf16_panel_bytes(a->K), high, widest;
    if (tiles == 0) return (pieces){0};
    if (W->packed == NULL) {
        high = min(blocks_of_packing, blocks), widest = most_own_panels(kernels, a->K) / kernels->panels;
    } else if (2 * tile <= cached) {
        high = min(blocks_of_piece, blocks / min_pieces), widest = cached / tile;
    } else {
        size_t part = kernels->panels * lens_bf16_part_pairs(a->K) * lens_bf16_panel_rows * sizeof(float);
        high = min(blocks_of_reload, blocks / min_pieces), widest = cached / part;
    }
    high = max(1, high), widest = max(1, widest);
    size_t down = ceil_div(blocks, high), across = min(tiles, max(ceil_div(tiles, widest), ceil_div(min_pieces, down)));
    size_t wide = ceil_div(tiles, across);
    return (pieces){high * kernels->MR, wide * kernels->panels, down, down * ceil_div(tiles, wide)};
}

static void piece(void *argument, size_t index, size_t thread) {
    const work *x = argument;
    const lens_weights_product *product = x->products;
    pieces cut = pieces_of(&x->a, product->W);
    for (; index >= cut.count; cut = pieces_of(&x->a, product->W)) index -= cut.count, product++;
    const lens_weights *W = product->W;
    size_t row = index % cut.down * cut.rows, first = index / cut.down * cut.panels;
    size_t count = min(cut.panels, lens_bf16_panel_count(W->N) - first), column = first * lens_bf16_panel_rows;
    const float *panels = W->packed;
    if (panels != NULL) {
        panels += first * lens_bf16_panel_words(W->K);
    } else {
        // Thread 0 has the packed rows in front.
        char *own = lens_scratch_of(x->context, thread);
        if (thread == 0) own += lens_bf16_rows_bytes(x->a.kernels, x->a.M, W->K);
        lens_bf16_pack_panels(x->a.kernels, W, first, count, (float *)own);
        panels = (const float *)own;
    }
    lens_bf16_multiply(&x->a, row, min(cut.rows, x->a.M - row), min(count * lens_bf16_panel_rows, W->N - column),
                       x->accumulate, panels, product->C + row * product->ldc + column, product->ldc);
}

static size_t own_bytes(const lens_bf16_kernels *kernels, size_t K, bool packed) {
    return packed ? 0 : most_own_panels(kernels, K) * lens_bf16_panel_bytes(K);
}

lens_scratch_need lens_gemm_bf16_scratch(const lens_context *context, size_t M, size_t K, bool packed) {
    const lens_bf16_kernels *kernels = &context->kernels->bf16;
    size_t own = own_bytes(kernels, K, packed);
    return (lens_scratch_need){lens_bf16_rows_bytes(kernels, M, K) + own, own};
}

static void clear(size_t M, const lens_weights_product *product) {
    for (size_t i = 0; i < M; i++) memset(product->C + i * product->ldc, 0, product->W->N * sizeof(float));
}

lens_status lens_gemm_bf16(lens_context *context, size_t M, size_t K, bool accumulate, const float *A, size_t lda,
                           size_t count, const lens_weights_product *products) {
    bool packed = true;
    for (size_t i = 0; i < count; i++) {
        if (!lens_bf16_takes(products[i].W) || products[i].W->K != K) return LENS_INVALID;
        packed = packed && products[i].W->packed != NULL;
    }
    if (K == 0 && !accumulate)
        for (size_t i = 0; i < count; i++) clear(M, &products[i]);
    if (M == 0 || K == 0) return LENS_OK;
    lens_status status = lens_scratch_reserve(context, lens_gemm_bf16_scratch(context, M, K, packed));
    if (status != LENS_OK) return status;
    work x = {context, lens_bf16_pack_rows(context, M, K, A, lda, lens_scratch_of(context, 0)), accumulate, products};
    size_t all = 0;
    for (size_t i = 0; i < count; i++) all += pieces_of(&x.a, products[i].W).count;
    lens_parallel_for(context, all, piece, &x);
    return LENS_OK;
}
