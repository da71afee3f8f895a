// Register tiles of attention in the vector vocabulary: the products, and moving rows into and out of lanes.

#define LENS_ALWAYS_INLINE static inline __attribute__((always_inline))

enum { max_accumulators = 32, rows_ahead = 16 };

/// acc[r * V + v] += sum over k of a[r * row_step + k * k_step] * b[k * b_step + v * VF_WIDTH]: R x V vectors.
/// R and V are constants where this is inlined, so that the accumulators stay in registers.
LENS_ALWAYS_INLINE void multiply_add(vf *acc, const int R, const int V, size_t count, const float *a, size_t row_step,
                                     size_t k_step, const float *b, size_t b_step) {
    for (size_t k = 0; k < count; k++) {
        vf column[4];
#pragma clang loop unroll(full)
        for (int v = 0; v < V; v++) column[v] = vf_load(b + k * b_step + (size_t)v * VF_WIDTH);
#pragma clang loop unroll(full)
        for (int r = 0; r < R; r++) {
            const float *element = a + (size_t)r * row_step + k * k_step;
#ifdef LENS_MULTIPLY_ADD_3
            if (V == 3) {
                LENS_MULTIPLY_ADD_3(acc + r * V, element, column);
                continue;
            }
#endif
            vf x = vf_set1(*element);
#pragma clang loop unroll(full)
            for (int v = 0; v < V; v++) acc[r * V + v] = vf_fma(x, column[v], acc[r * V + v]);
        }
    }
}

LENS_ALWAYS_INLINE void clear_tile(vf *acc, const int R, const int V) {
#pragma clang loop unroll(full)
    for (int i = 0; i < R * V; i++) acc[i] = vf_zero();
}

LENS_ALWAYS_INLINE void load_tile(vf *acc, const int R, const int V, const float *c, size_t step) {
#pragma clang loop unroll(full)
    for (int r = 0; r < R; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < V; v++) acc[r * V + v] = vf_load(c + (size_t)r * step + (size_t)v * VF_WIDTH);
}

LENS_ALWAYS_INLINE void store_tile(const vf *acc, const int R, const int V, float *c, size_t step) {
#pragma clang loop unroll(full)
    for (int r = 0; r < R; r++)
#pragma clang loop unroll(full)
        for (int v = 0; v < V; v++) vf_store(c + (size_t)r * step + (size_t)v * VF_WIDTH, acc[r * V + v]);
}

/// `x` clamped to 0...VF_WIDTH.
LENS_ALWAYS_INLINE size_t lane_count(ptrdiff_t x) {
    return x <= 0 ? 0 : x >= VF_WIDTH ? VF_WIDTH : (size_t)x;
}

// ---- rows into and out of lanes ----

#if VF_WIDTH == 16
#define LENS_LANES(f, d) \
    f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d), f(8, d), f(9, d), f(10, d), f(11, d), \
        f(12, d), f(13, d), f(14, d), f(15, d)
#elif VF_WIDTH == 8
#define LENS_LANES(f, d) f(0, d), f(1, d), f(2, d), f(3, d), f(4, d), f(5, d), f(6, d), f(7, d)
#elif VF_WIDTH == 4
#define LENS_LANES(f, d) f(0, d), f(1, d), f(2, d), f(3, d)
#endif
#define LENS_LOW(lane, d) (((lane) & (d)) ? VF_WIDTH + (lane) - (d) : (lane))
#define LENS_HIGH(lane, d) (((lane) & (d)) ? VF_WIDTH + (lane) : (lane) + (d))
// Exchanges the blocks of d lanes off the diagonal among rows that are d apart.
#define LENS_TRANSPOSE_STEP(x, d) \
    _Pragma("clang loop unroll(full)") for (int i = 0; i < VF_WIDTH; i++) { \
        if (i & (d)) continue; \
        vf a = (x)[i], b = (x)[i + (d)]; \
        (x)[i] = __builtin_shufflevector(a, b, LENS_LANES(LENS_LOW, d)); \
        (x)[i + (d)] = __builtin_shufflevector(a, b, LENS_LANES(LENS_HIGH, d)); \
    }

