// The matrix product's micro-kernels on AVX2: a tile of 6 rows x 16 columns in 12 of the 16 registers.
#include "kernels/gemm_kernels.h"
#include "kernels/avx2/vector.h"

#if defined(__x86_64__)

// Counts that a caller passes as constants must be constants inside: loops over them are unrolled.
#define INLINE static inline __attribute__((always_inline))

LENS_BEGIN

enum { MR = 6, HALF = MR / 2, VECTORS = 2, WIDTH = 8, NR = VECTORS * WIDTH };

// How many steps ahead the panel of B is asked for: it comes from the second-level cache.
enum { AHEAD = 24, UNROLLED = 4 };

INLINE __m256i first_mask(size_t n) {
    __m256i count = _mm256_set1_epi32(n > WIDTH ? WIDTH : (int)n);
    return _mm256_cmpgt_epi32(count, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

INLINE __m256 load(bool whole, const float *x, __m256i mask) {
    return whole ? _mm256_loadu_ps(x) : _mm256_maskload_ps(x, mask);
}

// Where the next step reads. Rows are reached from two pointers by the processor's scaled addressing. The
// compiler would rather keep an address per row and step, for which there are not enough registers: an empty
// assembler statement after every step hides from it how the pointers come about.
typedef struct cursor {
    const float *a, *a_lower, *b; // a_lower: row HALF
    size_t lane, a_step, b_step;
} cursor;

INLINE cursor start_at(lens_gemm_panel a, lens_gemm_panel b) {
    return (cursor){a.start, a.start + HALF * a.lane, b.start, a.lane, a.step, b.step};
}

INLINE const float *row_at(const cursor *at, size_t i) {
    const float *from = i < HALF ? at->a : at->a_lower;
    switch (i % HALF) {
    case 0: return from;
    case 1: return from + at->lane;
    default: return from + 2 * at->lane;
    }
}

// One step of the sums, and on to the next.
INLINE void multiply_step(const size_t rows, const bool whole, cursor *at, const __m256i mask[VECTORS],
                          __m256 sum[MR][VECTORS]) {
    __m256 row[VECTORS];
    _mm_prefetch((const char *)(at->b + AHEAD * at->b_step), _MM_HINT_T0);
#pragma clang loop unroll(full)
    for (size_t v = 0; v < VECTORS; v++) row[v] = load(whole, at->b + v * WIDTH, mask[v]);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
        __m256 x = _mm256_broadcast_ss(row_at(at, i));
#pragma clang loop unroll(full)
        for (size_t v = 0; v < VECTORS; v++) sum[i][v] = _mm256_fmadd_ps(x, row[v], sum[i][v]);
    }
    at->a += at->a_step;
    at->a_lower += at->a_step;
    at->b += at->b_step;
    __asm__("" : "+r"(at->a), "+r"(at->a_lower), "+r"(at->b));
}

// The tile of `rows` rows, a constant after inlining, and `columns` columns; `whole`: of all columns.
INLINE void multiply(const size_t rows, const bool whole, size_t columns, size_t k, lens_gemm_panel a,
                     lens_gemm_panel b, float *c, size_t ldc, bool accumulate, const float *ahead) {
    __m256i mask[VECTORS];
    __m256 sum[MR][VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < VECTORS; v++) mask[v] = first_mask(columns > v * WIDTH ? columns - v * WIDTH : 0);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
        _mm_prefetch((const char *)(c + i * ldc), _MM_HINT_T0);
#pragma clang loop unroll(full)
        for (size_t v = 0; v < VECTORS; v++) sum[i][v] = _mm256_setzero_ps();
    }
    cursor at = start_at(a, b);
    size_t p = 0;
    for (; p + UNROLLED <= k; p += UNROLLED) {
        _mm_prefetch((const char *)(ahead + p), _MM_HINT_T1);
#pragma clang loop unroll(full)
        for (size_t q = 0; q < UNROLLED; q++) multiply_step(rows, whole, &at, mask, sum);
    }
    for (; p < k; p++) multiply_step(rows, whole, &at, mask, sum);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < VECTORS; v++) {
            float *to = c + i * ldc + v * WIDTH;
            __m256 result = sum[i][v];
            if (accumulate) result = _mm256_add_ps(load(whole, to, mask[v]), result);
            if (whole) {
                _mm256_storeu_ps(to, result);
            } else {
                _mm256_maskstore_ps(to, mask[v], result);
            }
        }
}

