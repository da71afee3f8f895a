// Rows of attention into and out of packed blocks of fp32, in the vector vocabulary; needs attention_tile-inl.h.

enum { prefetched_rows = 16 };

LENS_INLINE void store_some(float *p, vf x, size_t n) {
    if (n >= VF_WIDTH) {
        vf_store(p, x);
    } else if (n > 0) {
        vf_store_first(p, x, n);
    }
}

static void pack_rows(size_t rows, size_t padded_rows, size_t HS, size_t HSP, const float *x, size_t stride,
                      float *packed) {
    for (size_t r = 0; r < padded_rows; r++) {
        if (r + prefetched_rows < rows)
            for (size_t d = 0; d < HS; d += 16) prefetch_l1(x + (r + prefetched_rows) * stride + d);
        for (size_t d = 0; d < HSP; d += VF_WIDTH) {
            vf y = r < rows && d < HS ? load_some(x + r * stride + d, HS - d) : vf_zero();
            vf_store(packed + r * HSP + d, y);
        }
    }
}

LENS_INLINE void put(size_t n, vf factor, bool accumulate, vf y, float *p) {
    vf old = accumulate ? load_some(p, n) : vf_zero();
    store_some(p, vf_fma(y, factor, old), n);
}

static void unpack_rows(size_t rows, size_t HS, size_t HSP, float factor, bool accumulate, const float *packed,
                        float *x, size_t stride) {
    for (size_t r = 0; r < rows; r++)
        for (size_t d = 0; d < HS; d += VF_WIDTH)
            put(HS - d, vf_set1(factor), accumulate, vf_load(packed + r * HSP + d), x + r * stride + d);
}

static void unpack_lanes(size_t rows, size_t HS, bool accumulate, const float *factors, const float *packed, float *x,
                         size_t stride) {
    for (size_t lane = 0; lane < rows; lane += VF_WIDTH) {
        for (size_t d = 0; d < HS; d += VF_WIDTH) {
            vf square[VF_WIDTH];
            for (size_t i = 0; i < VF_WIDTH; i++) square[i] = vf_load(packed + (d + i) * tile_lanes + lane);
            vf_transpose(square);
            for (size_t i = 0; i < VF_WIDTH && lane + i < rows; i++)
                put(HS - d, vf_set1(factors[lane + i]), accumulate, square[i], x + (lane + i) * stride + d);
        }
    }
}

static float dot(size_t n, const float *x, const float *y) {
    vf even = vf_zero(), odd = vf_zero();
    size_t i = 0;
    for (; i + 2 * VF_WIDTH <= n; i += 2 * VF_WIDTH) {
        even = vf_fma(vf_load(x + i), vf_load(y + i), even);
        odd = vf_fma(vf_load(x + i + VF_WIDTH), vf_load(y + i + VF_WIDTH), odd);
    }
    for (; i < n; i += VF_WIDTH) even = vf_fma(load_some(x + i, n - i), load_some(y + i, n - i), even);
    return vf_sum(vf_add(even, odd));
}
