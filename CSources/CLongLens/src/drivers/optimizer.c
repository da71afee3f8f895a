#include "lens/optimizer.h"
#include "drivers/pieces.h"
#include "runtime/context.h"
#include <math.h>

typedef struct adamw_work {
    const lens_row_kernels *row;
    float *p, *m, *v;
    const float *g;
    size_t n;
    lens_adamw_factors factors;
} adamw_work;

static void adamw_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const adamw_work *w = argument;
    lens_piece piece = lens_piece_at(index, w->n, lens_piece_elements);
    size_t at = piece.start;
    w->row->adamw(piece.count, &w->factors, w->g + at, w->m + at, w->v + at, w->p + at);
}

lens_status lens_adamw(lens_context *context, size_t n, lens_adamw_settings s, const float *g, float *m, float *v,
                       float *p) {
    // In double until here: 1 - beta2 in fp32 would be off in its fifth digit.
    lens_adamw_factors factors = {
        .gradient_scale = (float)s.gradient_scale,
        .beta2 = (float)s.beta2,
        .one_minus_beta1 = (float)(1 - s.beta1),
        .one_minus_beta2 = (float)(1 - s.beta2),
        .step_size = (float)(s.learning_rate / s.correction1),
        .inverse_root = (float)(1 / sqrt(s.correction2)),
        .epsilon = (float)s.epsilon,
        .decay = (float)(s.learning_rate * s.weight_decay),
    };
    adamw_work work = {&context->kernels->row, p, m, v, g, n, factors};
    lens_parallel_for(context, ceil_div(n, lens_piece_elements), adamw_piece, &work);
    return LENS_OK;
}
