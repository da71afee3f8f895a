#include "lens/rope.h"
#include "drivers/pieces.h"
#include "runtime/context.h"

typedef struct rotation {
    const lens_kernel_table *kernels;
    float *x;
    const float *cos, *sin;
    size_t T, heads, HS, half, rows;
    bool transpose;
} rotation;

static void rotate_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const rotation *w = argument;
    lens_piece piece = lens_piece_at(index, w->T, w->rows);
    for (size_t t = piece.start; t < piece.start + piece.count; t++)
        w->kernels->row.rope(w->heads, w->HS, w->half, w->transpose, w->cos + t * w->half, w->sin + t * w->half,
                             w->x + t * w->heads * w->HS);
}

static lens_status rotate(lens_context *context, size_t T, size_t heads, size_t HS, size_t rotary, const float *cos,
                          const float *sin, bool transpose, float *x) {
    size_t rows = lens_piece_rows(heads * HS);
    rotation work = {context->kernels, x, cos, sin, T, heads, HS, rotary / 2, rows, transpose};
    lens_parallel_for(context, ceil_div(T, rows), rotate_piece, &work);
    return LENS_OK;
}

lens_status lens_rope_forward(lens_context *context, size_t T, size_t heads, size_t HS, size_t rotary, const float *cos,
                              const float *sin, float *x) {
    return rotate(context, T, heads, HS, rotary, cos, sin, false, x);
}

lens_status lens_rope_backward(lens_context *context, size_t T, size_t heads, size_t HS, size_t rotary,
                               const float *cos, const float *sin, float *dx) {
    return rotate(context, T, heads, HS, rotary, cos, sin, true, dx);
}
