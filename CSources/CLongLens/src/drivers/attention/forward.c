// Forward attention: which query meets which key, in which order. One piece of work is a block of queries of one
// sequence and a few heads that share their keys; it walks the sequence's keys from the first that it sees to the
// diagonal. Blocks of keys are counted from the sequence's first key, whatever queries there are: a query has the same
// bits among all others as among the last ones alone.
#include "drivers/attention/scratch.h"
#include "drivers/spans.h"
#include "lens/attention.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include "sizes.h"
#include <float.h>
#include <math.h>
#include <stdint.h>

typedef struct forward_job {
    const lens_context *context;
    lens_attention_shape shape; // T: keys
    size_t queries;             // rows of q
    size_t ahead;               // keys before that of the first query
    lens_spans spans;           // of the keys
    lens_spans query_spans;
    const float *q, *k, *v;
    float *out, *lse;
    size_t lse_stride; // from one head to the next
    const lens_attention_kernels *kernels;
    lens_attention_forward_kernels forward; // in the arithmetic of the call
    size_t HSP;
    size_t heads;  // query heads of one piece, all of one group
    size_t slices; // pieces a group is cut into
    size_t tiles;  // tiles of queries of one head in one piece
    size_t blocks; // blocks of queries in all sequences
    ptrdiff_t window;
} forward_job;

// The parts of one thread's scratch memory.
typedef struct forward_memory {
    float *q, *out, *maximum, *sum; // [heads][tiles] of tiles
    float *k, *v, *s;
} forward_memory;

static size_t scratch_bytes(const forward_job *job) {
    size_t lanes = job->kernels->lanes, keys = job->kernels->forward_keys, tiles = job->heads * job->tiles;
    return (2 * (tiles * lanes + keys) * job->HSP + (keys + 2 * tiles) * lanes + 7 * 16) * sizeof(float);
}

static forward_memory divide(const forward_job *job, float *next) {
    size_t lanes = job->kernels->lanes, keys = job->kernels->forward_keys, tiles = job->heads * job->tiles;
    forward_memory m;
    m.q = lens_scratch_floats(&next, tiles * lanes * job->HSP);
    m.out = lens_scratch_floats(&next, tiles * lanes * job->HSP);
    m.k = lens_scratch_floats(&next, keys * job->HSP);
    m.v = lens_scratch_floats(&next, keys * job->HSP);
    m.s = lens_scratch_floats(&next, keys * lanes);
    m.maximum = lens_scratch_floats(&next, tiles * lanes);
    m.sum = lens_scratch_floats(&next, tiles * lanes);
    return m;
}

// Queries are loaded, sums cleared. `first` is a row of q.
static void start_tile(const forward_job *job, const forward_memory *m, size_t tile, size_t head, size_t first) {
    const lens_attention_shape s = job->shape;
    size_t lanes = job->kernels->lanes, size = lanes * job->HSP;
    job->forward.pack_queries(min(lanes, job->queries - first), s.HS, job->HSP, s.scale * (float)M_LOG2E,
                              job->q + (first * s.NH + head) * s.HS, s.NH * s.HS, m->q + tile * size);
    for (size_t i = 0; i < size; i++) m->out[tile * size + i] = 0;
    for (size_t i = 0; i < lanes; i++) {
        // Where a lane may see none of the first keys, their scores, -inf, must be below the maximum.
        m->maximum[tile * lanes + i] = s.window > 0 ? -FLT_MAX : -INFINITY;
        m->sum[tile * lanes + i] = 0;
    }
}

// Outputs are divided by their sums and written.
static void finish_tile(const forward_job *job, const forward_memory *m, size_t tile, size_t head, size_t first) {
    const lens_attention_shape s = job->shape;
    size_t lanes = job->kernels->lanes, rows = min(lanes, job->queries - first);
    float *maximum = m->maximum + tile * lanes, *sum = m->sum + tile * lanes;
    for (size_t i = 0; i < rows; i++) {
        job->lse[head * job->lse_stride + first + i] = maximum[i] * (float)M_LN2 + logf(sum[i]);
        sum[i] = 1.0f / sum[i];
    }
    job->kernels->unpack_lanes(rows, s.HS, false, sum, m->out + tile * lanes * job->HSP,
                               job->out + (first * s.NH + head) * s.HS, s.NH * s.HS);
}

