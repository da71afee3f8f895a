// Register tiles of attention in the vector vocabulary: the products, and moving rows into and out of lanes. Needs
// `tile_lanes`, and `multiply_add_row` (multiply_add-inl.h).

enum { max_accumulators = 32 };

/// acc[r * V + v] += sum over k of a[r * row_stride + k * k_stride] * b[k * b_stride + v * VF_WIDTH]: R x V vectors.
/// R and V are constants where this is inlined, so that the accumulators stay in registers.
LENS_INLINE void multiply_add(const int R, const int V, size_t K, const float *a, size_t row_stride, size_t k_stride,
                              const float *b, size_t b_stride, vf *acc) {
    for (size_t k = 0; k < K; k++) {
        vf column[4];
#pragma clang loop unroll(full)
        for (int v = 0; v < V; v++) column[v] = vf_load(b + k * b_stride + (size_t)v * VF_WIDTH);
#pragma clang loop unroll(full)
        for (int r = 0; r < R; r++) multiply_add_row(V, a + (size_t)r * row_stride + k * k_stride, column, acc + r * V);
    }
}

LENS_INLINE void clear_tile(const int R, const int V, vf *acc) {
#pragma clang loop unroll(full)
    for (int i = 0; i < R * V; i++) acc[i] = vf_zero();
}

LENS_INLINE void load_tile(const int R, const int V, const float *c, size_t stride, vf *acc) {
#pragma clang loop unroll(full)
    for (int r = 0; r < R; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < V; v++) acc[r * V + v] = vf_load(c + (size_t)r * stride + (size_t)v * VF_WIDTH);
}

LENS_INLINE void store_tile(const int R, const int V, const vf *acc, float *c, size_t stride) {
#pragma clang loop unroll(full)
    for (int r = 0; r < R; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < V; v++) vf_store(c + (size_t)r * stride + (size_t)v * VF_WIDTH, acc[r * V + v]);
}

/// `x` clamped to 0...VF_WIDTH.
LENS_INLINE size_t lane_count(ptrdiff_t x) { return x <= 0 ? 0 : x >= VF_WIDTH ? VF_WIDTH : (size_t)x; }

// ---- rows into and out of lanes ----

LENS_INLINE vf load_some(const float *p, size_t n) {
    return n >= VF_WIDTH ? vf_load(p) : n == 0 ? vf_zero() : vf_load_first(p, n);
}

static void pack_lanes(size_t rows, size_t HS, size_t HSP, float factor, const float *x, size_t stride, float *packed) {
    const vf scale = vf_set1(factor);
    for (size_t lane = 0; lane < tile_lanes; lane += VF_WIDTH) {
        for (size_t d = 0; d < HSP; d += VF_WIDTH) {
            vf square[VF_WIDTH];
            for (size_t i = 0; i < VF_WIDTH; i++) {
                bool inside = lane + i < rows && d < HS;
                square[i] = inside ? vf_mul(load_some(x + (lane + i) * stride + d, HS - d), scale) : vf_zero();
            }
            vf_transpose(square);
            for (size_t i = 0; i < VF_WIDTH; i++) vf_store(packed + (d + i) * tile_lanes + lane, square[i]);
        }
    }
}
