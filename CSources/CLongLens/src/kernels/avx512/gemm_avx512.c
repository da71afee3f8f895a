// The matrix product's micro-kernels on AVX-512: a tile of 8 rows x 48 columns in 24 of the 32 registers.
#include "kernels/gemm_kernels.h"
#include "kernels/avx512/vector.h"

#if defined(__x86_64__)

// Counts that a caller passes as constants must be constants inside: loops over them are unrolled.
#define INLINE static inline __attribute__((always_inline))

LENS_BEGIN

enum { MR = 8, HALF = MR / 2, VECTORS = 3, WIDTH = 16, NR = VECTORS * WIDTH };

// How many steps ahead the panel of B is asked for: it comes from the second-level cache.
enum { AHEAD = 12, UNROLLED = 4 };

INLINE __mmask16 first_mask(size_t n) {
    return n >= WIDTH ? 0xffff : (__mmask16)((1u << n) - 1u);
}

// Where the next step reads. Rows are reached from two pointers by the processor's scaled addressing. The
// compiler would rather keep an address per row and step, for which there are not enough registers: an empty
// assembler statement after every step hides from it how the pointers come about.
typedef struct cursor {
    const float *a, *a_lower, *b; // a_lower: row HALF
    size_t lane, lane3, a_step, b_step;
} cursor;

INLINE cursor start_at(lens_gemm_panel a, lens_gemm_panel b) {
    return (cursor){a.start, a.start + HALF * a.lane, b.start, a.lane, 3 * a.lane, a.step, b.step};
}

INLINE const float *row_at(const cursor *at, size_t i) {
    const float *from = i < HALF ? at->a : at->a_lower;
    switch (i % HALF) {
    case 0: return from;
    case 1: return from + at->lane;
    case 2: return from + 2 * at->lane;
    default: return from + at->lane3;
    }
}

// One step of the sums, and on to the next.
INLINE void multiply_step(const size_t rows, const size_t vectors, cursor *at, const __mmask16 mask[VECTORS],
                          __m512 sum[MR][VECTORS]) {
    __m512 row[VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        row[v] = _mm512_maskz_loadu_ps(mask[v], at->b + v * WIDTH);
        _mm_prefetch((const char *)(at->b + AHEAD * at->b_step + v * WIDTH), _MM_HINT_T0);
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++) {
        __m512 x = _mm512_set1_ps(*row_at(at, i));
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) sum[i][v] = _mm512_fmadd_ps(x, row[v], sum[i][v]);
    }
    at->a += at->a_step;
    at->a_lower += at->a_step;
    at->b += at->b_step;
    __asm__("" : "+r"(at->a), "+r"(at->a_lower), "+r"(at->b));
}

// The tile of `rows` rows and `vectors` vectors of columns, constants after inlining, of which `columns`
// exist.
INLINE void multiply(const size_t rows, const size_t vectors, size_t columns, size_t k, lens_gemm_panel a,
                     lens_gemm_panel b, float *c, size_t ldc, bool accumulate, const float *ahead) {
    __mmask16 mask[VECTORS];
    __m512 sum[MR][VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) mask[v] = first_mask(columns - v * WIDTH);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            sum[i][v] = _mm512_setzero_ps();
            _mm_prefetch((const char *)(c + i * ldc + v * WIDTH), _MM_HINT_T0);
        }
    cursor at = start_at(a, b);
    size_t p = 0;
    for (; p + UNROLLED <= k; p += UNROLLED) {
        _mm_prefetch((const char *)(ahead + p), _MM_HINT_T1);
#pragma clang loop unroll(full)
        for (size_t q = 0; q < UNROLLED; q++) multiply_step(rows, vectors, &at, mask, sum);
    }
    for (; p < k; p++) multiply_step(rows, vectors, &at, mask, sum);
#pragma clang loop unroll(full)
    for (size_t i = 0; i < rows; i++)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++) {
            float *to = c + i * ldc + v * WIDTH;
            __m512 result = sum[i][v];
            if (accumulate) result = _mm512_add_ps(_mm512_maskz_loadu_ps(mask[v], to), result);
            _mm512_mask_storeu_ps(to, mask[v], result);
        }
}

static void tile(size_t k, lens_gemm_panel a, lens_gemm_panel b, float *c, size_t ldc, bool accumulate,
                 const float *ahead) {
    multiply(MR, VECTORS, NR, k, a, b, c, ldc, accumulate, ahead);
}

INLINE void edge_rows(const size_t rows, size_t columns, size_t k, lens_gemm_panel a, lens_gemm_panel b,
                      float *c, size_t ldc, bool accumulate) {
    if (columns <= WIDTH) {
        multiply(rows, 1, columns, k, a, b, c, ldc, accumulate, a.start);
    } else if (columns <= 2 * WIDTH) {
        multiply(rows, 2, columns, k, a, b, c, ldc, accumulate, a.start);
    } else {
        multiply(rows, 3, columns, k, a, b, c, ldc, accumulate, a.start);
    }
}