// While tile number `tile` meets one block of keys, its share of the next block's rows is prefetched.
static void plan_prefetch(const forward_job *job, size_t tile, size_t kv_head, size_t next_key,
                          lens_attention_forward_tile *t) {
    const lens_attention_shape s = job->shape;
    size_t share = job->kernels->forward_keys / job->kernels->rows, row = next_key + tile * share;
    if (tile * share >= job->kernels->forward_keys || row >= s.T) return;
    t->next_k = job->k + (row * s.NKV + kv_head) * s.HS;
    t->next_v = job->v + (row * s.NKV + kv_head) * s.HS;
    t->next_rows = min(share, s.T - row);
    t->next_stride = s.NKV * s.HS;
}

// One block of keys, in memory, meets all tiles of the piece that see any of it. `first_query` is the place of the
// first query among the keys.
static void meet_keys(const forward_job *job, const forward_memory *m, size_t heads, size_t tiles, size_t first_query,
                      size_t kv_head, size_t first_key) {
    const lens_attention_kernels *kernels = job->kernels;
    size_t lanes = kernels->lanes, size = lanes * job->HSP;
    for (size_t h = 0; h < heads; h++) {
        for (size_t i = 0; i < tiles; i++) {
            size_t query = first_query + i * lanes, end = query + lanes, tile = h * tiles + i;
            if (end <= first_key) continue;
            if ((ptrdiff_t)query - job->window >= (ptrdiff_t)(first_key + kernels->forward_keys) - 1) continue;
            lens_attention_forward_tile t = {
                .q = m->q + tile * size,
                .k = m->k,
                .v = m->v,
                .HSP = job->HSP,
                .keys = min(kernels->forward_keys, round_up(end - first_key, kernels->rows)),
                .diagonal = (ptrdiff_t)query - (ptrdiff_t)first_key,
                .window = job->window,
                .s = m->s,
                .maximum = m->maximum + tile * lanes,
                .sum = m->sum + tile * lanes,
                .out = m->out + tile * size,
            };
            plan_prefetch(job, tile, kv_head, first_key + kernels->forward_keys, &t);
            job->forward.tile(&t);
        }
    }
}

// The same job of one sequence alone, whose rows from there on are rows 0, 1, ...
static forward_job of_sequence(const forward_job *job, size_t sequence) {
    forward_job own = *job;
    size_t key = job->spans.bounds[sequence], query = job->query_spans.bounds[sequence];
    own.shape.T = job->spans.bounds[sequence + 1] - key;
    own.queries = job->query_spans.bounds[sequence + 1] - query;
    own.ahead = own.shape.T - own.queries;
    own.q += query * own.shape.NH * own.shape.HS, own.out += query * own.shape.NH * own.shape.HS;
    own.k += key * own.shape.NKV * own.shape.HS, own.v += key * own.shape.NKV * own.shape.HS;
    own.lse += query;
    return own;
}

static void forward_piece(void *argument, size_t index, size_t thread) {
    const forward_job *all = argument;
    size_t per_block = all->shape.NKV * all->slices;
    // The last block of queries has the most work and comes first.
    lens_span_block block =
        lens_span_block_at(all->query_spans, all->tiles * all->kernels->lanes, all->blocks - 1 - index / per_block);
    if (block.start == block.end) return;
    const forward_job sequence = of_sequence(all, block.sequence), *job = &sequence;
    const lens_attention_shape s = job->shape;
    const lens_attention_kernels *kernels = job->kernels;
    size_t group = s.NH / s.NKV, lanes = kernels->lanes, kv_head = index % per_block / job->slices;
    size_t slice = index % job->slices * job->heads, heads = min(job->heads, group - slice);
    size_t first = block.start - block.first, end = block.end - block.first;
    size_t tiles = ceil_div(end - first, lanes), head = kv_head * group + slice;

    forward_memory m = divide(job, lens_scratch_of(job->context, thread));
    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < tiles; i++) start_tile(job, &m, h * tiles + i, head + h, first + i * lanes);
    // From the block on that holds the first key of the first query's window.
    size_t place = first + job->ahead;
    ptrdiff_t before = (ptrdiff_t)place - job->window + 1; // keys that none of the queries sees
    size_t unseen = before > 0 ? (size_t)before / kernels->forward_keys * kernels->forward_keys : 0;
    for (size_t key = unseen; key < end + job->ahead; key += kernels->forward_keys) {
        size_t rows = min(kernels->forward_keys, s.T - key), start = (key * s.NKV + kv_head) * s.HS;
        job->forward.pack_keys(rows, kernels->forward_keys, s.HS, job->HSP, job->k + start, s.NKV * s.HS, m.k);
        job->forward.pack_values(rows, kernels->forward_keys, s.HS, job->HSP, job->v + start, s.NKV * s.HS, m.v);
        meet_keys(job, &m, heads, tiles, place, kv_head, key);
    }
    for (size_t h = 0; h < heads; h++)
        for (size_t i = 0; i < tiles; i++) finish_tile(job, &m, h * tiles + i, head + h, first + i * lanes);
}

