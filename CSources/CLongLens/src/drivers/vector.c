#include "vector.h"
#include "dispatch.h"
#include "drivers/pieces.h"
#include "parallel.h"
#include <stdatomic.h>
#include <string.h>

// Elementwise maps: one description of the operands, one small function per map.
typedef struct elements {
    const lens_row_kernels *row;
    float *out, *second_out;
    const float *a, *b, *c;
    float factor;
    size_t n, C, rows;
} elements;

static lens_piece piece_of(const elements *w, size_t index) { return lens_piece_at(index, w->n, lens_piece_elements); }

static void run(elements *work, lens_task task) {
    work->row = &lens_kernels()->row;
    lens_parallel_for(lens_piece_count(work->n, lens_piece_elements), task, work);
}

static void add_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const elements *w = context;
    lens_piece p = piece_of(w, index);
    w->row->add(w->out + p.start, w->a + p.start, p.count);
}

void lens_add(float *y, const float *x, size_t n) { run(&(elements){.out = y, .a = x, .n = n}, add_piece); }

static void scale_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const elements *w = context;
    lens_piece p = piece_of(w, index);
    w->row->scale(w->out + p.start, w->factor, p.count);
}

void lens_scale(float *y, float factor, size_t n) {
    run(&(elements){.out = y, .factor = factor, .n = n}, scale_piece);
}

static void exp_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const elements *w = context;
    lens_piece p = piece_of(w, index);
    w->row->exp(w->out + p.start, w->a + p.start, p.count);
}

void lens_exp(float *out, const float *x, size_t n) { run(&(elements){.out = out, .a = x, .n = n}, exp_piece); }

static void swiglu_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const elements *w = context;
    lens_piece p = piece_of(w, index);
    w->row->swiglu(w->out + p.start, w->a + p.start, w->b + p.start, p.count);
}

void lens_swiglu_forward(float *out, const float *gate, const float *up, size_t n) {
    run(&(elements){.out = out, .a = gate, .b = up, .n = n}, swiglu_piece);
}

static void swiglu_backward_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const elements *w = context;
    lens_piece p = piece_of(w, index);
    w->row->swiglu_backward(w->out + p.start, w->second_out + p.start, w->c + p.start, w->a + p.start, w->b + p.start,
                            p.count);
}

void lens_swiglu_backward(float *dgate, float *dup, const float *dout, const float *gate, const float *up, size_t n) {
    run(&(elements){.out = dgate, .second_out = dup, .a = gate, .b = up, .c = dout, .n = n}, swiglu_backward_piece);
}

static void bias_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const elements *w = context;
    lens_piece p = lens_piece_at(index, w->n, w->rows);
    for (size_t row = p.start; row < p.start + p.count; row++) w->row->add(w->out + row * w->C, w->a, w->C);
}

void lens_bias_forward(float *x, const float *bias, size_t T, size_t C) {
    elements work = {
        .row = &lens_kernels()->row, .out = x, .a = bias, .n = T, .C = C, .rows = lens_piece_rows(C)};
    lens_parallel_for(lens_piece_count(T, work.rows), bias_piece, &work);
}

static void column_sum_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const elements *w = context;
    lens_piece p = lens_piece_at(index, w->n, w->rows);
    float *sum = w->out + index * w->C;
    memcpy(sum, w->a + p.start * w->C, w->C * sizeof(float));
    for (size_t row = p.start + 1; row < p.start + p.count; row++) w->row->add(sum, w->a + row * w->C, w->C);
}

void lens_bias_backward(float *dbias, const float *dout, size_t T, size_t C) {
    if (T == 0 || C == 0) return;
    size_t rows = lens_partial_sum_rows(T), count = lens_piece_count(T, rows);
    float *partial = lens_scratch(0, count * C * sizeof(float));
    elements work = {.row = &lens_kernels()->row, .out = partial, .a = dout, .n = T, .C = C, .rows = rows};
    lens_parallel_for(count, column_sum_piece, &work);
    lens_combine_partial_sums(dbias, partial, count, C);
}

lens_scratch_need lens_column_sums_scratch(size_t T, size_t C) {
    size_t count = lens_piece_count(T, lens_partial_rows);
    return (lens_scratch_need){(count < lens_partial_sums ? count : (size_t)lens_partial_sums) * C * sizeof(float), 0};
}

void lens_combine_partial_sums(float *sum, float *partial, size_t count, size_t C) {
    const lens_row_kernels *row = &lens_kernels()->row;
    for (size_t i = 1; i < count; i++) row->add(partial, partial + i * C, C);
    row->add(sum, partial, C);
}

typedef struct reduction {
    const lens_row_kernels *row;
    const float *x;
    size_t n;
    double *partial;
    _Atomic size_t first;
} reduction;

static void squares_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    const reduction *w = context;
    lens_piece p = lens_piece_at(index, w->n, lens_piece_elements);
    w->partial[index] = w->row->sum_of_squares(w->x + p.start, p.count);
}

lens_scratch_need lens_sum_of_squares_scratch(size_t n) {
    return (lens_scratch_need){lens_piece_count(n, lens_piece_elements) * sizeof(double), 0};
}

double lens_sum_of_squares(const float *x, size_t n) {
    size_t count = lens_piece_count(n, lens_piece_elements);
    reduction work = {.row = &lens_kernels()->row, .x = x, .n = n};
    work.partial = lens_scratch(0, count * sizeof(double));
    lens_parallel_for(count, squares_piece, &work);
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += work.partial[i];
    return sum;
}

static void finite_piece(void *context, size_t index, size_t thread) {
    (void)thread;
    reduction *w = context;
    lens_piece p = lens_piece_at(index, w->n, lens_piece_elements);
    size_t first = atomic_load(&w->first);
    if (p.start >= first) return;
    size_t found = w->row->first_nonfinite(w->x + p.start, p.count);
    if (found == p.count) return;
    found += p.start;
    while (found < first && !atomic_compare_exchange_weak(&w->first, &first, found)) {}
}

size_t lens_first_nonfinite(const float *x, size_t n) {
    reduction work = {.row = &lens_kernels()->row, .x = x, .n = n, .first = n};
    lens_parallel_for(lens_piece_count(n, lens_piece_elements), finite_piece, &work);
    return atomic_load(&work.first);
}
