// Backward attention, one sequence after the other. A sequence is cut into chunks; one piece of work is one chunk of
// queries (of all heads of a group) that meets one chunk of keys. It computes its share of dq, dk and dv in its own
// scratch memory, with the scores recomputed once (five products), and then adds the shares in a fixed order
// (schedule.h). So the result does not depend on the threads, all threads are busy with one sequence and one head, and
// the memory beyond one thread's scratch is two counters for each chunk and head.
#include "drivers/attention/schedule.h"
#include "drivers/attention/scratch.h"
#include "drivers/spans.h"
#include "lens/attention.h"
#include "runtime/context.h"
#include "runtime/parallel.h"
#include "runtime/scratch.h"
#include "sizes.h"
#include <math.h>

typedef struct backward_job {
    const lens_context *context;
    lens_attention_shape shape;
    lens_attention_queries queries;
    size_t token;      // where the positions of the sequence begin
    size_t row_stride; // of lse and delta, from one head to the next
    const float *q, *k, *v, *out, *lse, *dout;
    float *delta, *dq, *dk, *dv;
    const lens_attention_kernels *kernels;
    size_t HSP;
    size_t tiles;  // tiles of keys in a chunk, a multiple of the kernel's
    size_t chunk;  // tokens of a chunk = tiles * lanes
    size_t chunks; // n
    size_t reach;  // chunks of keys before their own that queries see
    ptrdiff_t window;
    lens_turn *query_turns, *key_turns; // [NKV][n]: shares added so far
    size_t turn_bytes;                  // at the start of the first thread's scratch
} backward_job;

// The parts of one thread's scratch memory.
typedef struct backward_memory {
    float *k_t, *v_t, *dk_t, *dv_t, *k; // one chunk of keys
    float *q, *dout, *dq, *lse, *delta; // one chunk of queries of one head
    float *p, *ds;                      // one block
    float *factors;                     // [lanes]
} backward_memory;

static size_t query_rows(const backward_job *job) { return round_up(job->chunk, job->kernels->backward_queries); }
static size_t block_size(const backward_job *job) {
    return job->kernels->backward_queries * job->kernels->backward_tiles * job->kernels->lanes;
}

static size_t scratch_bytes(const backward_job *job) {
    size_t queries = query_rows(job);
    size_t floats =
        (5 * job->chunk + 3 * queries) * job->HSP + 2 * queries + 2 * block_size(job) + job->kernels->lanes + 13 * 16;
    return job->turn_bytes + floats * sizeof(float);
}

static backward_memory divide(const backward_job *job, size_t thread) {
    char *base = lens_scratch_of(job->context, thread);
    float *next = (float *)(base + job->turn_bytes);
    size_t keys = job->chunk * job->HSP, queries = query_rows(job);
    backward_memory m;
    m.k_t = lens_scratch_floats(&next, keys);
    m.v_t = lens_scratch_floats(&next, keys);
    m.dk_t = lens_scratch_floats(&next, keys);
    m.dv_t = lens_scratch_floats(&next, keys);
    m.k = lens_scratch_floats(&next, keys);
    m.q = lens_scratch_floats(&next, queries * job->HSP);
    m.dout = lens_scratch_floats(&next, queries * job->HSP);
    m.dq = lens_scratch_floats(&next, queries * job->HSP);
    m.lse = lens_scratch_floats(&next, queries);
    m.delta = lens_scratch_floats(&next, queries);
    m.p = lens_scratch_floats(&next, block_size(job));
    m.ds = lens_scratch_floats(&next, block_size(job));
    m.factors = lens_scratch_floats(&next, job->kernels->lanes);
    return m;
}

// ---- delta = rowsum(dout * out) ----

enum { delta_rows = 64 };

static void delta_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const backward_job *job = argument;
    const lens_attention_shape s = job->shape;
    size_t end = min(job->queries.count, (index + 1) * delta_rows);
    for (size_t t = index * delta_rows; t < end; t++) {
        for (size_t h = 0; h < s.NH; h++) {
            size_t at = (t * s.NH + h) * s.HS;
            job->delta[h * job->row_stride + t] = job->kernels->dot(s.HS, job->dout + at, job->out + at);
        }
    }
}

// ---- one piece: a chunk of queries meets a chunk of keys ----

