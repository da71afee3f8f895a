// One block of the backward pass (FlashAttention-2, arXiv 2307.08691, algorithm 2) with keys in lanes:
//   S = Q·Kᵀ, P = exp2(S - lse), dP = dO·Vᵀ, dS = P (dP - delta), dV += Pᵀ·dO, dK += dSᵀ·Q, dQ += dS·K.
// In the vector vocabulary; needs attention_tile-inl.h and `probability`.

// P and dS of `tile_rows` queries and one tile of keys, from S and dP that lie in their places.
LENS_INLINE void backward_softmax(const lens_attention_backward_tile *t, size_t i, size_t tile, bool masked) {
    size_t keys = t->tiles * tile_lanes;
    for (size_t r = i; r < i + tile_rows; r++) {
        const vf lse = vf_set1(t->lse[r]), delta = vf_set1(t->delta[r]);
        for (int v = 0; v < tile_vectors; v++) {
            size_t key = tile * tile_lanes + (size_t)v * VF_WIDTH;
            float *ps = t->p + r * keys + key, *dss = t->ds + r * keys + key;
            vf p = probability(vf_sub(vf_load(ps), lse));
            vf ds = vf_mul(p, vf_sub(vf_load(dss), delta));
            if (masked) {
                ptrdiff_t end = (ptrdiff_t)r + t->diagonal + 1 - (ptrdiff_t)key;
                size_t visible = lane_count(end), before = lane_count(end - t->window);
                p = vf_first_or(vf_zero(), before, vf_first_or(p, visible, vf_zero()));
                ds = vf_first_or(vf_zero(), before, vf_first_or(ds, visible, vf_zero()));
            }
            vf_store(ps, p);
            vf_store(dss, ds);
        }
    }
}

// Of the queries from `first` to before `end`.
static void backward_probabilities(const lens_attention_backward_tile *t, size_t tile, size_t first, size_t end) {
    size_t keys = t->tiles * tile_lanes, HSP = t->HSP;
    const float *k_t = t->k_t + tile * HSP * tile_lanes, *v_t = t->v_t + tile * HSP * tile_lanes;
    ptrdiff_t first_key = (ptrdiff_t)(tile * tile_lanes), last_key = first_key + tile_lanes - 1;
    for (size_t i = first; i < end; i += tile_rows) {
        vf acc[max_accumulators];
        clear_tile(tile_rows, tile_vectors, acc);
        multiply_add(tile_rows, tile_vectors, HSP, t->q + i * HSP, HSP, 1, k_t, tile_lanes, acc);
        store_tile(tile_rows, tile_vectors, acc, t->p + i * keys + tile * tile_lanes, keys);
        clear_tile(tile_rows, tile_vectors, acc);
        multiply_add(tile_rows, tile_vectors, HSP, t->dout + i * HSP, HSP, 1, v_t, tile_lanes, acc);
        store_tile(tile_rows, tile_vectors, acc, t->ds + i * keys + tile * tile_lanes, keys);
        ptrdiff_t diagonal = (ptrdiff_t)i + t->diagonal;
        if (diagonal >= last_key && diagonal + tile_rows - 1 - t->window < first_key) {
            backward_softmax(t, i, tile, false);
        } else {
            backward_softmax(t, i, tile, true);
        }
    }
}

/// grad[HSP][lanes] += xᵀ · weights, over the queries from `first` to before `end`.
static void backward_keys(const lens_attention_backward_tile *t, size_t tile, size_t first, size_t end, const float *x,
                          const float *weights, float *grad) {
    size_t keys = t->tiles * tile_lanes, HSP = t->HSP;
    for (size_t d = 0; d < HSP; d += tile_rows) {
        vf acc[max_accumulators];
        float *g = grad + (tile * HSP + d) * tile_lanes;
        load_tile(tile_rows, tile_vectors, g, tile_lanes, acc);
        multiply_add(tile_rows, tile_vectors, end - first, x + first * HSP + d, 1, HSP,
                     weights + first * keys + tile * tile_lanes, keys, acc);
        store_tile(tile_rows, tile_vectors, acc, g, tile_lanes);
    }
}

// One register tile of dQ: R queries, V vectors along the head; over the keys from `first` to before `end`.
LENS_INLINE void backward_query_tile(const lens_attention_backward_tile *t, const int R, const int V, size_t i,
                                     size_t d, size_t first, size_t end) {
    size_t keys = t->tiles * tile_lanes, HSP = t->HSP;
    vf acc[max_accumulators];
    load_tile(R, V, t->dq + i * HSP + d, HSP, acc);
    multiply_add(R, V, end - first, t->ds + i * keys + first, keys, 1, t->k + first * HSP + d, HSP, acc);
    store_tile(R, V, acc, t->dq + i * HSP + d, HSP);
}

static void backward_queries(const lens_attention_backward_tile *t) {
    size_t keys = t->tiles * tile_lanes;
    for (size_t i = 0; i < t->queries; i += tile_rows) {
        ptrdiff_t seen = (ptrdiff_t)(i + tile_rows) + t->diagonal;
        if (seen <= 0) continue;
        size_t end = min((size_t)seen, keys);
        // Of tiles that the first of these queries sees nothing of there are no probabilities.
        ptrdiff_t before = (ptrdiff_t)i + t->diagonal + 1 - t->window;
        size_t first = before > 0 ? (size_t)before / tile_lanes * tile_lanes : 0;
        if (first >= end) continue;
        for (size_t d = 0; d < t->HSP;) {
            size_t left = (t->HSP - d) / VF_WIDTH;
            if (left >= wide_vectors && left != wide_vectors + 1) {
                for (size_t r = 0; r < tile_rows; r += wide_rows)
                    backward_query_tile(t, wide_rows, wide_vectors, i + r, d, first, end);
                d += wide_vectors * VF_WIDTH;
            } else if (left >= 2) {
                backward_query_tile(t, tile_rows, 2, i, d, first, end);
                d += 2 * VF_WIDTH;
            } else {
                backward_query_tile(t, tile_rows, 1, i, d, first, end);
                d += VF_WIDTH;
            }
        }
    }
}

static void backward(const lens_attention_backward_tile *t) {
    for (size_t tile = 0; tile < t->tiles; tile++) {
        // Queries before the tile's first key see none of it.
        ptrdiff_t blind = (ptrdiff_t)(tile * tile_lanes) - t->diagonal;
        size_t first = blind > 0 ? (size_t)blind / tile_rows * tile_rows : 0;
        if (first >= t->queries) break;
        // Nor do queries that are a window past its last one.
        ptrdiff_t past = (ptrdiff_t)((tile + 1) * tile_lanes) - 1 - t->diagonal + t->window;
        size_t end = past > 0 ? min(round_up((size_t)past, tile_rows), t->queries) : 0;
        if (first >= end) continue;
        backward_probabilities(t, tile, first, end);
        backward_keys(t, tile, first, end, t->dout, t->p, t->dv_t);
        backward_keys(t, tile, first, end, t->q, t->ds, t->dk_t);
    }
    backward_queries(t);
}
