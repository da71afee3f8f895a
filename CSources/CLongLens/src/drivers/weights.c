// Packing of quantized weights, and rounding of what they are multiplied with.
#include "drivers/weights.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include <string.h>

size_t lens_packed_weights_bytes(int type, size_t N, size_t K) {
    return lens_panel_count(N) * lens_panel_bytes(type, K);
}

// The integers of one row, its scales and minima, and the row decoded.
size_t lens_panel_scratch(size_t K) { return round_up(K, 64) + (2 * (K / lens_group) + K) * sizeof(float); }

size_t lens_weights_stored_row(size_t head_size, size_t row) {
    size_t half = head_size / 2;
    if (half == 0) return row;
    size_t in_head = row % head_size;
    return row - in_head + 2 * (in_head % half) + in_head / half;
}

void lens_pack_panel(const lens_weights *W, size_t index, void *scratch, void *panel) {
    size_t groups = W->K / lens_group, row_bytes = W->K / lens_type_block_elements(W->type);
    row_bytes *= lens_type_block_bytes(W->type);
    bool has_minimum = lens_type_has_minimum(W->type);
    size_t group_bytes = lens_panel_group_bytes(has_minimum);
    lens_integers row = {.integers = scratch, .scale = (float *)((char *)scratch + round_up(W->K, 64))};
    row.minimum = row.scale + groups, row.decoded = row.minimum + groups;
    for (size_t lane = 0; lane < lens_panel_rows; lane++) {
        size_t r = index * lens_panel_rows + lane;
        bool exists = r < W->N;
        if (exists) {
            lens_row_integers(W->K, W->type,
                              (const char *)W->blocks + lens_weights_stored_row(W->head_size, r) * row_bytes, &row);
        } else {
            memset(scratch, 0, lens_panel_scratch(W->K));
        }
        for (size_t g = 0; g < groups; g++) {
            lens_panel_group *to = (lens_panel_group *)((char *)panel + g * group_bytes);
            for (size_t k = 0; k < lens_group_words; k++) {
                uint32_t word;
                memcpy(&word, row.integers + g * lens_group + 4 * k, sizeof word);
                word ^= 0x80808080u; // plus 128
                memcpy(to->integers[k][lane], &word, sizeof word);
            }
            to->scale[lane] = row.scale[g];
            if (has_minimum) to->minimum[lane] = row.minimum[g];
        }
    }
}

// What packing takes comes first.
size_t lens_own_panel_bytes(int type, size_t K) {
    return round_up(lens_panel_scratch(K), 64) + lens_panel_bytes(type, K);
}

const void *lens_panel(const lens_weights *W, size_t index, char *own) {
    if (W->packed != NULL) return (const char *)W->packed + index * lens_panel_bytes(W->type, W->K);
    char *panel = own + round_up(lens_panel_scratch(W->K), 64);
    lens_pack_panel(W, index, own, panel);
    return panel;
}

typedef struct pack_work {
    lens_context *context;
    const lens_weights *W;
    char *packed;
} pack_work;

static void pack_piece(void *argument, size_t index, size_t thread) {
    const pack_work *w = argument;
    lens_pack_panel(w->W, index, lens_scratch_of(w->context, thread),
                    w->packed + index * lens_panel_bytes(w->W->type, w->W->K));
}

lens_scratch_need lens_pack_weights_scratch(size_t K) {
    return (lens_scratch_need){lens_panel_scratch(K), lens_panel_scratch(K)};
}

lens_status lens_pack_weights(lens_context *context, const lens_weights *W, void *packed) {
    if (!lens_weights_computed(W->type) || W->K % lens_group != 0) return LENS_INVALID;
    if (!lens_scratch_take(context, context->threads, lens_panel_scratch(W->K))) return LENS_NO_MEMORY;
    pack_work work = {context, W, packed};
    lens_parallel_for(context, lens_panel_count(W->N), pack_piece, &work);
    return LENS_OK;
}

// MARK: What is multiplied with them

static size_t block_bytes(size_t MR, size_t K) { return round_up(K / lens_group * lens_rounded_group_bytes(MR), 64); }

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
                         bool has_minimum, bool accumulate, const void *panel, float *c, size_t ldc) {
    for (size_t i = 0; i < m; i += a->MR)
        kernels->tile(min(a->MR, m - i), n, a->K / lens_group, has_minimum, accumulate,
                      a->blocks + (row + i) / a->MR * a->block_bytes, panel, c + i * ldc, ldc);
}
