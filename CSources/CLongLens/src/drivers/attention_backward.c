// Backward attention. The sequence is cut into chunks; one piece of work is one chunk of queries (of all heads of a
// group) that meets one chunk of keys. It computes its share of dq, dk and dv in its own scratch memory, with the
// scores recomputed once (five products), and then adds the shares in a fixed order:
//
//   With n chunks, query chunk i and key chunk j meet in round (i + j) mod n. The pieces of a round share neither
//   queries nor keys, and a causal round has about half of the n possible pieces, the same in every round.
//   A chunk's shares are added in the order of rounds. Pieces are handed out in that order too, so a thread seldom
//   waits for its turn.
//
// So the result does not depend on the threads, all threads are busy with one sequence and one head, and the memory
// beyond one thread's scratch is two counters for each chunk and head.
#include "drivers/attention_scratch.h"
#include "lens/attention.h"
#include "runtime/context.h"
#include "runtime/parallel.h"
#include "runtime/scratch.h"
#include <math.h>

static size_t smaller(size_t a, size_t b) { return a < b ? a : b; }
static size_t larger(size_t a, size_t b) { return a > b ? a : b; }
static size_t round_up(size_t x, size_t multiple) { return (x + multiple - 1) / multiple * multiple; }

typedef struct backward_job {
    const lens_context *context;
    lens_attention_shape shape;
    lens_attention_queries queries;
    const float *q, *k, *v, *out, *lse, *dout;
    float *delta, *dq, *dk, *dv;
    const lens_attention_kernels *kernels;
    size_t HSP;
    size_t tiles;  // tiles of keys in a chunk, a multiple of the kernel's
    size_t chunk;  // tokens of a chunk = tiles * lanes
    size_t chunks; // n
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

static float *take(float **next, size_t count) {
    float *taken = *next;
    *next += round_up(count, 16);
    return taken;
}

static size_t query_rows(const backward_job *job) { return round_up(job->chunk, job->kernels->backward_queries); }
static size_t block_size(const backward_job *job) {
    return job->kernels->backward_queries * job->kernels->backward_tiles * job->kernels->lanes;
}

static size_t scratch_bytes(const backward_job *job) {
    size_t queries = query_rows(job);
    size_t floats = (5 * job->chunk + 3 * queries) * job->HSP + 2 * queries + 2 * block_size(job) +
                    job->kernels->lanes + 13 * 16;
    return job->turn_bytes + floats * sizeof(float);
}

static backward_memory divide(const backward_job *job, size_t thread) {
    char *base = lens_scratch_of(job->context, thread);
    float *next = (float *)(base + job->turn_bytes);
    size_t keys = job->chunk * job->HSP, queries = query_rows(job);
    backward_memory m;
    m.k_t = take(&next, keys);
    m.v_t = take(&next, keys);
    m.dk_t = take(&next, keys);
    m.dv_t = take(&next, keys);
    m.k = take(&next, keys);
    m.q = take(&next, queries * job->HSP);
    m.dout = take(&next, queries * job->HSP);
    m.dq = take(&next, queries * job->HSP);
    m.lse = take(&next, queries);
    m.delta = take(&next, queries);
    m.p = take(&next, block_size(job));
    m.ds = take(&next, block_size(job));
    m.factors = take(&next, job->kernels->lanes);
    return m;
}

// ---- delta = rowsum(dout * out) ----

enum { delta_rows = 64 };

static void delta_piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const backward_job *job = argument;
    const lens_attention_shape s = job->shape;
    size_t count = job->queries.count, end = smaller(count, (index + 1) * delta_rows);
    for (size_t t = index * delta_rows; t < end; t++) {
        for (size_t h = 0; h < s.NH; h++) {
            size_t at = (t * s.NH + h) * s.HS;
            job->delta[h * count + t] = job->kernels->dot(job->dout + at, job->out + at, s.HS);
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
        size_t start = tile * lanes, rows = smaller(lanes, s.T - first - start);
        kernels->pack_lanes(m->k_t + tile * size, k + start * stride, stride, rows, s.HS, job->HSP,
                            s.scale * (float)M_LOG2E);
        kernels->pack_lanes(m->v_t + tile * size, v + start * stride, stride, rows, s.HS, job->HSP, 1.0f);
    }
    kernels->pack_rows(m->k, k, stride, smaller(tiles * lanes, s.T - first), tiles * lanes, s.HS, job->HSP);
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
    if (queries->positions == NULL) return smaller(token, queries->count);
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
    size_t token = i * job->chunk, first = first_row_at(queries, token);
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
    job->kernels->pack_rows(m->q, q, stride, whole, c->padded, s.HS, HSP);
    job->kernels->pack_rows(m->dout, dout, stride, whole, c->padded, s.HS, HSP);
    for (size_t i = 0; i < c->padded; i++) m->lse[i] = INFINITY, m->delta[i] = 0; // no probability
    const float *lse = job->lse + head * job->queries.count + c->first;
    const float *delta = job->delta + head * job->queries.count + c->first;
    for (size_t row = 0; row < c->count; row++) {
        size_t place = place_of(c, row);
        m->lse[place] = lse[row] * (float)M_LOG2E;
        m->delta[place] = delta[row];
        if (whole > 0) continue;
        job->kernels->pack_rows(m->q + place * HSP, q + row * stride, stride, 1, 1, s.HS, HSP);
        job->kernels->pack_rows(m->dout + place * HSP, dout + row * stride, stride, 1, 1, s.HS, HSP);
    }
    for (size_t i = 0; i < c->padded * HSP; i++) m->dq[i] = 0;
}

static void add_queries(const backward_job *job, const backward_memory *m, size_t head, const query_chunk *c, bool add) {
    const lens_attention_shape s = job->shape;
    size_t stride = s.NH * s.HS, at_once = c->positions == NULL ? c->count : 1;
    for (size_t row = 0; row < c->count; row += at_once)
        job->kernels->unpack_rows(job->dq + ((c->first + row) * s.NH + head) * s.HS, stride,
                                  m->dq + place_of(c, row) * job->HSP, at_once, s.HS, job->HSP, s.scale, add);
}

// All blocks of one head's queries and the keys in memory; `diagonal` is first query - first key.
static void meet(const backward_job *job, const backward_memory *m, size_t queries, size_t tiles, ptrdiff_t diagonal) {
    const lens_attention_kernels *kernels = job->kernels;
    size_t lanes = kernels->lanes, HSP = job->HSP;
    for (size_t i = 0; i < queries; i += kernels->backward_queries) {
        size_t rows = smaller(kernels->backward_queries, queries - i);
        for (size_t tile = 0; tile < tiles; tile += kernels->backward_tiles) {
            size_t key = tile * lanes;
            if ((ptrdiff_t)(i + rows) + diagonal <= (ptrdiff_t)key) break;
            lens_attention_backward_tile t = {
                .q = m->q + i * HSP, .dout = m->dout + i * HSP, .lse = m->lse + i, .delta = m->delta + i,
                .k = m->k + key * HSP, .k_t = m->k_t + key * HSP, .v_t = m->v_t + key * HSP, .HSP = HSP,
                .queries = rows, .tiles = smaller(kernels->backward_tiles, tiles - tile),
                .diagonal = diagonal + (ptrdiff_t)i - (ptrdiff_t)key, .p = m->p, .ds = m->ds,
                .dq = m->dq + i * HSP, .dk_t = m->dk_t + key * HSP, .dv_t = m->dv_t + key * HSP};
            kernels->backward(&t);
        }
    }
}

// ---- the order of the shares ----

// How many pieces of query chunk `i` come before the one with key chunk `j`. In round r chunk i meets (r - i) mod n:
// first the keys n - i ... i, if there are any, then 0 ... n - i - 1.
static size_t turn_of_query(size_t n, size_t i, size_t j) {
    if (i + j >= n) return i + j - n;
    return (2 * i >= n ? 2 * i + 1 - n : 0) + j;
}

// The same for key chunk `j`: first the queries max(n - j, j) ... n - 1, then j ... n - j - 1.
static size_t turn_of_key(size_t n, size_t i, size_t j) {
    size_t start = larger(n - j, j);
    if (i + j >= n) return i - start;
    return n - start + i - j;
}

static void add_keys(const backward_job *job, const backward_memory *m, float *destination, const float *packed,
                     size_t kv_head, size_t first, size_t tiles, float factor, bool add) {
    const lens_attention_shape s = job->shape;
    size_t lanes = job->kernels->lanes, stride = s.NKV * s.HS;
    for (size_t i = 0; i < lanes; i++) m->factors[i] = factor;
    for (size_t tile = 0; tile < tiles; tile++) {
        size_t token = first + tile * lanes;
        job->kernels->unpack_lanes(destination + (token * s.NKV + kv_head) * s.HS, stride,
                                   packed + tile * lanes * job->HSP, smaller(lanes, s.T - token), s.HS, job->HSP,
                                   m->factors, add);
    }
}

static void meet_chunk(const backward_job *job, const backward_memory *m, size_t kv_head, size_t i, size_t j) {
    const lens_attention_shape s = job->shape;
    size_t group = s.NH / s.NKV, lanes = job->kernels->lanes, n = job->chunks;
    query_chunk queries = chunk_of_queries(job, i, i == j);
    size_t first_key = j * job->chunk, tiles = (smaller(job->chunk, s.T - first_key) + lanes - 1) / lanes;
    lens_turn *at_queries = job->query_turns + kv_head * n + i, *at_keys = job->key_turns + kv_head * n + j;
    size_t query_turn = turn_of_query(n, i, j), key_turn = turn_of_key(n, i, j);

    load_keys(job, m, kv_head, first_key, tiles);
    for (size_t head = kv_head * group; head < (kv_head + 1) * group; head++) {
        load_queries(job, m, head, &queries);
        meet(job, m, queries.padded, tiles, (ptrdiff_t)queries.token - (ptrdiff_t)first_key);
        lens_await_turn(at_queries, query_turn);
        add_queries(job, m, head, &queries, query_turn > 0);
    }
    lens_pass_turn(at_queries);
    lens_await_turn(at_keys, key_turn);
    add_keys(job, m, job->dk, m->dk_t, kv_head, first_key, tiles, s.scale, key_turn > 0);
    add_keys(job, m, job->dv, m->dv_t, kv_head, first_key, tiles, 1.0f, key_turn > 0);
    lens_pass_turn(at_keys);
}

// Round by round; in a round the last chunk of queries comes first.
static void backward_piece(void *argument, size_t index, size_t thread) {
    const backward_job *job = argument;
    size_t n = job->chunks, NKV = job->shape.NKV;
    size_t round = index / (n * NKV), i = n - 1 - index / NKV % n, j = (round + n - i) % n;
    if (j > i) return; // those keys come after these queries
    backward_memory m = divide(job, thread);
    meet_chunk(job, &m, index % NKV, i, j);
}

// A chunk's copies should stay near the second-level cache, and there should be pieces for many threads.
enum { chunk_elements = 49152, enough_pieces = 60 };

// The largest chunk, in the kernel's blocks of keys, that gives both. It depends on the shape alone.
static size_t blocks_of_chunk(lens_attention_shape shape, size_t block, size_t HSP) {
    size_t blocks = larger(1, chunk_elements / (block * HSP));
    for (; blocks > 1; blocks--) {
        size_t n = (shape.T + blocks * block - 1) / (blocks * block);
        if (shape.NKV * n * (n + 1) / 2 >= enough_pieces) break;
    }
    return blocks;
}

// How the work on a shape is cut.
static backward_job plan(const lens_context *context, lens_attention_shape shape) {
    const lens_attention_kernels *kernels = &context->kernels->attention;
    backward_job job = {.context = context, .shape = shape, .kernels = kernels,
                        .HSP = round_up(shape.HS, kernels->head_multiple)};
    size_t block = kernels->backward_tiles * kernels->lanes;
    size_t blocks = blocks_of_chunk(shape, block, job.HSP);
    job.tiles = blocks * kernels->backward_tiles;
    job.chunk = blocks * block;
    job.chunks = (shape.T + job.chunk - 1) / job.chunk;
    job.turn_bytes = round_up(2 * job.chunks * shape.NKV * sizeof(lens_turn), 64);
    return job;
}

lens_scratch_need lens_attention_scratch(const lens_context *context, lens_attention_shape shape) {
    if (shape.T == 0 || shape.NH == 0) return (lens_scratch_need){0, 0};
    backward_job job = plan(context, shape);
    size_t backward = scratch_bytes(&job), bytes = larger(backward, lens_attention_forward_scratch(context, shape));
    return (lens_scratch_need){bytes, bytes};
}

lens_status lens_attention_backward(lens_context *context, lens_attention_shape shape, lens_attention_queries queries,
                                    const float *q, const float *k, const float *v, const float *out, const float *lse,
                                    const float *dout, float *delta, float *dq, float *dk, float *dv) {
    if (shape.T == 0 || shape.NH == 0) return LENS_OK;
    backward_job job = plan(context, shape);
    job.queries = queries, job.q = q, job.k = k, job.v = v, job.out = out, job.lse = lse, job.dout = dout;
    job.delta = delta, job.dq = dq, job.dk = dk, job.dv = dv;
    size_t turns = job.chunks * shape.NKV, pieces = turns * job.chunks;
    if (!lens_scratch_take(context, pieces, scratch_bytes(&job))) return LENS_NO_MEMORY;
    job.query_turns = lens_scratch_of(context, 0);
    job.key_turns = job.query_turns + turns;
    for (size_t i = 0; i < 2 * turns; i++) atomic_init(&job.query_turns[i], 0);

    lens_parallel_for(context, (queries.count + delta_rows - 1) / delta_rows, delta_piece, &job);
    lens_parallel_for(context, pieces, backward_piece, &job);
    return LENS_OK;
}