static void load_keys(const backward_job *job, const backward_memory *m, size_t kv_head, size_t first, size_t tiles) {
    const lens_attention_shape s = job->shape;
    const lens_attention_kernels *kernels = job->kernels;
    size_t lanes = kernels->lanes, size = lanes * job->HSP, stride = s.NKV * s.HS;
    const float *k = job->k + (first * s.NKV + kv_head) * s.HS, *v = job->v + (first * s.NKV + kv_head) * s.HS;
    for (size_t tile = 0; tile < tiles; tile++) {
        size_t start = tile * lanes, rows = min(lanes, s.T - first - start);
        kernels->pack_lanes(rows, s.HS, job->HSP, s.scale * (float)M_LOG2E, k + start * stride, stride,
                            m->k_t + tile * size);
        kernels->pack_lanes(rows, s.HS, job->HSP, 1.0f, v + start * stride, stride, m->v_t + tile * size);
    }
    kernels->pack_rows(min(tiles * lanes, s.T - first), tiles * lanes, s.HS, job->HSP, k, stride, m->k);
    for (size_t i = 0; i < tiles * size; i++) m->dk_t[i] = m->dv_t[i] = 0;
}

// The rows of queries in one chunk, and where they lie in a thread's memory: one after the other, or, where a query may
// not see all keys and its place says which it sees, each at its distance from the chunk's first token.
typedef struct query_chunk {
    size_t first, count;     // rows
    size_t token;            // the chunk's first
    const size_t *positions; // of the rows, NULL when they lie one after the other
    size_t padded;           // rows of the memory, a multiple of the kernel's
} query_chunk;

static size_t first_row_at(const lens_attention_queries *queries, size_t token) {
    if (queries->positions == NULL) return min(token, queries->count);
    size_t low = 0, high = queries->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (queries->positions[middle] < token) low = middle + 1;
        else high = middle;
    }
    return low;
}

static query_chunk chunk_of_queries(const backward_job *job, size_t i, bool in_place) {
    const lens_attention_queries *queries = &job->queries;
    size_t token = (queries->positions != NULL ? job->token : 0) + i * job->chunk;
    size_t first = first_row_at(queries, token);
    query_chunk c = {.first = first, .count = first_row_at(queries, token + job->chunk) - first, .token = token};
    if (queries->positions != NULL && in_place) c.positions = queries->positions + first;
    size_t rows = c.positions != NULL && c.count > 0 ? c.positions[c.count - 1] - token + 1 : c.count;
    c.padded = round_up(rows, job->kernels->rows);
    return c;
}

static size_t place_of(const query_chunk *c, size_t row) {
    return c->positions == NULL ? row : c->positions[row] - c->token;
}

static void load_queries(const backward_job *job, const backward_memory *m, size_t head, const query_chunk *c) {
    const lens_attention_shape s = job->shape;
    size_t stride = s.NH * s.HS, whole = c->positions == NULL ? c->count : 0, HSP = job->HSP;
    const float *q = job->q + (c->first * s.NH + head) * s.HS, *dout = job->dout + (c->first * s.NH + head) * s.HS;
    job->kernels->pack_rows(whole, c->padded, s.HS, HSP, q, stride, m->q);
    job->kernels->pack_rows(whole, c->padded, s.HS, HSP, dout, stride, m->dout);
    for (size_t i = 0; i < c->padded; i++) m->lse[i] = INFINITY, m->delta[i] = 0; // no probability
    const float *lse = job->lse + head * job->row_stride + c->first;
    const float *delta = job->delta + head * job->row_stride + c->first;
    for (size_t row = 0; row < c->count; row++) {
        size_t place = place_of(c, row);
        m->lse[place] = lse[row] * (float)M_LOG2E;
        m->delta[place] = delta[row];
        if (whole > 0) continue;
        job->kernels->pack_rows(1, 1, s.HS, HSP, q + row * stride, stride, m->q + place * HSP);
        job->kernels->pack_rows(1, 1, s.HS, HSP, dout + row * stride, stride, m->dout + place * HSP);
    }
    for (size_t i = 0; i < c->padded * HSP; i++) m->dq[i] = 0;
}

static void add_queries(const backward_job *job, const backward_memory *m, size_t head, const query_chunk *c,
                        bool accumulate) {
    const lens_attention_shape s = job->shape;
    size_t stride = s.NH * s.HS, at_once = c->positions == NULL ? c->count : 1;
    for (size_t row = 0; row < c->count; row += at_once)
        job->kernels->unpack_rows(at_once, s.HS, job->HSP, s.scale, accumulate, m->dq + place_of(c, row) * job->HSP,
                                  job->dq + ((c->first + row) * s.NH + head) * s.HS, stride);
}

