#include "drivers/head.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include <math.h>

enum {
    most_rows = 22 * lens_head_block_rows, // that are ready at a time, and pass over the panels of a part
    min_pieces = 96,                       // of a group of rows, where there are rows for as many
    rows_of_combining = 32
};

// What a row's logits of one part leave.
typedef struct share {
    float sum; // of exp(logit - largest)
    float largest;
} share;

typedef struct head {
    lens_context *context;
    const lens_head_product *product;
    lens_head_results results; // of the rows at hand
    size_t rows, parts, row_pieces;
    float *target;     // [rows] logits of the targets
    share *shares;     // [rows, parts]
    size_t own_offset; // in the scratch of thread 0
} head;

size_t lens_head_most_rows(size_t M) { return M > most_rows ? most_rows : round_up(M, lens_head_block_rows); }

static size_t part_count(const lens_head_product *product) { return ceil_div(product->N, product->columns); }
static size_t logits_bytes(const lens_head_product *product) {
    return lens_head_block_rows * round_up(product->columns, 16) * sizeof(float);
}
static size_t own_bytes(const lens_head_product *product) { return logits_bytes(product) + product->own_bytes; }

static size_t target_bytes(size_t rows) { return round_up(rows * sizeof(float), 64); }
static size_t shared_bytes(const lens_head_product *product) {
    size_t rows = lens_head_most_rows(product->M);
    return product->shared_bytes + target_bytes(rows) + round_up(rows * part_count(product) * sizeof(share), 64);
}

// The columns of one part, for some of the rows at hand.
static void piece(void *argument, size_t index, size_t thread) {
    const head *x = argument;
    const lens_head_product *product = x->product;
    const lens_row_kernels *kernels = &x->context->kernels->row;
    size_t part = index / x->row_pieces, column = part * product->columns;
    size_t columns = min(product->columns, product->N - column);
    size_t length = round_up(ceil_div(x->rows, x->row_pieces), lens_head_block_rows);
    size_t start = index % x->row_pieces * length, end = min(start + length, x->rows);
    if (start >= end) return;
    char *own = (char *)lens_scratch_of(x->context, thread) + (thread == 0 ? x->own_offset : 0);
    void *panels = own + logits_bytes(product);
    product->ready_columns(product, column, columns, panels);
    bool stored = x->results.logits != NULL;
    size_t stride = stored ? product->N : round_up(product->columns, 16);
    for (size_t row = start; row < end; row += lens_head_block_rows) {
        size_t m = min(lens_head_block_rows, end - row);
        float *logits = stored ? x->results.logits + row * stride + column : (float *)own;
        product->multiply(product, row, m, column, columns, panels, logits, stride);
        for (size_t i = 0; i < m; i++) {
            share *to = &x->shares[(row + i) * x->parts + part];
            to->sum = (float)kernels->sum_exp(columns, logits + i * stride, &to->largest);
            size_t target = (size_t)x->results.targets[row + i];
            if (target - column < columns) x->target[row + i] = logits[i * stride + target - column];
        }
    }
}

static void combine(void *argument, size_t index, size_t thread) {
    (void)thread;
    const head *x = argument;
    size_t end = min((index + 1) * rows_of_combining, x->rows);
    for (size_t row = index * rows_of_combining; row < end; row++) {
        const share *shares = x->shares + row * x->parts;
        float largest = shares[0].largest;
        double sum = 0;
        for (size_t i = 1; i < x->parts; i++) largest = shares[i].largest > largest ? shares[i].largest : largest;
        for (size_t i = 0; i < x->parts; i++)
            sum += (double)shares[i].sum * exp((double)shares[i].largest - (double)largest);
        double logarithm = log(sum);
        // Not from the rounded lse: for large logits that would cost the loss its digits.
        x->results.nll[row] = (float)(logarithm + ((double)largest - (double)x->target[row]));
        if (x->results.lse != NULL) x->results.lse[row] = (float)((double)largest + logarithm);
    }
}

lens_scratch_need lens_head_scratch(const lens_head_product *product) {
    return (lens_scratch_need){shared_bytes(product) + own_bytes(product), own_bytes(product)};
}

lens_status lens_head_run(lens_context *context, void *product, const lens_head_results *results) {
    const lens_head_product *p = product;
    if (p->M == 0) return LENS_OK;
    lens_status status = lens_scratch_reserve(context, lens_head_scratch(p));
    if (status != LENS_OK) return status;
    // Groups of equal size, not a short last one.
    size_t group = round_up(ceil_div(p->M, ceil_div(p->M, most_rows)), lens_head_block_rows);
    char *memory = lens_scratch_of(context, 0);
    head x = {.context = context, .product = p, .parts = part_count(p), .own_offset = shared_bytes(p)};
    x.row_pieces = max(1, min(ceil_div(min_pieces, x.parts), ceil_div(group, lens_head_block_rows)));
    x.target = (float *)(memory + p->shared_bytes);
    x.shares = (share *)((char *)x.target + target_bytes(lens_head_most_rows(p->M)));
    for (size_t row = 0; row < p->M; row += group) {
        x.rows = min(group, p->M - row);
        x.results = (lens_head_results){
            .targets = results->targets + row,
            .nll = results->nll + row,
            .lse = results->lse == NULL ? NULL : results->lse + row,
            .logits = results->logits == NULL ? NULL : results->logits + row * p->N,
        };
        if (p->ready_rows != NULL) p->ready_rows(product, row, x.rows, memory);
        lens_parallel_for(context, x.parts * x.row_pieces, piece, &x);
        lens_parallel_for(context, ceil_div(x.rows, rows_of_combining), combine, &x);
    }
    return LENS_OK;
}
