#include "lens/embedding.h"
#include "drivers/pieces.h"
#include "runtime/context.h"
#include <string.h>

// Columns of one piece of the backward: four cache lines, so that a small hidden size still makes several pieces.
enum { stripe = 64 };

typedef struct embedding_work {
    const lens_row_kernels *row;
    float *to;
    const float *from;
    const int32_t *tokens;
    size_t T, C, rows;
} embedding_work;

static void gather_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const embedding_work *w = argument;
    lens_piece p = lens_piece_at(index, w->T, w->rows);
    for (size_t t = p.start; t < p.start + p.count; t++)
        memcpy(w->to + t * w->C, w->from + (size_t)w->tokens[t] * w->C, w->C * sizeof(float));
}

lens_status lens_embedding_forward(lens_context *context, size_t T, size_t C, const float *table, const int32_t *tokens,
                                   float *out) {
    embedding_work work = {NULL, out, table, tokens, T, C, lens_piece_rows(C)};
    lens_parallel_for(context, ceil_div(T, work.rows), gather_piece, &work);
    return LENS_OK;
}

// A token may come more than once: a piece owns some columns and adds all tokens' rows of them in order.
static void scatter_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const embedding_work *w = argument;
    lens_piece p = lens_piece_at(index, w->C, stripe);
    for (size_t t = 0; t < w->T; t++)
        w->row->add(p.count, w->from + t * w->C + p.start, w->to + (size_t)w->tokens[t] * w->C + p.start);
}

lens_status lens_embedding_backward(lens_context *context, size_t T, size_t C, const float *dout, const int32_t *tokens,
                                    float *dtable) {
    embedding_work work = {&context->kernels->row, dtable, dout, tokens, T, C, 0};
    lens_parallel_for(context, ceil_div(C, stripe), scatter_piece, &work);
    return LENS_OK;
}
