#include "rope.h"
#include "dispatch.h"
#include "drivers/pieces.h"
#include "parallel.h"

typedef struct rotation {
    const lens_kernel_table *kernels;
    float *x;
    const float *cos, *sin;
    size_t T, heads, HS, half, rows;
    int transpose;
} rotation;

static void rotate_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const rotation *w = context;
    lens_piece piece = lens_piece_at(index, w->T, w->rows);
    for (size_t t = piece.start; t < piece.start + piece.count; t++)
        w->kernels->row.rope(w->x + t * w->heads * w->HS, w->cos + t * w->half, w->sin + t * w->half, w->heads, w->HS,
                             w->half, w->transpose);
}

static void rotate(float *x, const float *cos, const float *sin, size_t T, size_t heads, size_t HS, size_t rotary,
                   int transpose) {
    size_t rows = lens_piece_rows(heads * HS);
    rotation work = {lens_kernels(), x, cos, sin, T, heads, HS, rotary / 2, rows, transpose};
    lens_parallel_for(lens_piece_count(T, rows), rotate_piece, &work);
}

void lens_rope_forward(float *x, const float *cos, const float *sin, size_t T, size_t heads, size_t HS, size_t rotary) {
    rotate(x, cos, sin, T, heads, HS, rotary, 0);
}

void lens_rope_backward(float *dx, const float *cos, const float *sin, size_t T, size_t heads, size_t HS,
                        size_t rotary) {
    rotate(dx, cos, sin, T, heads, HS, rotary, 1);
}
