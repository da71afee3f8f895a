// Micro-kernels of blockwise attention, over packed blocks: everything is padded to whole register tiles, so no
// kernel has edges. One side of every score tile lies in vector lanes:
//   forward   queries in lanes: the row operations of the online softmax are then lane by lane, without reductions
//   backward  keys in lanes: only K and V, which a group of query heads shares, are transposed
// Scores are in units of log2: the packing multiplies one side by scale * log2(e), and probabilities are exp2.
// "lane-packed" [HSP][lanes] means: element d of row r at d * lanes + r. "row-packed" [rows][HSP]: at r * HSP + d.
#ifndef LENS_ATTENTION_KERNELS_H
#define LENS_ATTENTION_KERNELS_H
#include <stdbool.h>
#include <stddef.h>

/// One tile of `lanes` queries meets `keys` keys.
typedef struct lens_attention_forward_tile {
    const float *q;     // lane-packed, multiplied by scale * log2(e)
    const float *k, *v; // row-packed
    size_t HSP;         // padded head size
    size_t keys;        // a multiple of `rows`
    ptrdiff_t diagonal; // lane i sees the last `window` of the keys j <= i + diagonal
    ptrdiff_t window;   // at least 1
    float *s;           // [keys][lanes], scratch
    float *maximum;     // [lanes], running maximum of the scores; at first -inf, finite where a lane may see no key
    float *sum;         // [lanes], running sum of exp2(score - maximum)
    float *out;         // lane-packed, running sum of exp2(score - maximum) * v
    // Rows of K and V that will soon be packed, `next_stride` apart: the kernel may prefetch them.
    const float *next_k, *next_v;
    size_t next_rows, next_stride;
} lens_attention_forward_tile;

/// The queries of one token that share their keys meet keys that all of them see.
typedef struct lens_attention_decode_tile {
    const float *q;       // [queries][HSP], multiplied by scale * log2(e); zeros past HS
    const float *k, *v;   // [keys] rows of HS elements, `stride` apart
    size_t HS, HSP;       // HSP: a multiple of the width of vectors
    size_t queries, keys; // at least 1
    size_t stride;
    float *s; // [queries] rows of scratch for the keys, rounded up to vectors, `s_stride` apart
    size_t s_stride;
    float *maximum, *sum; // [queries], as in the forward; at first -inf and 0
    float *out;           // [queries][HSP], running sum of exp2(score - maximum) * v
} lens_attention_decode_tile;

/// A block of queries meets a block of keys.
typedef struct lens_attention_backward_tile {
    const float *q, *dout;    // row-packed
    const float *lse, *delta; // [queries]; lse in units of log2, +inf for rows of padding
    const float *k;           // row-packed
    const float *k_t, *v_t;   // [tiles] lane-packed; k_t multiplied by scale * log2(e)
    size_t HSP;
    size_t queries;     // a multiple of `rows`
    size_t tiles;       // keys = tiles * lanes
    ptrdiff_t diagonal; // query i sees the last `window` of the keys j <= i + diagonal
    ptrdiff_t window;   // at least 1
    float *p, *ds;      // [queries][keys], scratch
    float *dq;          // row-packed, += ds · k
    float *dk_t, *dv_t; // [tiles] lane-packed, += dsᵀ · q and pᵀ · dout
} lens_attention_backward_tile;

/// The forward in one arithmetic. In bf16 two numbers that are multiplied and added one after the other lie in one
/// word, in the places of fp32: rows d and d + 1 of lane-packed queries, elements d and d + 1 of a key, keys j and j +
/// 1 of values; sums, scores and maxima stay fp32.
typedef struct lens_attention_forward_kernels {
    void (*tile)(const lens_attention_forward_tile *tile);
    /// Rows (at most `lanes`) of `HS` elements, `stride` apart, times `factor`, into one lane-packed tile.
    void (*pack_queries)(size_t rows, size_t HS, size_t HSP, float factor, const float *x, size_t stride,
                         float *packed);
    /// `rows` rows into row-packed rows; zeros up to HSP and `padded_rows`, which is even.
    void (*pack_keys)(size_t rows, size_t padded_rows, size_t HS, size_t HSP, const float *x, size_t stride,
                      float *packed);
    void (*pack_values)(size_t rows, size_t padded_rows, size_t HS, size_t HSP, const float *x, size_t stride,
                        float *packed);
} lens_attention_forward_kernels;

typedef struct lens_attention_kernels {
    size_t lanes;            // width of a score tile
    size_t rows;             // height of a register tile
    size_t head_multiple;    // the padded head size is a multiple of this
    size_t forward_keys;     // keys of one forward tile, a multiple of `rows`
    size_t backward_tiles;   // tiles of keys in one backward block
    size_t backward_queries; // queries in one backward block, a multiple of `rows`

    lens_attention_forward_kernels forward;
    lens_attention_forward_kernels forward_bf16; // that of fp32 where there is none
    void (*backward)(const lens_attention_backward_tile *tile);
    void (*decode)(const lens_attention_decode_tile *tile);

    /// `rows` rows of `HS` elements, `stride` apart, into row-packed rows; zeros up to HSP and `padded_rows`.
    void (*pack_rows)(size_t rows, size_t padded_rows, size_t HS, size_t HSP, const float *x, size_t stride,
                      float *packed);
    /// The same rows (at most `lanes`), times `factor`, into one lane-packed tile.
    void (*pack_lanes)(size_t rows, size_t HS, size_t HSP, float factor, const float *x, size_t stride, float *packed);
    /// Row-packed rows, times `factor`, to (or added to) rows `stride` apart.
    void (*unpack_rows)(size_t rows, size_t HS, size_t HSP, float factor, bool accumulate, const float *packed,
                        float *x, size_t stride);
    /// A lane-packed tile, each lane times its factor, to (or added to) rows `stride` apart.
    void (*unpack_lanes)(size_t rows, size_t HS, bool accumulate, const float *factors, const float *packed, float *x,
                         size_t stride);
    /// Sum of x[i] * y[i].
    float (*dot)(size_t n, const float *x, const float *y);
} lens_attention_kernels;

void lens_attention_kernels_scalar(lens_attention_kernels *table);
void lens_attention_kernels_avx2(lens_attention_kernels *table);
void lens_attention_kernels_avx512(lens_attention_kernels *table);
void lens_attention_kernels_neon(lens_attention_kernels *table);
/// Only the bf16 ones, into a table that has the others.
void lens_attention_kernels_avx512_bf16(lens_attention_kernels *table);
void lens_attention_kernels_neon_bf16(lens_attention_kernels *table);

#endif
