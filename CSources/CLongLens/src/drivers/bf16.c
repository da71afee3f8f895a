#include "drivers/bf16.h"
#include "drivers/caches.h"
#include "runtime/context.h"
#include "runtime/scratch.h"

enum {
    max_pairs = 576, // a block of A, 8 rows, takes 18 KB of the first-level cache; see max_KC of gemm.c
};

size_t lens_bf16_part_pairs(size_t K) {
    size_t pairs = ceil_div(K, 2);
    return ceil_div(pairs, max(1, ceil_div(pairs, max_pairs)));
}

// MARK: W

size_t lens_packed_bf16_bytes(size_t N, size_t K) { return lens_bf16_panel_count(N) * lens_bf16_panel_bytes(K); }

void lens_bf16_pack_panels(const lens_bf16_kernels *kernels, const lens_weights *W, size_t first, size_t count,
                           float *panels) {
    for (size_t p = 0; p < count; p++) {
        size_t start = (first + p) * lens_bf16_panel_rows, n = min(lens_bf16_panel_rows, W->N - start);
        const void *row[lens_bf16_panel_rows];
        for (size_t r = 0; r < n; r++)
            row[r] = (const char *)W->blocks + lens_weights_stored_row(W->head_size, start + r) * 2 * W->K;
        kernels->pack_w(n, W->K, W->type == LENS_TYPE_F16, row, panels + p * lens_bf16_panel_words(W->K));
    }
}

typedef struct pack_work {
    const lens_bf16_kernels *kernels;
    const lens_weights *W;
    float *packed;
} pack_work;

static void pack_panel(void *argument, size_t index, size_t thread) {
    (void)thread;
    const pack_work *w = argument;
    lens_bf16_pack_panels(w->kernels, w->W, index, 1, w->packed + index * lens_bf16_panel_words(w->W->K));
}

lens_status lens_pack_bf16(lens_context *context, const lens_weights *W, void *packed) {
    if (!lens_bf16_takes(W)) return LENS_INVALID;
    pack_work work = {&context->kernels->bf16, W, packed};
    lens_parallel_for(context, lens_bf16_panel_count(W->N), pack_panel, &work);
    return LENS_OK;
}

// MARK: A

static size_t block_words(const lens_bf16_kernels *kernels, size_t K) {
    return round_up(ceil_div(K, 2) * kernels->pair_words, 16);
}

size_t lens_bf16_rows_bytes(const lens_bf16_kernels *kernels, size_t M, size_t K) {
    return ceil_div(M, kernels->MR) * block_words(kernels, K) * sizeof(float);
}

typedef struct rows_work {
    lens_bf16_rows rows;
    const float *A;
    size_t lda;
} rows_work;

static void pack_block(void *argument, size_t index, size_t thread) {
    (void)thread;
    const rows_work *w = argument;
    const lens_bf16_rows *r = &w->rows;
    size_t row = index * r->kernels->MR;
    r->kernels->pack_a(min(r->kernels->MR, r->M - row), r->K, w->A + row * w->lda, w->lda,
                       r->blocks + index * r->block_words);
}

lens_bf16_rows lens_bf16_pack_rows(lens_context *context, size_t M, size_t K, const float *A, size_t lda,
                                   void *memory) {
    const lens_bf16_kernels *kernels = &context->kernels->bf16;
    rows_work work = {{kernels, M, K, block_words(kernels, K), memory}, A, lda};
    lens_parallel_for(context, ceil_div(M, kernels->MR), pack_block, &work);
    return work.rows;
}

// MARK: The product of both

// All of K for n columns, whose panels of one part of K stay in the second-level cache while blocks of A pass over
// them.
static void multiply_columns(const lens_bf16_rows *a, size_t row, size_t m, size_t n, bool accumulate,
                             const float *panels, float *c, size_t ldc) {
    const lens_bf16_kernels *kernels = a->kernels;
    size_t pairs = ceil_div(a->K, 2), part = lens_bf16_part_pairs(a->K), panel_words = lens_bf16_panel_words(a->K);
    size_t wide = kernels->panels * lens_bf16_panel_rows;
    for (size_t done = 0; done < pairs; done += part)
        for (size_t i = 0; i < m; i += kernels->MR) {
            const float *block = a->blocks + (row + i) / kernels->MR * a->block_words + done * kernels->pair_words;
            for (size_t j = 0; j < n; j += wide)
                kernels->tile(min(kernels->MR, m - i), min(wide, n - j), min(part, pairs - done),
                              accumulate || done > 0, block,
                              panels + j / lens_bf16_panel_rows * panel_words + done * lens_bf16_panel_rows,
                              panel_words, c + i * ldc + j, ldc);
        }
}

void lens_bf16_multiply(const lens_bf16_rows *a, size_t row, size_t m, size_t n, bool accumulate, const float *panels,
                        float *c, size_t ldc) {
    size_t panels_at_once = lens_l2_panel_bytes() / (lens_bf16_part_pairs(a->K) * lens_bf16_panel_rows * sizeof(float));
    size_t step = max(1, panels_at_once / a->kernels->panels) * a->kernels->panels * lens_bf16_panel_rows;
    for (size_t j = 0; j < n; j += step)
        multiply_columns(a, row, m, min(step, n - j), accumulate,
                         panels + j / lens_bf16_panel_rows * lens_bf16_panel_words(a->K), c + j, ldc);
}
