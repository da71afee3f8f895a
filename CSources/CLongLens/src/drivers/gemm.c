// The matrix product: blocking, packing, scheduling. No instructions of any one processor here.
//
// K is cut into steps whose length depends on K alone, so that an element's chain of multiply-adds depends on
// its row, its column and K. For every step, panels of A and B are packed by all threads, then blocks of C
// are computed by all threads. A product of few rows uses every panel of B once: there the thread that needs
// it packs it.
#include "lens/gemm.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include <string.h>

enum {
    KC = 576,               // longest step: a panel of A, 8 rows, takes 18 KB of the first-level cache. Bits depend on
                            // it, so it is the same for every machine; what depends on other caches changes none
    rows_of_few = 256,      // up to this many rows, panels of B are packed where they are used
    colliding_rows = 2048,  // rows of B with this stride, or a multiple, fall on the same few sets of a cache
    serial_size = 1 << 17,  // below this many multiply-adds, waking threads costs more than it brings
    panels_of_a = 8,        // packed by one task
    panels_of_b = 2,
    steps_at_once = 32,     // while packing A
    blocks_wanted = 16,     // at least, in each direction that can give them
    panels_of_block = 4,    // of A, at most
};

typedef struct product {
    lens_context *context;
    const lens_gemm_kernels *kernels;
    bool transpose_a, transpose_b, accumulate;
    bool pack_a, pack_b, pack_where_used; // all panels beforehand; panels of B by the thread that needs them
    size_t lda, ldb, ldc;
    const float *a, *b; // where the current rows (columns) and step start
    float *c;
    size_t rows, columns, k; // of the part at hand
    size_t block_rows, block_columns;
    float *packed_a, *packed_b; // panels; packed_b holds one panel when packed where used, of thread 0
} product;

static size_t least(size_t a, size_t b) { return a < b ? a : b; }
static size_t most(size_t a, size_t b) { return a > b ? a : b; }
static size_t pieces(size_t whole, size_t piece) { return whole / piece + (whole % piece != 0); }
static size_t round_up(size_t x, size_t multiple) { return pieces(x, multiple) * multiple; }

static const float *start_of_row(const product *x, size_t row) {
    return x->a + row * (x->transpose_a ? 1 : x->lda);
}
static const float *start_of_column(const product *x, size_t column) {
    return x->b + column * (x->transpose_b ? x->ldb : 1);
}

// Packs the panels of A from `row` to `end`, a few steps at a time: where op(A) is transposed, the rows of
// one step lie side by side, and what is fetched for one panel serves the next ones.
static void pack_rows(const product *x, size_t row, size_t end) {
    size_t mr = x->kernels->mr;
    for (size_t p = 0; p < x->k; p += steps_at_once)
        for (size_t i = row; i < end; i += mr)
            x->kernels->pack_a(x->transpose_a, least(steps_at_once, x->k - p), least(mr, end - i),
                               start_of_row(x, i) + p * (x->transpose_a ? x->lda : 1), x->lda,
                               x->packed_a + i * x->k + p * mr);
}

static void pack_columns(const product *x, size_t column, float *packed) {
    x->kernels->pack_b(x->transpose_b, x->k, least(x->kernels->nr, x->columns - column),
                       start_of_column(x, column), x->ldb, packed);
}

static lens_gemm_panel panel_of_rows(const product *x, size_t row) {
    if (x->pack_a) return (lens_gemm_panel){x->packed_a + row * x->k, 1, x->kernels->mr};
    const float *start = start_of_row(x, row);
    return x->transpose_a ? (lens_gemm_panel){start, 1, x->lda} : (lens_gemm_panel){start, x->lda, 1};
}

static lens_gemm_panel panel_of_columns(const product *x, size_t column, float *own_panel) {
    if (own_panel != NULL) return (lens_gemm_panel){own_panel, 1, x->kernels->nr};
    if (x->pack_b) return (lens_gemm_panel){x->packed_b + column * x->k, 1, x->kernels->nr};
    return (lens_gemm_panel){start_of_column(x, column), 1, x->ldb};
}

