// One forward tile: scores, online softmax, output (FlashAttention-2, arXiv 2307.08691, algorithm 1), all lane by
// lane. In the vector vocabulary; needs attention_tile-inl.h, `probability` (exp2 of a score that is at most 0), and
// WORD, the numbers that a word of a packed block holds, with `word_of`, which makes words of as many vectors.

// One row of K and V for each register tile: spread like this, their way from memory is hidden.
LENS_INLINE void prefetch_row(const lens_attention_forward_tile *t, size_t row) {
    if (row >= t->next_rows) return;
    for (size_t d = 0; d < t->HSP; d += 16) {
        prefetch_l2(t->next_k + row * t->next_stride + d);
        prefetch_l2(t->next_v + row * t->next_stride + d);
    }
}

static void forward_scores(const lens_attention_forward_tile *t) {
    for (size_t j = 0; j < t->keys; j += tile_rows) {
        prefetch_row(t, j / tile_rows);
        vf acc[max_accumulators];
        clear_tile(tile_rows, tile_vectors, acc);
        multiply_add(tile_rows, tile_vectors, t->HSP / WORD, t->k + j * t->HSP / WORD, t->HSP / WORD, 1, t->q,
                     tile_lanes, acc);
        store_tile(tile_rows, tile_vectors, acc, t->s + j * tile_lanes, tile_lanes);
    }
}

// Scores before the window become -inf.
static void forward_mask_before(const lens_attention_forward_tile *t) {
    ptrdiff_t lowest = t->diagonal - t->window + 1, end = lowest + tile_lanes - 1; // of the first lane, of the last
    for (ptrdiff_t j = 0; j < (ptrdiff_t)t->keys && j < end; j++) {
        for (ptrdiff_t lane = 0; lane < tile_lanes; lane += VF_WIDTH) {
            float *s = t->s + j * tile_lanes + lane;
            vf_store(s, vf_first_or(vf_load(s), lane_count(j - lowest + 1 - lane), vf_set1(-INFINITY)));
        }
    }
}

// Scores past the diagonal become -inf.
static void forward_mask(const lens_attention_forward_tile *t) {
    ptrdiff_t first = t->diagonal + 1 > 0 ? t->diagonal + 1 : 0;
    for (ptrdiff_t j = first; j < (ptrdiff_t)t->keys; j++) {
        for (ptrdiff_t lane = 0; lane < tile_lanes; lane += VF_WIDTH) {
            float *s = t->s + j * tile_lanes + lane;
            vf_store(s, vf_first_or(vf_set1(-INFINITY), lane_count(j - t->diagonal - lane), vf_load(s)));
        }
    }
}

// Scores become probabilities under the new maximum; `correction` takes what was summed to it.
static void forward_softmax(const lens_attention_forward_tile *t, vf *correction) {
    vf maximum[tile_vectors], sum[tile_vectors];
    for (int v = 0; v < tile_vectors; v++) maximum[v] = vf_load(t->maximum + v * VF_WIDTH);
    for (size_t j = 0; j < t->keys; j++)
        for (int v = 0; v < tile_vectors; v++)
            maximum[v] = vf_max(maximum[v], vf_load(t->s + j * tile_lanes + (size_t)v * VF_WIDTH));
    for (int v = 0; v < tile_vectors; v++) {
        correction[v] = probability(vf_sub(vf_load(t->maximum + v * VF_WIDTH), maximum[v]));
        vf_store(t->maximum + v * VF_WIDTH, maximum[v]);
        sum[v] = vf_zero();
    }
    for (size_t j = 0; j < t->keys; j += WORD) {
        for (int v = 0; v < tile_vectors; v++) {
            float *s = t->s + (size_t)v * VF_WIDTH;
            vf p[WORD];
            for (size_t i = 0; i < WORD; i++) {
                p[i] = probability(vf_sub(vf_load(s + (j + i) * tile_lanes), maximum[v]));
                sum[v] = vf_add(sum[v], p[i]);
            }
            vf_store(s + j / WORD * tile_lanes, word_of(p)); // never past what was read
        }
    }
    for (int v = 0; v < tile_vectors; v++) {
        float *l = t->sum + v * VF_WIDTH;
        vf_store(l, vf_fma(vf_load(l), correction[v], sum[v]));
    }
}

static void forward_output(const lens_attention_forward_tile *t, const vf *correction) {
    for (size_t d = 0; d < t->HSP; d += tile_rows) {
        vf acc[max_accumulators];
        float *out = t->out + d * tile_lanes;
        load_tile(tile_rows, tile_vectors, out, tile_lanes, acc);
#pragma clang loop unroll(full)
        for (int i = 0; i < tile_rows * tile_vectors; i++) acc[i] = vf_mul(acc[i], correction[i % tile_vectors]);
        multiply_add(tile_rows, tile_vectors, t->keys / WORD, t->v + d, 1, t->HSP, t->s, tile_lanes, acc);
        store_tile(tile_rows, tile_vectors, acc, out, tile_lanes);
    }
}

static void forward(const lens_attention_forward_tile *t) {
    vf correction[tile_vectors];
    forward_scores(t);
    if ((ptrdiff_t)t->keys - 1 > t->diagonal) forward_mask(t);
    if (tile_lanes + t->diagonal > t->window) forward_mask_before(t);
    forward_softmax(t, correction);
    forward_output(t, correction);
}
