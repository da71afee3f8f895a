// The matrix product: blocking, packing, scheduling. No instructions of any one processor here.
//
// The loops, from outside: MC rows and NC columns, whose packed panels exist at a time; KC positions along K; blocks of
// C, each computed by one thread; register tiles of MR x NR. KC depends on K alone, so that an element's chain of
// multiply-adds depends on its row, its column and K. For every KC, panels of A and B are packed by all threads, then
// blocks of C are computed by all threads. A product of few rows uses every panel of B once: there the thread that
// needs it packs it. A product of one row packs nothing (gemm_row.h).
#include "drivers/caches.h"
#include "lens/gemm.h"
#include "drivers/gemm_block.h"
#include "drivers/gemm_row.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include "sizes.h"
#include <string.h>

enum {
    max_KC = 576,   // a panel of A, 8 rows, takes 18 KB of the first-level cache. Bits depend on it, so it is the
                    // same for every machine; what depends on other caches changes none
    few_rows = 256, // up to this many, panels of B are packed where they are used
    colliding_rows = 2048, // rows of B with this stride, or a multiple, fall on the same few sets of a cache
    serial_size = 1 << 17, // below this many multiply-adds, waking threads costs more than it brings
    panels_of_a = 8,       // packed by one task
    panels_of_b = 2,
    packed_positions = 32, // of a panel of A, before the next panel's
    min_blocks = 16,       // in each direction that can give them
    max_row_panels = 4,    // of a block
};

typedef struct product {
    lens_context *context;
    const lens_gemm_kernels *kernels;
    bool transpose_a, transpose_b, accumulate;
    bool pack_a, pack_b, pack_where_used; // all panels beforehand; panels of B by the thread that needs them
    size_t lda, ldb, ldc;
    const float *a, *b; // where the current rows (columns) and KC start
    float *c;
    size_t M, N, KC; // of the part at hand: at most MC, NC
    size_t block_rows, block_columns;
    float *packed_a, *packed_b; // panels; packed_b holds one panel when packed where used, of thread 0
} product;

static const float *row_start(const product *x, size_t row) { return x->a + row * (x->transpose_a ? 1 : x->lda); }
static const float *column_start(const product *x, size_t column) {
    return x->b + column * (x->transpose_b ? x->ldb : 1);
}

// Packs the panels of A from `row` to `end`, a few positions at a time: where op(A) is transposed, the rows at one
// position lie side by side, and what is fetched for one panel serves the next ones.
static void pack_rows(const product *x, size_t row, size_t end) {
    size_t MR = x->kernels->MR;
    for (size_t p = 0; p < x->KC; p += packed_positions)
        for (size_t i = row; i < end; i += MR)
            x->kernels->pack_a(min(MR, end - i), min(packed_positions, x->KC - p), x->transpose_a,
                               row_start(x, i) + p * (x->transpose_a ? x->lda : 1), x->lda,
                               x->packed_a + i * x->KC + p * MR);
}

static void pack_columns(const product *x, size_t column, float *packed) {
    x->kernels->pack_b(min(x->kernels->NR, x->N - column), x->KC, x->transpose_b, column_start(x, column), x->ldb,
                       packed);
}

// From `row` (`column`) on.
static lens_gemm_strip rows_from(const product *x, size_t row) {
    size_t count = x->M - row, MR = x->kernels->MR;
    if (x->pack_a) return (lens_gemm_strip){{x->packed_a + row * x->KC, 1, MR}, x->KC, count};
    const float *start = row_start(x, row);
    return x->transpose_a ? (lens_gemm_strip){{start, 1, x->lda}, 1, count}
                          : (lens_gemm_strip){{start, x->lda, 1}, x->lda, count};
}

static lens_gemm_strip columns_from(const product *x, size_t column, const float *own_panel) {
    size_t count = x->N - column;
    if (own_panel != NULL) return lens_packed_columns(x->kernels, count, x->KC, own_panel);
    if (x->pack_b) return lens_packed_columns(x->kernels, count, x->KC, x->packed_b + column * x->KC);
    return (lens_gemm_strip){{column_start(x, column), 1, x->ldb}, 1, count};
}