// The panels of B, then those of A, a few at a time.
static void pack_task(void *argument, size_t index, size_t thread) {
    (void)thread;
    const product *x = argument;
    size_t wide = panels_of_b * x->kernels->nr, high = panels_of_a * x->kernels->mr;
    size_t b_tasks = x->pack_b ? pieces(x->columns, wide) : 0;
    if (index < b_tasks) {
        size_t end = least((index + 1) * wide, x->columns), nr = x->kernels->nr;
        for (size_t j = index * wide; j < end; j += nr) pack_columns(x, j, x->packed_b + j * x->k);
    } else {
        size_t row = (index - b_tasks) * high;
        pack_rows(x, row, least(row + high, x->rows));
    }
}

static size_t pack_task_count(const product *x) {
    return (x->pack_b ? pieces(x->columns, panels_of_b * x->kernels->nr) : 0) +
           (x->pack_a ? pieces(x->rows, panels_of_a * x->kernels->mr) : 0);
}

// One block of C, panel of A by panel of A: it stays in the first-level cache while the block's panels of B
// stream from the second. Blocks of the same columns follow each other, so that these panels stay there.
static void block_task(void *argument, size_t index, size_t thread) {
    const product *x = argument;
    const lens_gemm_kernels *kernels = x->kernels;
    size_t blocks_in_column = pieces(x->rows, x->block_rows);
    size_t row0 = index % blocks_in_column * x->block_rows;
    size_t column0 = index / blocks_in_column * x->block_columns;
    size_t row_end = least(row0 + x->block_rows, x->rows);
    size_t column_end = least(column0 + x->block_columns, x->columns);
    float *own_panel = NULL;
    if (x->pack_where_used) {
        own_panel = thread == 0 ? x->packed_b : lens_scratch_of(x->context, thread);
        pack_columns(x, column0, own_panel);
    }
    for (size_t row = row0; row < row_end; row += kernels->mr) {
        size_t rows = least(kernels->mr, row_end - row), lane = 0;
        lens_gemm_panel a = panel_of_rows(x, row);
        // While one panel of A is used, the next one is brought near: mr stretches of k elements.
        lens_gemm_panel next = row + kernels->mr < x->rows ? panel_of_rows(x, row + kernels->mr) : a;
        size_t stretch = next.step == 1 ? next.lane : x->k;
        for (size_t column = column0; column < column_end; column += kernels->nr, lane++) {
            size_t columns = least(kernels->nr, column_end - column);
            lens_gemm_panel b = panel_of_columns(x, column, own_panel);
            float *c = x->c + row * x->ldc + column;
            if (rows == kernels->mr && columns == kernels->nr) {
                const float *ahead = lane < rows ? next.start + lane * stretch : a.start;
                kernels->tile(x->k, a, b, c, x->ldc, x->accumulate, ahead);
            } else {
                kernels->edge_tile(rows, columns, x->k, a, b, c, x->ldc, x->accumulate);
            }
        }
    }
}

static void run(size_t count, lens_task task, product *x, bool serial) {
    if (!serial) {
        lens_parallel_for(x->context, count, task, x);
        return;
    }
    for (size_t i = 0; i < count; i++) task(x, i, 0);
}

// Chooses the blocks of C: of columns, what fills most of the second-level cache with panels of B; of rows, a
// few panels of A; less where there would not be work for many threads.
static void choose_blocks(product *x, size_t step) {
    size_t mr = x->kernels->mr, nr = x->kernels->nr, l2 = lens_cache_sizes().l2;
    if (x->pack_where_used) {
        x->block_rows = x->rows, x->block_columns = nr;
        return;
    }
    size_t row_panels = pieces(x->rows, mr), column_panels = pieces(x->columns, nr);
    size_t high = most(1, least(panels_of_block, row_panels / blocks_wanted));
    if (l2 == 0) l2 = 512 << 10;
    size_t widest = most(1, l2 / 20 * 13 / (step * sizeof(float) * nr));
    size_t groups = most(pieces(column_panels, widest), pieces(blocks_wanted, pieces(row_panels, high)));
    x->block_rows = high * mr, x->block_columns = pieces(column_panels, least(groups, column_panels)) * nr;
}

// Rows and columns whose packed panels exist at a time: those of one step fill half of the last cache, four parts of it
// with A and three with B. Never more than 16 MB: the memory plan counts on it.
static size_t part_size(size_t share, size_t multiple) {
    size_t l3 = lens_cache_sizes().l3;
    l3 = l3 == 0 ? 8 << 20 : least(l3, 32 << 20);
    return round_up(most(l3 / 14 * share / (KC * sizeof(float)), 256), multiple);
}

