#include "norm.h"
#include "dispatch.h"
#include "drivers/pieces.h"
#include "parallel.h"
#include <string.h>

typedef struct forward_work {
    const lens_kernel_table *kernels;
    float *out, *rstd;
    const float *x, *weight;
    size_t T, C, rows;
    float epsilon;
} forward_work;

static void forward_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const forward_work *w = context;
    lens_piece piece = lens_piece_at(index, w->T, w->rows);
    w->kernels->row.rmsnorm(w->out + piece.start * w->C, w->rstd == NULL ? NULL : w->rstd + piece.start,
                            w->x + piece.start * w->C, w->weight, piece.count, w->C, w->epsilon);
}

void lens_rmsnorm_forward(float *out, float *rstd, const float *x, const float *weight, size_t T, size_t C,
                          float epsilon) {
    forward_work work = {lens_kernels(), out, rstd, x, weight, T, C, lens_piece_rows(C), epsilon};
    lens_parallel_for(lens_piece_count(T, work.rows), forward_piece, &work);
}

typedef struct backward_work {
    const lens_kernel_table *kernels;
    float *dx, *partial;
    const float *dout, *x, *weight, *rstd;
    size_t T, C, rows;
    int accumulate;
} backward_work;

static void backward_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const backward_work *w = context;
    lens_piece piece = lens_piece_at(index, w->T, w->rows);
    size_t start = piece.start * w->C;
    float *dweight = w->partial + index * w->C;
    memset(dweight, 0, w->C * sizeof(float));
    w->kernels->row.rmsnorm_backward(w->dx + start, dweight, w->dout + start, w->x + start, w->weight,
                                     w->rstd + piece.start, piece.count, w->C, w->accumulate);
}

void lens_rmsnorm_backward(float *dx, float *dweight, const float *dout, const float *x, const float *weight,
                           const float *rstd, size_t T, size_t C, int accumulate_dx) {
    if (T == 0 || C == 0) return;
    size_t rows = lens_partial_sum_rows(T), count = lens_piece_count(T, rows);
    float *partial = lens_scratch(0, count * C * sizeof(float));
    backward_work work = {lens_kernels(), dx, partial, dout, x, weight, rstd, T, C, rows, accumulate_dx};
    lens_parallel_for(count, backward_piece, &work);
    lens_combine_partial_sums(dweight, partial, count, C);
}