// The panels of B, then those of A, a few at a time.
static void pack_task(void *argument, size_t index, size_t thread) {
    (void)thread;
    const product *x = argument;
    size_t wide = panels_of_b * x->kernels->NR, high = panels_of_a * x->kernels->MR;
    size_t b_tasks = x->pack_b ? ceil_div(x->N, wide) : 0;
    if (index < b_tasks) {
        size_t end = min((index + 1) * wide, x->N), NR = x->kernels->NR;
        for (size_t j = index * wide; j < end; j += NR) pack_columns(x, j, x->packed_b + j * x->KC);
    } else {
        size_t row = (index - b_tasks) * high;
        pack_rows(x, row, min(row + high, x->M));
    }
}

static size_t pack_task_count(const product *x) {
    size_t a = x->pack_a ? ceil_div(x->M, panels_of_a * x->kernels->MR) : 0;
    size_t b = x->pack_b ? ceil_div(x->N, panels_of_b * x->kernels->NR) : 0;
    return a + b;
}

// One block of C. Blocks of the same columns follow each other, so that their panels of B stay in the second-level
// cache.
static void block_task(void *argument, size_t index, size_t thread) {
    const product *x = argument;
    size_t blocks_in_column = ceil_div(x->M, x->block_rows);
    size_t row = index % blocks_in_column * x->block_rows, column = index / blocks_in_column * x->block_columns;
    float *own_panel = NULL;
    if (x->pack_where_used) {
        own_panel = thread == 0 ? x->packed_b : lens_scratch_of(x->context, thread);
        pack_columns(x, column, own_panel);
    }
    lens_multiply_block(x->kernels, min(x->block_rows, x->M - row), min(x->block_columns, x->N - column), x->KC,
                        x->accumulate, rows_from(x, row), columns_from(x, column, own_panel),
                        x->c + row * x->ldc + column, x->ldc);
}

static void run(product *x, size_t count, bool serial, lens_task task) {
    if (!serial) {
        lens_parallel_for(x->context, count, task, x);
        return;
    }
    for (size_t i = 0; i < count; i++) task(x, i, 0);
}

// Chooses the blocks of C: of columns, what fills most of the second-level cache with panels of B; of rows, a
// few panels of A; less where there would not be work for many threads.
static void choose_blocks(product *x, size_t KC) {
    size_t MR = x->kernels->MR, NR = x->kernels->NR;
    if (x->pack_where_used) {
        x->block_rows = x->M, x->block_columns = NR;
        return;
    }
    size_t row_panels = ceil_div(x->M, MR), column_panels = ceil_div(x->N, NR);
    size_t high = max(1, min(max_row_panels, row_panels / min_blocks));
    size_t widest = max(1, lens_l2_panel_bytes() / (KC * sizeof(float) * NR));
    size_t groups = max(ceil_div(column_panels, widest), ceil_div(min_blocks, ceil_div(row_panels, high)));
    x->block_rows = high * MR, x->block_columns = ceil_div(column_panels, min(groups, column_panels)) * NR;
}

// MC and NC: the packed panels of one KC fill half of the last cache, four parts of it with A and three with B. Never
// more than 16 MB: the memory plan counts on it.
static size_t packed_lanes(size_t share, size_t multiple) {
    size_t l3 = lens_cache_sizes().l3;
    l3 = l3 == 0 ? 8 << 20 : min(l3, 32 << 20);
    return round_up(max(l3 / 14 * share / (max_KC * sizeof(float)), 256), multiple);
}
static size_t rows_packed(const lens_gemm_kernels *kernels) { return packed_lanes(4, kernels->MR); }
static size_t columns_packed(const lens_gemm_kernels *kernels) { return packed_lanes(3, kernels->NR); }

