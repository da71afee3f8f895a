// The losses of a head of quantized weights: logits exist for a few rows and columns at a time, and leave their largest
// and the sum of their exponentials.
#include "drivers/weights.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include <math.h>

enum {
    rows_of_piece = 48,   // of A; a multiple of every MR
    panels_of_piece = 64, // of the head: 48 x 1024 logits take 192 KB of a second-level cache
    columns_of_piece = panels_of_piece * lens_panel_rows
};

// What a row's logits of one piece leave.
typedef struct share {
    double sum; // of exp(logit - largest)
    float largest;
} share;

typedef struct head {
    lens_context *context;
    const lens_weights *W;
    lens_rounded a;
    const int32_t *targets;
    float *target; // [M] logits of the targets
    share *shares; // [M, pieces of a row]
    size_t pieces;
} head;

static size_t logits_bytes(void) { return (size_t)rows_of_piece * columns_of_piece * sizeof(float); }

static size_t shared_bytes(const lens_int8_kernels *kernels, size_t M, size_t N, size_t K) {
    size_t pieces = ceil_div(N, columns_of_piece);
    return lens_rounded_bytes(kernels, M, K) + round_up(M * sizeof(float), 64) +
           round_up(M * pieces * sizeof(share), 64);
}

static size_t own_bytes(size_t K, bool packed) { return logits_bytes() + (packed ? 0 : lens_own_panel_bytes(K)); }

// Logits of rows [row, row + m) and the columns of the piece.
static void compute_logits(const head *x, size_t row, size_t m, size_t first, size_t end, char *own, float *logits) {
    const lens_weights *W = x->W;
    for (size_t p = first; p < end; p++) {
        const void *panel = lens_panel(&x->context->kernels->int8, W, p, own);
        lens_multiply_panel(&x->context->kernels->int8, &x->a, row, m, min(lens_panel_rows, W->N - p * lens_panel_rows),
                            false, panel, logits + (p - first) * lens_panel_rows, columns_of_piece);
    }
}

static void piece(void *argument, size_t index, size_t thread) {
    const head *x = argument;
    const lens_row_kernels *kernels = &x->context->kernels->row;
    size_t row = index / x->pieces * rows_of_piece, part = index % x->pieces;
    size_t m = min(rows_of_piece, x->a.M - row), first = part * panels_of_piece;
    size_t column = first * lens_panel_rows, columns = min(columns_of_piece, x->W->N - column);
    char *own = lens_scratch_of(x->context, thread);
    if (thread == 0) own += shared_bytes(&x->context->kernels->int8, x->a.M, x->W->N, x->W->K);
    float *logits = (float *)own;
    compute_logits(x, row, m, first, min(first + panels_of_piece, lens_panel_count(x->W->N)), own + logits_bytes(),
                   logits);
    for (size_t i = 0; i < m; i++) {
        share *to = &x->shares[(row + i) * x->pieces + part];
        to->sum = kernels->sum_exp(columns, logits + i * columns_of_piece, &to->largest);
        size_t target = (size_t)x->targets[row + i];
        if (target >= column && target < column + columns)
            x->target[row + i] = logits[i * columns_of_piece + target - column];
    }
}

// Not from the rounded log-sum-exp: for large logits that would cost the loss its digits.
static float loss(const share *shares, size_t count, float target) {
    double sum = 0;
    float largest = shares[0].largest;
    for (size_t i = 1; i < count; i++) largest = shares[i].largest > largest ? shares[i].largest : largest;
    for (size_t i = 0; i < count; i++) sum += shares[i].sum * exp((double)shares[i].largest - (double)largest);
    return (float)(log(sum) + ((double)largest - (double)target));
}

lens_scratch_need lens_head_losses_scratch(const lens_context *context, size_t M, size_t N, size_t K) {
    size_t own = own_bytes(K, false);
    return (lens_scratch_need){shared_bytes(&context->kernels->int8, M, N, K) + own, own};
}

lens_status lens_head_losses(lens_context *context, size_t M, const float *A, size_t lda, const lens_weights *W,
                             const int32_t *targets, float *nll) {
    if (!lens_weights_usable(W) || W->N == 0) return LENS_INVALID;
    if (M == 0) return LENS_OK;
    const lens_int8_kernels *kernels = &context->kernels->int8;
    size_t own = own_bytes(W->K, W->packed != NULL);
    if (!lens_scratch_take(context, 1, shared_bytes(kernels, M, W->N, W->K) + own)) return LENS_NO_MEMORY;
    if (!lens_scratch_take(context, context->threads, own)) return LENS_NO_MEMORY;
    char *memory = lens_scratch_of(context, 0);
    head x = {.context = context, .W = W, .targets = targets, .pieces = ceil_div(W->N, columns_of_piece)};
    x.a = lens_round(context, M, W->K, A, lda, memory);
    x.target = (float *)(memory + lens_rounded_bytes(kernels, M, W->K));
    x.shares = (share *)((char *)x.target + round_up(M * sizeof(float), 64));
    lens_parallel_for(context, ceil_div(M, rows_of_piece) * x.pieces, piece, &x);
    for (size_t i = 0; i < M; i++) nll[i] = loss(x.shares + i * x.pieces, x.pieces, x.target[i]);
    return LENS_OK;
}
