#include "lens/vector.h"
#include "drivers/pieces.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include <stdatomic.h>
#include <string.h>

// Elementwise maps: one description of the operands, one small function per map.
typedef struct elements {
    const lens_row_kernels *row;
    float *out, *second_out;
    const float *a, *b, *c;
    size_t n, C, rows;
} elements;

static lens_piece piece_of(const elements *w, size_t index) { return lens_piece_at(index, w->n, lens_piece_elements); }

static lens_status run(lens_context *context, lens_task task, elements *work) {
    work->row = &context->kernels->row;
    lens_parallel_for(context, ceil_div(work->n, lens_piece_elements), task, work);
    return LENS_OK;
}

static void exp_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const elements *w = argument;
    lens_piece p = piece_of(w, index);
    w->row->exp(p.count, w->a + p.start, w->out + p.start);
}

lens_status lens_exp(lens_context *context, size_t n, const float *x, float *out) {
    return run(context, exp_piece, &(elements){.out = out, .a = x, .n = n});
}

static void swiglu_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const elements *w = argument;
    lens_piece p = piece_of(w, index);
    w->row->swiglu(p.count, w->a + p.start, w->b + p.start, w->out + p.start);
}

lens_status lens_swiglu_forward(lens_context *context, size_t n, const float *gate, const float *up, float *out) {
    return run(context, swiglu_piece, &(elements){.out = out, .a = gate, .b = up, .n = n});
}

static void swiglu_backward_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const elements *w = argument;
    lens_piece p = piece_of(w, index);
    w->row->swiglu_backward(p.count, w->c + p.start, w->a + p.start, w->b + p.start, w->out + p.start,
                            w->second_out + p.start);
}

lens_status lens_swiglu_backward(lens_context *context, size_t n, const float *dout, const float *gate, const float *up,
                                 float *dgate, float *dup) {
    return run(context, swiglu_backward_piece,
               &(elements){.out = dgate, .second_out = dup, .a = gate, .b = up, .c = dout, .n = n});
}

static void bias_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const elements *w = argument;
    lens_piece p = lens_piece_at(index, w->n, w->rows);
    for (size_t row = p.start; row < p.start + p.count; row++) w->row->add(w->C, w->a, w->out + row * w->C);
}

lens_status lens_bias_forward(lens_context *context, size_t T, size_t C, const float *bias, float *x) {
    elements work = {.row = &context->kernels->row, .out = x, .a = bias, .n = T, .C = C, .rows = lens_piece_rows(C)};
    lens_parallel_for(context, ceil_div(T, work.rows), bias_piece, &work);
    return LENS_OK;
}

static void column_sum_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const elements *w = argument;
    lens_piece p = lens_piece_at(index, w->n, w->rows);
    float *sum = w->out + index * w->C;
    memcpy(sum, w->a + p.start * w->C, w->C * sizeof(float));
    for (size_t row = p.start + 1; row < p.start + p.count; row++) w->row->add(w->C, w->a + row * w->C, sum);
}

lens_status lens_bias_backward(lens_context *context, size_t T, size_t C, const float *dout, float *dbias) {
    if (T == 0 || C == 0) return LENS_OK;
    size_t rows = lens_partial_sum_rows(T), count = ceil_div(T, rows);
    if (!lens_scratch_take(context, 1, count * C * sizeof(float))) return LENS_NO_MEMORY;
    float *partial = lens_scratch_of(context, 0);
    elements work = {.row = &context->kernels->row, .out = partial, .a = dout, .n = T, .C = C, .rows = rows};
    lens_parallel_for(context, count, column_sum_piece, &work);
    lens_combine_partial_sums(context, count, C, partial, dbias);
    return LENS_OK;
}

lens_scratch_need lens_column_sums_scratch(size_t T, size_t C) {
    return (lens_scratch_need){min(ceil_div(T, lens_partial_rows), lens_partial_sums) * C * sizeof(float), 0};
}

typedef struct reduction {
    const lens_row_kernels *row;
    const float *x;
    size_t n;
    double *partial;
    _Atomic size_t first;
} reduction;

static void squares_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const reduction *w = argument;
    lens_piece p = lens_piece_at(index, w->n, lens_piece_elements);
    w->partial[index] = w->row->sum_of_squares(p.count, w->x + p.start);
}

lens_scratch_need lens_sum_of_squares_scratch(size_t n) {
    return (lens_scratch_need){ceil_div(n, lens_piece_elements) * sizeof(double), 0};
}

lens_status lens_sum_of_squares(lens_context *context, size_t n, const float *x, double *sum) {
    size_t count = ceil_div(n, lens_piece_elements);
    if (!lens_scratch_take(context, 1, count * sizeof(double))) return LENS_NO_MEMORY;
    reduction work = {.row = &context->kernels->row, .x = x, .n = n, .partial = lens_scratch_of(context, 0)};
    lens_parallel_for(context, count, squares_piece, &work);
    *sum = 0;
    for (size_t i = 0; i < count; i++) *sum += work.partial[i];
    return LENS_OK;
}

static void finite_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    reduction *w = argument;
    lens_piece p = lens_piece_at(index, w->n, lens_piece_elements);
    size_t first = atomic_load(&w->first);
    if (p.start >= first) return;
    size_t found = w->row->first_nonfinite(p.count, w->x + p.start);
    if (found == p.count) return;
    found += p.start;
    while (found < first && !atomic_compare_exchange_weak(&w->first, &first, found)) {}
}

lens_status lens_first_nonfinite(lens_context *context, size_t n, const float *x, size_t *index) {
    reduction work = {.row = &context->kernels->row, .x = x, .n = n, .first = n};
    lens_parallel_for(context, ceil_div(n, lens_piece_elements), finite_piece, &work);
    *index = atomic_load(&work.first);
    return LENS_OK;
}
