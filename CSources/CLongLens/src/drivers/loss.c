#include "lens/loss.h"
#include "drivers/pieces.h"
#include "runtime/context.h"
#include <string.h>

typedef struct backward_work {
    const lens_row_kernels *row;
    float *logits;
    const float *lse, *weight;
    const int32_t *targets;
    size_t rows, V, size;
} backward_work;

static void backward_row(const backward_work *w, size_t row) {
    float *logits = w->logits + row * w->V, weight = w->weight[row];
    if (weight == 0) {
        memset(logits, 0, w->V * sizeof(float));
        return;
    }
    w->row->scaled_softmax(w->V, w->lse[row], weight, logits);
    logits[w->targets[row]] -= weight;
}

static void backward_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const backward_work *w = argument;
    lens_piece p = lens_piece_at(index, w->rows, w->size);
    for (size_t row = p.start; row < p.start + p.count; row++) backward_row(w, row);
}

lens_status lens_cross_entropy_backward(lens_context *context, size_t rows, size_t V, const int32_t *targets,
                                        const float *lse, const float *weight, float *logits) {
    backward_work work = {&context->kernels->row, logits, lse, weight, targets, rows, V, lens_piece_rows(V)};
    lens_parallel_for(context, ceil_div(rows, work.size), backward_piece, &work);
    return LENS_OK;
}
