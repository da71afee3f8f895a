// Packing of quantized weights, and rounding of what they are multiplied with.
#include "drivers/weights.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include <string.h>

bool lens_weights_computed(int type) { return lens_type_block_elements(type) > 1; }

bool lens_weights_usable(const lens_weights *W) {
    return lens_weights_computed(W->type) && W->K % lens_type_block_elements(W->type) == 0;
}

size_t lens_packed_weights_bytes(size_t N, size_t K) { return lens_panel_count(N) * lens_panel_bytes(K); }

// A row decoded, in whole groups.
static size_t row_bytes(size_t K) { return lens_group_count(K) * lens_group * sizeof(float); }

size_t lens_weights_stored_row(size_t head_size, size_t row) {
    size_t half = head_size / 2;
    if (half == 0) return row;
    size_t in_head = row % head_size;
    return row - in_head + 2 * (in_head % half) + in_head / half;
}

static void pack_panel(const lens_int8_kernels *kernels, const lens_weights *W, size_t index, float *row, void *panel) {
    size_t stored_bytes = W->K / lens_type_block_elements(W->type) * lens_type_block_bytes(W->type);
    for (size_t lane = 0; lane < lens_panel_rows; lane++) {
        size_t r = index * lens_panel_rows + lane;
        memset(row, 0, row_bytes(W->K));
        if (r < W->N)
            lens_dequantize(W->K, W->type,
                            (const char *)W->blocks + lens_weights_stored_row(W->head_size, r) * stored_bytes, row);
        kernels->pack(W->K, row, lane, panel);
    }
}

// What packing takes comes first.
size_t lens_own_panel_bytes(size_t K) { return row_bytes(K) + lens_panel_bytes(K); }

const void *lens_panel(const lens_int8_kernels *kernels, const lens_weights *W, size_t index, char *own) {
    if (W->packed != NULL) return (const char *)W->packed + index * lens_panel_bytes(W->K);
    char *panel = own + row_bytes(W->K);
    pack_panel(kernels, W, index, (float *)own, panel);
    return panel;
}

typedef struct pack_work {
    lens_context *context;
    const lens_weights *W;
    char *packed;
} pack_work;

static void pack_piece(void *argument, size_t index, size_t thread) {
    const pack_work *w = argument;
    pack_panel(&w->context->kernels->int8, w->W, index, lens_scratch_of(w->context, thread),
               w->packed + index * lens_panel_bytes(w->W->K));
}

lens_scratch_need lens_pack_weights_scratch(size_t K) { return (lens_scratch_need){row_bytes(K), row_bytes(K)}; }

lens_status lens_pack_weights(lens_context *context, const lens_weights *W, void *packed) {
    if (!lens_weights_usable(W)) return LENS_INVALID;
    if (!lens_scratch_take(context, context->threads, row_bytes(W->K))) return LENS_NO_MEMORY;
    pack_work work = {context, W, packed};
    lens_parallel_for(context, lens_panel_count(W->N), pack_piece, &work);
    return LENS_OK;
}

// MARK: What is multiplied with them

static size_t block_bytes(size_t MR, size_t K) {
    return round_up(lens_group_count(K) * lens_rounded_group_bytes(MR), 64);
}

size_t lens_rounded_bytes(const lens_int8_kernels *kernels, size_t M, size_t K) {
    return ceil_div(M, kernels->MR) * block_bytes(kernels->MR, K);
}

typedef struct round_work {
    const lens_int8_kernels *kernels;
    lens_rounded result;
    const float *A;
    size_t lda;
} round_work;

static void round_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const round_work *w = argument;
    const lens_rounded *r = &w->result;
    size_t row = index * r->MR;
    w->kernels->round(min(r->MR, r->M - row), r->K, w->A + row * w->lda, w->lda, r->blocks + index * r->block_bytes);
}

lens_rounded lens_round(lens_context *context, size_t M, size_t K, const float *A, size_t lda, void *memory) {
    const lens_int8_kernels *kernels = &context->kernels->int8;
    lens_rounded result = {kernels->MR, M, K, block_bytes(kernels->MR, K), memory};
    round_work work = {kernels, result, A, lda};
    lens_parallel_for(context, ceil_div(M, kernels->MR), round_piece, &work);
    return result;
}

void lens_multiply_panel(const lens_int8_kernels *kernels, const lens_rounded *a, size_t row, size_t m, size_t n,
                         bool accumulate, const void *panel, float *c, size_t ldc) {
    for (size_t i = 0; i < m; i += a->MR)
        kernels->tile(min(a->MR, m - i), n, lens_group_count(a->K), accumulate,
                      a->blocks + (row + i) / a->MR * a->block_bytes, panel, c + i * ldc, ldc);
}