// Rows of one piece: enough that copying keys costs little, few enough that short sequences occupy many threads.
enum { heads_of_piece = 8, rows_of_piece = 768, enough_pieces = 32 };

ptrdiff_t lens_attention_window(lens_attention_shape shape) {
    const size_t all = PTRDIFF_MAX / 4; // with room for sums
    return (ptrdiff_t)(shape.window == 0 ? all : min(shape.window, all));
}

// How the work on so many queries of a shape is cut.
static forward_job plan(const lens_context *context, lens_attention_shape shape, size_t queries) {
    const lens_attention_kernels *kernels = &context->kernels->attention;
    size_t group = shape.NH / shape.NKV, all_tiles = ceil_div(queries, kernels->lanes);
    forward_job job = {
        .context = context,
        .shape = shape,
        .queries = queries,
        .kernels = kernels,
        .HSP = round_up(shape.HS, kernels->head_multiple),
        .heads = min(group, heads_of_piece),
        .window = lens_attention_window(shape),
    };
    job.slices = ceil_div(group, job.heads);
    job.tiles = max(1, rows_of_piece / (job.heads * kernels->lanes));
    while (job.tiles > 1 && all_tiles * shape.NKV * job.slices < job.tiles * enough_pieces) job.tiles--;
    return job;
}

size_t lens_attention_forward_scratch(const lens_context *context, lens_attention_shape shape) {
    forward_job job = plan(context, shape, shape.T);
    return scratch_bytes(&job);
}

// Whether the queries of each sequence are rows of some of its keys, the last ones.
static bool are_last(lens_spans queries, lens_spans keys) {
    if (queries.count != keys.count) return false;
    for (size_t i = 0; i < keys.count; i++)
        if (queries.bounds[i + 1] - queries.bounds[i] > keys.bounds[i + 1] - keys.bounds[i]) return false;
    return true;
}

lens_status lens_attention_forward_last(lens_context *context, lens_attention_shape shape, lens_spans spans,
                                        size_t queries, lens_spans query_spans, lens_arithmetic arithmetic,
                                        const float *q, const float *k, const float *v, float *out, float *lse) {
    size_t whole[2], all_queries[2];
    if (!lens_spans_of_rows(&spans, shape.T, whole) || !lens_spans_of_rows(&query_spans, queries, all_queries) ||
        !are_last(query_spans, spans))
        return LENS_INVALID;
    if (queries == 0 || shape.NH == 0) return LENS_OK;
    forward_job job = plan(context, shape, queries);
    job.spans = spans, job.query_spans = query_spans;
    job.blocks = lens_span_blocks(query_spans, job.tiles * job.kernels->lanes);
    bool in_bf16 = arithmetic == LENS_ARITHMETIC_BF16;
    job.forward = in_bf16 ? job.kernels->forward_bf16 : job.kernels->forward;
    job.q = q, job.k = k, job.v = v, job.out = out, job.lse = lse, job.lse_stride = queries;
    size_t pieces = job.blocks * shape.NKV * job.slices;
    if (!lens_scratch_take(context, pieces, scratch_bytes(&job))) return LENS_NO_MEMORY;
    lens_parallel_for(context, pieces, forward_piece, &job);
    return LENS_OK;
}

lens_status lens_attention_forward(lens_context *context, lens_attention_shape shape, lens_spans spans,
                                   lens_arithmetic arithmetic, const float *q, const float *k, const float *v,
                                   float *out, float *lse) {
    return lens_attention_forward_last(context, shape, spans, shape.T, spans, arithmetic, q, k, v, out, lse);
}