// All blocks of one head's queries and the keys in memory; `diagonal` is first query - first key.
static void meet(const backward_job *job, const backward_memory *m, size_t queries, size_t tiles, ptrdiff_t diagonal) {
    const lens_attention_kernels *kernels = job->kernels;
    size_t lanes = kernels->lanes, HSP = job->HSP;
    for (size_t i = 0; i < queries; i += kernels->backward_queries) {
        size_t rows = min(kernels->backward_queries, queries - i);
        for (size_t tile = 0; tile < tiles; tile += kernels->backward_tiles) {
            size_t key = tile * lanes;
            if ((ptrdiff_t)(i + rows) + diagonal <= (ptrdiff_t)key) break;
            size_t tiles_here = min(kernels->backward_tiles, tiles - tile);
            if ((ptrdiff_t)i + diagonal - job->window >= (ptrdiff_t)(key + tiles_here * lanes) - 1) continue;
            lens_attention_backward_tile t = {
                .q = m->q + i * HSP,
                .dout = m->dout + i * HSP,
                .lse = m->lse + i,
                .delta = m->delta + i,
                .k = m->k + key * HSP,
                .k_t = m->k_t + key * HSP,
                .v_t = m->v_t + key * HSP,
                .HSP = HSP,
                .queries = rows,
                .tiles = tiles_here,
                .diagonal = diagonal + (ptrdiff_t)i - (ptrdiff_t)key,
                .window = job->window,
                .p = m->p,
                .ds = m->ds,
                .dq = m->dq + i * HSP,
                .dk_t = m->dk_t + key * HSP,
                .dv_t = m->dv_t + key * HSP,
            };
            kernels->backward(&t);
        }
    }
}

static void add_keys(const backward_job *job, const backward_memory *m, size_t kv_head, size_t first, size_t tiles,
                     float factor, bool accumulate, const float *packed, float *destination) {
    const lens_attention_shape s = job->shape;
    size_t lanes = job->kernels->lanes, stride = s.NKV * s.HS;
    for (size_t i = 0; i < lanes; i++) m->factors[i] = factor;
    for (size_t tile = 0; tile < tiles; tile++) {
        size_t token = first + tile * lanes;
        job->kernels->unpack_lanes(min(lanes, s.T - token), s.HS, accumulate, m->factors,
                                   packed + tile * lanes * job->HSP, destination + (token * s.NKV + kv_head) * s.HS,
                                   stride);
    }
}

static lens_attention_schedule schedule_of(const backward_job *job) {
    return (lens_attention_schedule){job->chunks, job->shape.NKV, job->reach};
}

static void meet_chunk(const backward_job *job, const backward_memory *m, lens_attention_meeting meeting) {
    const lens_attention_shape s = job->shape;
    size_t group = s.NH / s.NKV, lanes = job->kernels->lanes, n = job->chunks;
    size_t kv_head = meeting.kv_head, i = meeting.query_chunk, j = meeting.key_chunk;
    query_chunk queries = chunk_of_queries(job, i, i == j);
    size_t first_key = j * job->chunk, tiles = ceil_div(min(job->chunk, s.T - first_key), lanes);
    lens_turn *at_queries = job->query_turns + kv_head * n + i, *at_keys = job->key_turns + kv_head * n + j;
    size_t query_turn = lens_attention_query_turn(schedule_of(job), meeting);
    size_t key_turn = lens_attention_key_turn(schedule_of(job), meeting);

    load_keys(job, m, kv_head, first_key, tiles);
    for (size_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        load_queries(job, m, head, &queries);
        meet(job, m, queries.padded, tiles, (ptrdiff_t)(i * job->chunk) - (ptrdiff_t)first_key);
        lens_await_turn(at_queries, query_turn);
        add_queries(job, m, head, &queries, query_turn > 0);
    }
    lens_pass_turn(at_queries);
    lens_await_turn(at_keys, key_turn);
    add_keys(job, m, kv_head, first_key, tiles, s.scale, key_turn > 0, m->dk_t, job->dk);
    add_keys(job, m, kv_head, first_key, tiles, 1.0f, key_turn > 0, m->dv_t, job->dv);
    lens_pass_turn(at_keys);
}

static void backward_piece(void *argument, size_t index, size_t thread) {
    const backward_job *job = argument;
    lens_attention_meeting meeting;
    if (!lens_attention_meeting_at(schedule_of(job), index, &meeting)) return;
    backward_memory m = divide(job, thread);
    meet_chunk(job, &m, meeting);
}

// A chunk's copies should stay near the second-level cache, and there should be pieces for many threads.
enum { chunk_elements = 49152, enough_pieces = 60 };

