// The queries of one token that share their keys meet keys as they lie in memory: nothing is packed, since each key is
// met once. In the vector vocabulary; needs attention_tile-inl.h and `probability`.

enum { decode_rows = 4, decode_vectors = 2, decode_keys = 32 };

// Rows from `first` to before `end` that will be needed soon, as far as there are so many, into the second-level cache.
LENS_INLINE void prefetch_rows(const lens_attention_decode_tile *t, const float *x, size_t first, size_t end) {
    for (size_t r = first; r < end && r < t->keys; r++)
        for (size_t d = 0; d < t->HS; d += 16) prefetch_l2(x + r * t->stride + d);
}

// Scores of a vector of keys from number `first` on; those past the last are -inf.
static void decode_scores(const lens_attention_decode_tile *t, size_t first) {
    const float *rows[VF_WIDTH];
    for (size_t i = 0; i < VF_WIDTH; i++) {
        size_t key = first + i < t->keys ? first + i : t->keys - 1;
        rows[i] = t->k + key * t->stride;
    }
    size_t whole = t->HS / VF_WIDTH * VF_WIDTH;
    for (size_t g = 0; g < t->queries; g++) {
        const float *q = t->q + g * t->HSP;
        vf sums[VF_WIDTH];
#pragma clang loop unroll(full)
        for (size_t i = 0; i < VF_WIDTH; i++) sums[i] = vf_zero();
        for (size_t d = 0; d < whole; d += VF_WIDTH) {
            vf x = vf_load(q + d);
#pragma clang loop unroll(full)
            for (size_t i = 0; i < VF_WIDTH; i++) sums[i] = vf_fma(x, vf_load(rows[i] + d), sums[i]);
        }
        if (whole < t->HS)
            for (size_t i = 0; i < VF_WIDTH; i++)
                sums[i] = vf_fma(vf_load(q + whole), vf_load_first(rows[i] + whole, t->HS - whole), sums[i]);
        vf_transpose(sums);
#pragma clang loop unroll(full)
        for (size_t half = VF_WIDTH / 2; half > 0; half /= 2)
#pragma clang loop unroll(full)
            for (size_t i = 0; i < half; i++) sums[i] = vf_add(sums[i], sums[i + half]);
        vf_store(t->s + g * t->s_stride + first,
                 vf_first_or(sums[0], lane_count((ptrdiff_t)(t->keys - first)), vf_set1(-INFINITY)));
    }
}

// Scores of one query become probabilities under the new maximum; what was summed is taken to it.
static void decode_softmax(const lens_attention_decode_tile *t, size_t g, size_t padded) {
    float *s = t->s + g * t->s_stride, *out = t->out + g * t->HSP, old = t->maximum[g];
    vf highest = vf_set1(old), sum = vf_zero();
    for (size_t j = 0; j < padded; j += VF_WIDTH) highest = vf_max(highest, vf_load(s + j));
    vf maximum = vf_set1(vf_maximum(highest));
    for (size_t j = 0; j < padded; j += VF_WIDTH) {
        vf p = probability(vf_sub(vf_load(s + j), maximum));
        sum = vf_add(sum, p);
        vf_store(s + j, p);
    }
    float correction[VF_WIDTH], of_maximum[VF_WIDTH];
    vf_store(correction, probability(vf_sub(vf_set1(old), maximum)));
    vf_store(of_maximum, maximum);
    t->maximum[g] = of_maximum[0];
    t->sum[g] = t->sum[g] * correction[0] + vf_sum(sum);
    for (size_t d = 0; d < t->HSP; d += VF_WIDTH) vf_store(out + d, vf_mul(vf_load(out + d), vf_set1(correction[0])));
}

// R queries and V vectors of values from element d on, over keys [first, end).
LENS_INLINE void decode_block(const lens_attention_decode_tile *t, const int R, const int V, size_t g, size_t d,
                              size_t first, size_t end) {
    vf acc[max_accumulators];
    float *out = t->out + g * t->HSP + d;
    load_tile(R, V, out, t->HSP, acc);
    for (size_t j = first; j < end; j++) {
        const float *v = t->v + j * t->stride + d;
        vf column[decode_vectors];
#pragma clang loop unroll(full)
        for (int i = 0; i < V; i++) column[i] = V > 1 ? vf_load(v + i * VF_WIDTH) : load_some(v, t->HS - d);
#pragma clang loop unroll(full)
        for (int r = 0; r < R; r++) {
            vf p = vf_set1(t->s[(g + (size_t)r) * t->s_stride + j]);
#pragma clang loop unroll(full)
            for (int i = 0; i < V; i++) acc[r * V + i] = vf_fma(p, column[i], acc[r * V + i]);
        }
    }
    store_tile(R, V, acc, out, t->HSP);
}

LENS_INLINE void decode_values(const lens_attention_decode_tile *t, const int V, size_t d, size_t first, size_t end) {
    size_t g = 0;
    for (; g + decode_rows <= t->queries; g += decode_rows) decode_block(t, decode_rows, V, g, d, first, end);
    switch (t->queries - g) {
    case 3: decode_block(t, 3, V, g, d, first, end); break;
    case 2: decode_block(t, 2, V, g, d, first, end); break;
    case 1: decode_block(t, 1, V, g, d, first, end); break;
    default: break;
    }
}

static void decode(const lens_attention_decode_tile *t) {
    size_t padded = round_up(t->keys, VF_WIDTH);
    prefetch_rows(t, t->k, 0, decode_keys);
    for (size_t j = 0; j < padded; j += VF_WIDTH) {
        // Long before they are met: what counts then is how much memory gives, and not how late.
        prefetch_rows(t, t->k, j + decode_keys, j + decode_keys + VF_WIDTH);
        prefetch_rows(t, t->v, j, j + VF_WIDTH);
        decode_scores(t, j);
    }
    for (size_t g = 0; g < t->queries; g++) decode_softmax(t, g, padded);
    for (size_t j = 0; j < t->keys; j += decode_keys) {
        size_t end = j + decode_keys < t->keys ? j + decode_keys : t->keys, d = 0;
        for (; d + decode_vectors * VF_WIDTH <= t->HS; d += decode_vectors * VF_WIDTH)
            decode_values(t, decode_vectors, d, j, end);
        for (; d < t->HS; d += VF_WIDTH) decode_values(t, 1, d, j, end);
    }
}
