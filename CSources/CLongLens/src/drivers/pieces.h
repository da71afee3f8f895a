// How drivers cut their work: by shape alone, never by the number of threads, so that the same input gives
// the same bits for any number of threads.
#ifndef LENS_PIECES_H
#define LENS_PIECES_H
#include "lens/context.h"
#include "sizes.h"
#include <stddef.h>

enum {
    /// Elements in one piece of a streaming kernel: enough to hide the cost of handing it out, small beside a cache.
    lens_piece_elements = 32768,
    /// Most partial sums of a column sum, and the fewest rows in one.
    lens_partial_sums = 64,
    lens_partial_rows = 16
};

typedef struct lens_piece {
    size_t start, count;
} lens_piece;

/// Piece number `index` of `n` things cut into pieces of `size`.
static inline lens_piece lens_piece_at(size_t index, size_t n, size_t size) {
    size_t start = index * size;
    return (lens_piece){start, min(n - start, size)};
}

/// Rows of `C` elements that make about one piece.
static inline size_t lens_piece_rows(size_t C) {
    return C == 0 || C >= lens_piece_elements ? 1 : lens_piece_elements / C;
}

/// Rows that one partial column sum covers.
static inline size_t lens_partial_sum_rows(size_t rows) {
    return max(ceil_div(rows, lens_partial_sums), lens_partial_rows);
}

/// sum[C] += the `count` rows of partial[count, C], in order; partial[0] is overwritten.
void lens_combine_partial_sums(const lens_context *context, size_t count, size_t C, float *partial, float *sum);

#endif