static void edge_tile(size_t rows, size_t columns, size_t k, lens_gemm_panel a, lens_gemm_panel b, float *c,
                      size_t ldc, bool accumulate) {
    switch (rows) {
    case 1: edge_rows(1, columns, k, a, b, c, ldc, accumulate); break;
    case 2: edge_rows(2, columns, k, a, b, c, ldc, accumulate); break;
    case 3: edge_rows(3, columns, k, a, b, c, ldc, accumulate); break;
    case 4: edge_rows(4, columns, k, a, b, c, ldc, accumulate); break;
    case 5: edge_rows(5, columns, k, a, b, c, ldc, accumulate); break;
    case 6: edge_rows(6, columns, k, a, b, c, ldc, accumulate); break;
    case 7: edge_rows(7, columns, k, a, b, c, ldc, accumulate); break;
    default: edge_rows(MR, columns, k, a, b, c, ldc, accumulate); break;
    }
}

// Transposes 16 rows of 16.
INLINE void transpose(__m512 r[WIDTH]) {
    __m512 t[WIDTH];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < WIDTH; i += 4) { // 4x4 blocks inside every 128-bit lane
        __m512 ab = _mm512_unpacklo_ps(r[i], r[i + 1]), AB = _mm512_unpackhi_ps(r[i], r[i + 1]);
        __m512 cd = _mm512_unpacklo_ps(r[i + 2], r[i + 3]), CD = _mm512_unpackhi_ps(r[i + 2], r[i + 3]);
        t[i] = _mm512_shuffle_ps(ab, cd, 0x44), t[i + 1] = _mm512_shuffle_ps(ab, cd, 0xee);
        t[i + 2] = _mm512_shuffle_ps(AB, CD, 0x44), t[i + 3] = _mm512_shuffle_ps(AB, CD, 0xee);
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < 4; i++) { // then the 4x4 lanes themselves
        __m512 even01 = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88);
        __m512 odd01 = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
        __m512 even23 = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
        __m512 odd23 = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
        r[i] = _mm512_shuffle_f32x4(even01, even23, 0x88);
        r[i + 4] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
        r[i + 8] = _mm512_shuffle_f32x4(even01, even23, 0xdd);
        r[i + 12] = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
    }
}

// Packs up to 16 lanes whose k elements are contiguous into the `keep` first columns of a panel of `width`
// columns.
INLINE void pack_lanes(const size_t width, const size_t keep, size_t k, size_t lanes, const float *x,
                       size_t ldx, float *packed) {
    const __mmask16 kept = first_mask(keep);
    for (size_t p = 0; p < k; p += WIDTH) {
        size_t steps = k - p < WIDTH ? k - p : WIDTH;
        const __mmask16 here = first_mask(steps);
        __m512 r[WIDTH];
#pragma clang loop unroll(full)
        for (size_t l = 0; l < WIDTH; l++)
            r[l] = l < keep && l < lanes ? _mm512_maskz_loadu_ps(here, x + l * ldx + p) : _mm512_setzero_ps();
        transpose(r);
        float *to = packed + p * width;
#pragma clang loop unroll(full)
        for (size_t q = 0; q < WIDTH; q++)
            if (q < steps) _mm512_mask_storeu_ps(to + q * width, kept, r[q]);
    }
}

static void pack_a(bool transposed, size_t k, size_t rows, const float *a, size_t lda, float *packed_a) {
    if (!transposed) {
        pack_lanes(MR, MR, k, rows, a, lda, packed_a);
        return;
    }
    const __mmask8 there = (__mmask8)((1u << rows) - 1u);
    for (size_t p = 0; p < k; p++)
        _mm256_storeu_ps(packed_a + p * MR, _mm256_maskz_loadu_ps(there, a + p * lda));
}

static void pack_b(bool transposed, size_t k, size_t columns, const float *b, size_t ldb, float *packed_b) {
    for (size_t v = 0; v < VECTORS; v++) {
        size_t first = v * WIDTH, lanes = columns > first ? columns - first : 0;
        if (lanes > WIDTH) lanes = WIDTH;
        // Without lanes nothing is read, and no address past the matrix is formed.
        const float *from = lanes == 0 ? b : b + first * (transposed ? ldb : 1);
        if (transposed) {
            pack_lanes(NR, WIDTH, k, lanes, from, ldb, packed_b + first);
        } else {
            const __mmask16 there = first_mask(lanes);
            for (size_t p = 0; p < k; p++)
                _mm512_storeu_ps(packed_b + p * NR + first, _mm512_maskz_loadu_ps(there, from + p * ldb));
        }
    }
}

LENS_END

void lens_gemm_kernels_avx512(lens_gemm_kernels *table) {
    *table = (lens_gemm_kernels){
        .mr = MR, .nr = NR, .pack_b_from = 4096,
        .tile = tile, .edge_tile = edge_tile, .pack_a = pack_a, .pack_b = pack_b};
}
#endif