static void tile(size_t k, lens_gemm_panel a, lens_gemm_panel b, float *c, size_t ldc, bool accumulate,
                 const float *ahead) {
    multiply(MR, true, NR, k, a, b, c, ldc, accumulate, ahead);
}

static void edge_tile(size_t rows, size_t columns, size_t k, lens_gemm_panel a, lens_gemm_panel b, float *c,
                      size_t ldc, bool accumulate) {
    switch (rows) {
    case 1: multiply(1, false, columns, k, a, b, c, ldc, accumulate, a.start); break;
    case 2: multiply(2, false, columns, k, a, b, c, ldc, accumulate, a.start); break;
    case 3: multiply(3, false, columns, k, a, b, c, ldc, accumulate, a.start); break;
    case 4: multiply(4, false, columns, k, a, b, c, ldc, accumulate, a.start); break;
    case 5: multiply(5, false, columns, k, a, b, c, ldc, accumulate, a.start); break;
    default: multiply(MR, false, columns, k, a, b, c, ldc, accumulate, a.start); break;
    }
}

// Transposes 8 rows of 8.
INLINE void transpose(__m256 r[WIDTH]) {
    __m256 t[WIDTH];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < WIDTH; i += 4) { // 4x4 blocks inside both 128-bit lanes
        __m256 ab = _mm256_unpacklo_ps(r[i], r[i + 1]), AB = _mm256_unpackhi_ps(r[i], r[i + 1]);
        __m256 cd = _mm256_unpacklo_ps(r[i + 2], r[i + 3]), CD = _mm256_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm256_shuffle_ps(ab, cd, 0x44), t[i + 1] = _mm256_shuffle_ps(ab, cd, 0xee);
        t[i + 2] = _mm256_shuffle_ps(AB, CD, 0x44), t[i + 3] = _mm256_shuffle_ps(AB, CD, 0xee);
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < 4; i++) { // then the lanes themselves
        r[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}

// Packs up to 8 lanes whose k elements are contiguous into the `keep` first columns of a panel of `width`
// columns.
INLINE void pack_lanes(const size_t width, const size_t keep, size_t k, size_t lanes, const float *x,
                       size_t ldx, float *packed) {
    const __m256i kept = first_mask(keep);
    for (size_t p = 0; p < k; p += WIDTH) {
        size_t steps = k - p < WIDTH ? k - p : WIDTH;
        const __m256i here = first_mask(steps);
        __m256 r[WIDTH];
#pragma clang loop unroll(full)
        for (size_t l = 0; l < WIDTH; l++)
            r[l] = l < keep && l < lanes ? _mm256_maskload_ps(x + l * ldx + p, here) : _mm256_setzero_ps();
        transpose(r);
        float *to = packed + p * width;
#pragma clang loop unroll(full)
        for (size_t q = 0; q < WIDTH; q++)
            if (q < steps) _mm256_maskstore_ps(to + q * width, kept, r[q]);
    }
}

static void pack_a(bool transposed, size_t k, size_t rows, const float *a, size_t lda, float *packed_a) {
    if (!transposed) {
        pack_lanes(MR, MR, k, rows, a, lda, packed_a);
        return;
    }
    const __m256i there = first_mask(rows), kept = first_mask(MR);
    for (size_t p = 0; p < k; p++)
        _mm256_maskstore_ps(packed_a + p * MR, kept, _mm256_maskload_ps(a + p * lda, there));
}

static void pack_b(bool transposed, size_t k, size_t columns, const float *b, size_t ldb, float *packed_b) {
    for (size_t first = 0; first < NR; first += WIDTH) {
        size_t lanes = columns > first ? columns - first : 0;
        if (lanes > WIDTH) lanes = WIDTH;
        // Without lanes nothing is read, and no address past the matrix is formed.
        const float *from = lanes == 0 ? b : b + first * (transposed ? ldb : 1);
        if (transposed) {
            pack_lanes(NR, WIDTH, k, lanes, from, ldb, packed_b + first);
        } else {
            const __m256i there = first_mask(lanes);
            for (size_t p = 0; p < k; p++)
                _mm256_storeu_ps(packed_b + p * NR + first, _mm256_maskload_ps(from + p * ldb, there));
        }
    }
}

LENS_END

void lens_gemm_kernels_avx2(lens_gemm_kernels *table) {
    *table = (lens_gemm_kernels){
        .mr = MR, .nr = NR, .pack_b_from = 128,
        .tile = tile, .edge_tile = edge_tile, .pack_a = pack_a, .pack_b = pack_b};
}
#endif