/// Transposes the square of VF_WIDTH rows and lanes.
LENS_ALWAYS_INLINE void transpose(vf *x) {
#if VF_WIDTH >= 16
    LENS_TRANSPOSE_STEP(x, 8)
#endif
#if VF_WIDTH >= 8
    LENS_TRANSPOSE_STEP(x, 4)
#endif
    LENS_TRANSPOSE_STEP(x, 2)
    LENS_TRANSPOSE_STEP(x, 1)
}

LENS_ALWAYS_INLINE vf load_some(const float *p, size_t n) {
    return n >= VF_WIDTH ? vf_load(p) : n == 0 ? vf_zero() : vf_load_first(p, n);
}

LENS_ALWAYS_INLINE void store_some(float *p, vf x, size_t n) {
    if (n >= VF_WIDTH) {
        vf_store(p, x);
    } else if (n > 0) {
        vf_store_first(p, x, n);
    }
}

static void pack_rows(float *packed, const float *x, size_t stride, size_t rows, size_t padded_rows, size_t HS,
                      size_t HSP) {
    for (size_t r = 0; r < padded_rows; r++) {
        if (r + rows_ahead < rows)
            for (size_t d = 0; d < HS; d += 16) __builtin_prefetch(x + (r + rows_ahead) * stride + d);
        for (size_t d = 0; d < HSP; d += VF_WIDTH) {
            vf y = r < rows && d < HS ? load_some(x + r * stride + d, HS - d) : vf_zero();
            vf_store(packed + r * HSP + d, y);
        }
    }
}

static void pack_lanes(float *packed, const float *x, size_t stride, size_t rows, size_t HS, size_t HSP,
                       float factor) {
    const vf scale = vf_set1(factor);
    for (size_t lane = 0; lane < tile_lanes; lane += VF_WIDTH) {
        for (size_t d = 0; d < HSP; d += VF_WIDTH) {
            vf square[VF_WIDTH];
            for (size_t i = 0; i < VF_WIDTH; i++) {
                bool inside = lane + i < rows && d < HS;
                square[i] = inside ? vf_mul(load_some(x + (lane + i) * stride + d, HS - d), scale) : vf_zero();
            }
            transpose(square);
            for (size_t i = 0; i < VF_WIDTH; i++) vf_store(packed + (d + i) * tile_lanes + lane, square[i]);
        }
    }
}

LENS_ALWAYS_INLINE void put(float *p, vf y, vf factor, size_t n, bool add) {
    vf old = add ? load_some(p, n) : vf_zero();
    store_some(p, vf_fma(y, factor, old), n);
}

static void unpack_rows(float *x, size_t stride, const float *packed, size_t rows, size_t HS, size_t HSP,
                        float factor, bool add) {
    for (size_t r = 0; r < rows; r++)
        for (size_t d = 0; d < HS; d += VF_WIDTH)
            put(x + r * stride + d, vf_load(packed + r * HSP + d), vf_set1(factor), HS - d, add);
}

static void unpack_lanes(float *x, size_t stride, const float *packed, size_t rows, size_t HS, size_t HSP,
                         const float *factors, bool add) {
    (void)HSP; // padded to whole squares
    for (size_t lane = 0; lane < rows; lane += VF_WIDTH) {
        for (size_t d = 0; d < HS; d += VF_WIDTH) {
            vf square[VF_WIDTH];
            for (size_t i = 0; i < VF_WIDTH; i++) square[i] = vf_load(packed + (d + i) * tile_lanes + lane);
            transpose(square);
            for (size_t i = 0; i < VF_WIDTH && lane + i < rows; i++)
                put(x + (lane + i) * stride + d, square[i], vf_set1(factors[lane + i]), HS - d, add);
        }
    }
}

static float dot(const float *x, const float *y, size_t n) {
    vf even = vf_zero(), odd = vf_zero();
    size_t i = 0;
    for (; i + 2 * VF_WIDTH <= n; i += 2 * VF_WIDTH) {
        even = vf_fma(vf_load(x + i), vf_load(y + i), even);
        odd = vf_fma(vf_load(x + i + VF_WIDTH), vf_load(y + i + VF_WIDTH), odd);
    }
    for (; i < n; i += VF_WIDTH) even = vf_fma(load_some(x + i, n - i), load_some(y + i, n - i), even);
    return vf_sum(vf_add(even, odd));
}