// The largest chunk, in the kernel's blocks of keys, that gives both. It depends on the shape alone.
static size_t blocks_of_chunk(lens_attention_shape shape, size_t block, size_t HSP) {
    size_t blocks = max(1, chunk_elements / (block * HSP));
    for (; blocks > 1; blocks--) {
        size_t n = ceil_div(shape.T, blocks * block);
        if (shape.NKV * n * (n + 1) / 2 >= enough_pieces) break;
    }
    return blocks;
}

// How the work on one sequence is cut, by its shape alone.
static void plan(backward_job *job) {
    const lens_attention_kernels *kernels = &job->context->kernels->attention;
    job->kernels = kernels;
    job->HSP = round_up(job->shape.HS, kernels->head_multiple);
    size_t block = kernels->backward_tiles * kernels->lanes, blocks = blocks_of_chunk(job->shape, block, job->HSP);
    job->tiles = blocks * kernels->backward_tiles;
    job->chunk = blocks * block;
    job->chunks = ceil_div(job->shape.T, job->chunk);
    job->window = lens_attention_window(job->shape);
    // The last key of a chunk is in the window of the first query so many chunks later.
    job->reach = ((size_t)job->window + job->chunk - 2) / job->chunk;
    job->turn_bytes = round_up(2 * job->chunks * job->shape.NKV * sizeof(lens_turn), 64);
}

lens_scratch_need lens_attention_scratch(const lens_context *context, lens_attention_shape shape) {
    if (shape.T == 0 || shape.NH == 0) return (lens_scratch_need){0, 0};
    backward_job job = {.context = context, .shape = shape};
    plan(&job); // what a shorter sequence takes is less
    size_t backward = scratch_bytes(&job), bytes = max(backward, lens_attention_forward_scratch(context, shape));
    return (lens_scratch_need){bytes, bytes};
}

static lens_status run(lens_context *context, backward_job *job) {
    plan(job);
    size_t turns = job->chunks * job->shape.NKV, pieces = lens_attention_meetings(schedule_of(job));
    if (!lens_scratch_take(context, pieces, scratch_bytes(job))) return LENS_NO_MEMORY;
    job->query_turns = lens_scratch_of(context, 0);
    job->key_turns = job->query_turns + turns;
    for (size_t i = 0; i < 2 * turns; i++) atomic_init(&job->query_turns[i], 0);

    lens_parallel_for(context, ceil_div(job->queries.count, delta_rows), delta_piece, job);
    lens_parallel_for(context, pieces, backward_piece, job);
    return LENS_OK;
}

// The same job of the sequence of tokens [first, last) alone, whose rows are from there on counted from its first.
static backward_job of_sequence(const backward_job *all, size_t first, size_t last) {
    backward_job own = *all;
    size_t row = first_row_at(&all->queries, first), query = row * own.shape.NH * own.shape.HS;
    size_t key = first * own.shape.NKV * own.shape.HS;
    own.shape.T = last - first;
    own.queries.count = first_row_at(&all->queries, last) - row;
    if (own.queries.positions != NULL) own.queries.positions += row, own.token = first;
    own.q += query, own.out += query, own.dout += query, own.dq += query;
    own.k += key, own.v += key, own.dk += key, own.dv += key;
    own.lse += row, own.delta += row;
    return own;
}

lens_status lens_attention_backward(lens_context *context, lens_attention_shape shape, lens_spans spans,
                                    lens_attention_queries queries, const float *q, const float *k, const float *v,
                                    const float *out, const float *lse, const float *dout, float *delta, float *dq,
                                    float *dk, float *dv) {
    size_t whole[2];
    if (!lens_spans_of_rows(&spans, shape.T, whole)) return LENS_INVALID;
    if (shape.T == 0 || shape.NH == 0) return LENS_OK;
    const backward_job all = {.context = context,
                              .shape = shape,
                              .queries = queries,
                              .row_stride = queries.count,
                              .q = q,
                              .k = k,
                              .v = v,
                              .out = out,
                              .lse = lse,
                              .dout = dout,
                              .delta = delta,
                              .dq = dq,
                              .dk = dk,
                              .dv = dv};
    for (size_t i = 0; i < spans.count; i++) {
        if (spans.bounds[i] == spans.bounds[i + 1]) continue;
        backward_job sequence = of_sequence(&all, spans.bounds[i], spans.bounds[i + 1]);
        lens_status status = run(context, &sequence);
        if (status != LENS_OK) return status;
    }
    return LENS_OK;
}
