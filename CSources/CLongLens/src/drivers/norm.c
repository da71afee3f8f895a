#include "lens/norm.h"
#include "drivers/pieces.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include <string.h>

typedef struct forward_work {
    const lens_kernel_table *kernels;
    float *out, *rstd;
    const float *x, *weight;
    size_t T, C, rows;
    float epsilon;
} forward_work;

static void forward_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const forward_work *w = argument;
    lens_piece piece = lens_piece_at(index, w->T, w->rows);
    w->kernels->row.rmsnorm(piece.count, w->C, w->epsilon, w->x + piece.start * w->C, w->weight,
                            w->out + piece.start * w->C, w->rstd == NULL ? NULL : w->rstd + piece.start);
}

lens_status lens_rmsnorm_forward(lens_context *context, size_t T, size_t C, float epsilon, const float *x,
                                 const float *weight, float *out, float *rstd) {
    forward_work work = {context->kernels, out, rstd, x, weight, T, C, lens_piece_rows(C), epsilon};
    lens_parallel_for(context, ceil_div(T, work.rows), forward_piece, &work);
    return LENS_OK;
}

typedef struct backward_work {
    const lens_kernel_table *kernels;
    float *dx, *partial;
    const float *dout, *x, *weight, *rstd;
    size_t T, C, rows;
    bool accumulate_dx;
} backward_work;

static void backward_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const backward_work *w = argument;
    lens_piece piece = lens_piece_at(index, w->T, w->rows);
    size_t start = piece.start * w->C;
    float *dweight = w->partial + index * w->C;
    memset(dweight, 0, w->C * sizeof(float));
    w->kernels->row.rmsnorm_backward(piece.count, w->C, w->accumulate_dx, w->dout + start, w->x + start, w->weight,
                                     w->rstd + piece.start, w->dx + start, dweight);
}

lens_status lens_rmsnorm_backward(lens_context *context, size_t T, size_t C, bool accumulate_dx, const float *dout,
                                  const float *x, const float *weight, const float *rstd, float *dx, float *dweight) {
    if (T == 0 || C == 0) return LENS_OK;
    size_t rows = lens_partial_sum_rows(T), count = ceil_div(T, rows);
    if (!lens_scratch_take(context, 1, count * C * sizeof(float))) return LENS_NO_MEMORY;
    float *partial = lens_scratch_of(context, 0);
    backward_work work = {context->kernels, dx, partial, dout, x, weight, rstd, T, C, rows, accumulate_dx};
    lens_parallel_for(context, count, backward_piece, &work);
    lens_combine_partial_sums(context, count, C, partial, dweight);
    return LENS_OK;
}
