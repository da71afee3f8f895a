#include "lens/rope.h"
#include "drivers/pieces.h"
#include "drivers/spans.h"
#include "runtime/context.h"

typedef struct rotation {
    const lens_kernel_table *kernels;
    float *x;
    const float *cos, *sin;
    lens_spans spans;
    size_t T, heads, HS, half, rows;
    bool transpose;
} rotation;

static void rotate_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const rotation *w = argument;
    lens_piece piece = lens_piece_at(index, w->T, w->rows);
    size_t span = lens_span_of_row(w->spans, piece.start);
    for (size_t t = piece.start; t < piece.start + piece.count; t++) {
        while (t >= w->spans.bounds[span + 1]) span++;
        size_t position = t - w->spans.bounds[span];
        w->kernels->row.rope(w->heads, w->HS, w->half, w->transpose, w->cos + position * w->half,
                             w->sin + position * w->half, w->x + t * w->heads * w->HS);
    }
}

static lens_status rotate(lens_context *context, size_t T, lens_spans spans, size_t heads, size_t HS, size_t rotary,
                          const float *cos, const float *sin, bool transpose, float *x) {
    size_t rows = lens_piece_rows(heads * HS), whole[2];
    if (!lens_spans_of_rows(&spans, T, whole)) return LENS_INVALID;
    rotation work = {context->kernels, x, cos, sin, spans, T, heads, HS, rotary / 2, rows, transpose};
    lens_parallel_for(context, ceil_div(T, rows), rotate_piece, &work);
    return LENS_OK;
}

lens_status lens_rope_forward(lens_context *context, size_t T, lens_spans spans, size_t heads, size_t HS, size_t rotary,
                              const float *cos, const float *sin, float *x) {
    return rotate(context, T, spans, heads, HS, rotary, cos, sin, false, x);
}

lens_status lens_rope_backward(lens_context *context, size_t T, size_t heads, size_t HS, size_t rotary,
                               const float *cos, const float *sin, float *dx) {
    return rotate(context, T, (lens_spans){0}, heads, HS, rotary, cos, sin, true, dx);
}