// All of K for the rows and columns of `x`, at most MC and NC, with scratch for their panels.
static void multiply_part(product x, size_t K, size_t KC, bool accumulate) {
    bool serial = (double)x.M * (double)x.N * (double)KC < serial_size;
    choose_blocks(&x, KC);
    for (size_t done = 0; done < K; done += KC) {
        x.KC = min(KC, K - done);
        x.accumulate = accumulate || done > 0;
        run(&x, pack_task_count(&x), serial, pack_task);
        run(&x, ceil_div(x.M, x.block_rows) * ceil_div(x.N, x.block_columns), serial, block_task);
        x.a += x.KC * (x.transpose_a ? x.lda : 1);
        x.b += x.KC * (x.transpose_b ? 1 : x.ldb);
    }
}

// Blocks of equal length, not a short last one.
size_t lens_gemm_kc(size_t K) { return ceil_div(K, ceil_div(K, max_KC)); }

// Floats of packed panels, at a cache line's border.
static size_t panel_floats(size_t lanes, size_t multiple, size_t KC) {
    return round_up(round_up(lanes, multiple) * KC, 16);
}

lens_scratch_need lens_gemm_scratch(const lens_context *context, size_t M, size_t N, size_t K, bool transpose_a,
                                    bool transpose_b) {
    const lens_gemm_kernels *kernels = &context->kernels->gemm;
    size_t KC = min(K, max_KC), MR = kernels->MR, NR = kernels->NR;
    size_t a = transpose_a ? panel_floats(min(M, rows_packed(kernels)), MR, KC) : 0;
    // Whether B is packed beforehand depends on the number of rows and their distance.
    size_t b = round_up(max(min(N, columns_packed(kernels)), NR), NR) * KC;
    return (lens_scratch_need){(a + b) * sizeof(float), transpose_b ? NR * KC * sizeof(float) : 0};
}

static void clear(size_t M, size_t N, float *C, size_t ldc) {
    for (size_t i = 0; i < M; i++) memset(C + i * ldc, 0, N * sizeof *C);
}

lens_status lens_gemm_f32(lens_context *context, size_t M, size_t N, size_t K, bool transpose_a, bool transpose_b,
                          bool accumulate, const float *A, size_t lda, const float *B, size_t ldb, float *C,
                          size_t ldc) {
    if (M == 0 || N == 0) return LENS_OK;
    if (K == 0) {
        if (!accumulate) clear(M, N, C, ldc);
        return LENS_OK;
    }
    if (M == 1 && transpose_b && !transpose_a) {
        lens_multiply_row(context, N, K, accumulate, A, B, ldb, C, (double)N * (double)K < serial_size);
        return LENS_OK;
    }
    const lens_gemm_kernels *kernels = &context->kernels->gemm;
    size_t MC = rows_packed(kernels), NC = columns_packed(kernels), KC = lens_gemm_kc(K);
    product x = {
        .context = context,
        .kernels = kernels,
        .transpose_a = transpose_a,
        .transpose_b = transpose_b,
        .lda = lda,
        .ldb = ldb,
        .ldc = ldc,
    };
    x.pack_a = transpose_a;
    x.pack_where_used = transpose_b && M <= few_rows;
    x.pack_b = !x.pack_where_used && (transpose_b || M >= kernels->pack_b_from || ldb % colliding_rows == 0);
    size_t a_floats = x.pack_a ? panel_floats(min(M, MC), kernels->MR, KC) : 0;
    size_t b_floats = x.pack_where_used ? kernels->NR * KC : 0;
    if (x.pack_b) b_floats = round_up(min(N, NC), kernels->NR) * KC;
    if (!lens_scratch_take(context, 1, (a_floats + b_floats) * sizeof(float))) return LENS_NO_MEMORY;
    // Where panels of B are packed by who uses them, every thread has one.
    if (x.pack_where_used && !lens_scratch_take(context, context->threads, b_floats * sizeof(float)))
        return LENS_NO_MEMORY;
    x.packed_a = lens_scratch_of(context, 0);
    x.packed_b = x.packed_a + a_floats;
    for (size_t row = 0; row < M; row += MC)
        for (size_t column = 0; column < N; column += NC) {
            x.M = min(MC, M - row), x.N = min(NC, N - column);
            x.a = A + row * (transpose_a ? 1 : lda), x.b = B + column * (transpose_b ? ldb : 1);
            x.c = C + row * ldc + column;
            multiply_part(x, K, KC, accumulate);
        }
    return LENS_OK;
}
