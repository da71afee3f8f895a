// The matrix product's micro-kernels in the vector vocabulary: a register tile of MR rows and NR columns. Needs
// the enum {MR, HALF, VECTORS, NR, PREFETCH}, HALF rows being 3 or 4, `multiply_add_row` and `pack_columns_of_a`.

// How many positions of the innermost loop are written out, and the floats of a cache line.
enum { UNROLLED = 4, LINE = 16 };

// Where the next position is read. Rows are reached from two pointers by the processor's scaled addressing. The
// compiler would rather keep an address per row and position, for which there are not enough registers: an empty
// assembler statement after every position hides from it how the pointers come about.
typedef struct cursor {
    const float *a, *a_lower, *b; // a_lower: row HALF
    size_t lane_stride, lane_stride3, a_stride, b_stride;
} cursor;

LENS_INLINE cursor start_at(lens_gemm_panel a, lens_gemm_panel b) {
    return (cursor){a.start, a.start + HALF * a.lane_stride, b.start, a.lane_stride, 3 * a.lane_stride, a.stride,
                    b.stride};
}

LENS_INLINE const float *row_at(const cursor *at, size_t i) {
    const float *from = i < HALF ? at->a : at->a_lower;
    switch (i % HALF) {
    case 0: return from;
    case 1: return from + at->lane_stride;
    case 2: return from + 2 * at->lane_stride;
    default: return from + at->lane_stride3;
    }
}

LENS_INLINE vf load(bool whole, vmask mask, const float *x) { return whole ? vf_load(x) : vf_load_mask(x, mask); }

// The sums at one position, and on to the next.
LENS_INLINE void multiply_position(const size_t rows, const size_t vectors, const bool whole, const vmask *mask,
                                   cursor *at, vf sum[MR][VECTORS]) {
    vf row[VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        row[v] = load(whole, mask[v], at->b + v * VF_WIDTH);
        // From the second-level cache.
        if (v * VF_WIDTH % LINE == 0) prefetch_l1(at->b + PREFETCH * at->b_stride + v * VF_WIDTH);
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) multiply_add_row((int)vectors, row_at(at, i), row, sum[i]);
    at->a += at->a_stride;
    at->a_lower += at->a_stride;
    at->b += at->b_stride;
    __asm__("" : "+r"(at->a), "+r"(at->a_lower), "+r"(at->b));
}

// The tile of `rows` rows and `vectors` vectors of columns, constants after inlining, of which n columns exist;
// `whole`: all of them.
LENS_INLINE void multiply(const size_t rows, const size_t vectors, const bool whole, size_t n, size_t k,
                          bool accumulate, lens_gemm_panel a, lens_gemm_panel b, const float *next, float *c,
                          size_t ldc) {
    if (rows > MR || vectors > VECTORS) return; // never called so
    vmask mask[VECTORS];
    vf sum[MR][VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) mask[v] = vf_first_mask(min(n - v * VF_WIDTH, VF_WIDTH));
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            sum[i][v] = vf_zero();
            if (v * VF_WIDTH % LINE == 0) prefetch_l1(c + i * ldc + v * VF_WIDTH);
        }
    cursor at = start_at(a, b);
    size_t p = 0;
    for (; p + UNROLLED <= k; p += UNROLLED) {
        prefetch_l2(next + p);
#pragma clang loop unroll(full)
        for (size_t q = 0; q < UNROLLED; q++) multiply_position(rows, vectors, whole, mask, &at, sum);
    }
    for (; p < k; p++) multiply_position(rows, vectors, whole, mask, &at, sum);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            float *to = c + i * ldc + v * VF_WIDTH;
            vf result = sum[i][v];
            if (accumulate) result = vf_add(load(whole, mask[v], to), result);
            if (whole) {
                vf_store(to, result);
            } else {
                vf_store_mask(to, result, mask[v]);
            }
        }
}

static void tile(size_t k, bool accumulate, lens_gemm_panel a, lens_gemm_panel b, const float *next, float *c,
                 size_t ldc) {
    multiply(MR, VECTORS, true, NR, k, accumulate, a, b, next, c, ldc);
}

LENS_INLINE void edge_rows(const size_t rows, size_t n, size_t k, bool accumulate, lens_gemm_panel a, lens_gemm_panel b,
                           float *c, size_t ldc) {
    if (n == NR) {
        multiply(rows, VECTORS, true, n, k, accumulate, a, b, a.start, c, ldc);
    } else if (n <= VF_WIDTH) {
        multiply(rows, 1, false, n, k, accumulate, a, b, a.start, c, ldc);
    } else if (n <= 2 * VF_WIDTH) {
        multiply(rows, 2, false, n, k, accumulate, a, b, a.start, c, ldc);
    } else {
        multiply(rows, 3, false, n, k, accumulate, a, b, a.start, c, ldc);
    }
}

static void edge_tile(size_t m, size_t n, size_t k, bool accumulate, lens_gemm_panel a, lens_gemm_panel b, float *c,
                      size_t ldc) {
    switch (m) {
    case 1: edge_rows(1, n, k, accumulate, a, b, c, ldc); break;
    case 2: edge_rows(2, n, k, accumulate, a, b, c, ldc); break;
    case 3: edge_rows(3, n, k, accumulate, a, b, c, ldc); break;
    case 4: edge_rows(4, n, k, accumulate, a, b, c, ldc); break;
    case 5: edge_rows(5, n, k, accumulate, a, b, c, ldc); break;
    case 6: edge_rows(6, n, k, accumulate, a, b, c, ldc); break;
    case 7: edge_rows(7, n, k, accumulate, a, b, c, ldc); break;
    default: edge_rows(8, n, k, accumulate, a, b, c, ldc); break;
    }
}

#include "kernels/template/pack_lanes-inl.h"

static void pack_a(size_t m, size_t k, bool transpose, const float *a, size_t lda, float *packed) {
    if (transpose) {
        pack_columns_of_a(m, k, a, lda, packed);
    } else {
        pack_panel(MR, m, k, a, lda, packed);
    }
}

static void pack_b(size_t n, size_t k, bool transpose, const float *b, size_t ldb, float *packed) {
    for (size_t first = 0; first < NR; first += VF_WIDTH) {
        size_t lanes = n > first ? min(n - first, VF_WIDTH) : 0;
        // Without lanes nothing is read, and no address past the matrix is formed.
        const float *from = lanes == 0 ? b : b + first * (transpose ? ldb : 1);
        if (transpose) {
            pack_lanes(NR, VF_WIDTH, lanes, k, from, ldb, packed + first);
        } else {
            const vmask there = vf_first_mask(lanes);
            for (size_t p = 0; p < k; p++) vf_store(packed + p * NR + first, vf_load_mask(from + p * ldb, there));
        }
    }
}