// All steps of K for the rows and columns of `x`, at most a part, with scratch for their panels.
static void multiply_part(product x, size_t K, size_t step, bool accumulate) {
    bool serial = (double)x.rows * (double)x.columns * (double)step < serial_size;
    choose_blocks(&x, step);
    for (size_t done = 0; done < K; done += step) {
        x.k = least(step, K - done);
        x.accumulate = accumulate || done > 0;
        run(pack_task_count(&x), pack_task, &x, serial);
        run(pieces(x.rows, x.block_rows) * pieces(x.columns, x.block_columns), block_task, &x, serial);
        x.a += x.k * (x.transpose_a ? x.lda : 1);
        x.b += x.k * (x.transpose_b ? 1 : x.ldb);
    }
}

// Steps of equal length, not a short last one.
size_t lens_gemm_kc(size_t K) { return pieces(K, pieces(K, KC)); }

lens_scratch_need lens_gemm_scratch(const lens_context *context, bool transpose_a, bool transpose_b, size_t M, size_t N,
                                    size_t K) {
    const lens_gemm_kernels *kernels = &context->kernels->gemm;
    size_t step = least(K, KC);
    size_t a = transpose_a ? round_up(round_up(least(M, part_size(4, kernels->mr)), kernels->mr) * step, 16) : 0;
    // Whether B is packed beforehand depends on the number of rows and their distance.
    size_t b = round_up(most(least(N, part_size(3, kernels->nr)), kernels->nr), kernels->nr) * step;
    return (lens_scratch_need){(a + b) * sizeof(float), transpose_b ? kernels->nr * step * sizeof(float) : 0};
}

static void clear(float *C, size_t M, size_t N, size_t ldc) {
    for (size_t i = 0; i < M; i++) memset(C + i * ldc, 0, N * sizeof *C);
}

lens_status lens_gemm_f32(lens_context *context, bool transpose_a, bool transpose_b, size_t M, size_t N, size_t K,
                          const float *A, size_t lda, const float *B, size_t ldb, bool accumulate, float *C, size_t ldc) {
    if (M == 0 || N == 0) return LENS_OK;
    if (K == 0) {
        if (!accumulate) clear(C, M, N, ldc);
        return LENS_OK;
    }
    const lens_gemm_kernels *kernels = &context->kernels->gemm;
    size_t step = lens_gemm_kc(K);
    product x = {.context = context, .kernels = kernels, .transpose_a = transpose_a, .transpose_b = transpose_b,
                 .lda = lda, .ldb = ldb, .ldc = ldc};
    x.pack_a = transpose_a;
    x.pack_where_used = transpose_b && M <= rows_of_few;
    x.pack_b = !x.pack_where_used && (transpose_b || M >= kernels->pack_b_from || ldb % colliding_rows == 0);
    size_t part_rows = part_size(4, kernels->mr), part_columns = part_size(3, kernels->nr);
    size_t a_floats = x.pack_a ? round_up(round_up(least(M, part_rows), kernels->mr) * step, 16) : 0;
    size_t b_floats = x.pack_where_used ? kernels->nr * step : 0;
    if (x.pack_b) b_floats = round_up(least(N, part_columns), kernels->nr) * step;
    if (!lens_scratch_take(context, 1, (a_floats + b_floats) * sizeof(float))) return LENS_NO_MEMORY;
    // Where panels of B are packed by who uses them, every thread has one.
    if (x.pack_where_used && !lens_scratch_take(context, context->threads, b_floats * sizeof(float)))
        return LENS_NO_MEMORY;
    x.packed_a = lens_scratch_of(context, 0);
    x.packed_b = x.packed_a + a_floats;
    for (size_t row = 0; row < M; row += part_rows)
        for (size_t column = 0; column < N; column += part_columns) {
            x.rows = least(part_rows, M - row), x.columns = least(part_columns, N - column);
            x.a = A + row * (transpose_a ? 1 : lda), x.b = B + column * (transpose_b ? ldb : 1);
            x.c = C + row * ldc + column;
            multiply_part(x, K, step, accumulate);
        }
    return LENS_OK;
}
