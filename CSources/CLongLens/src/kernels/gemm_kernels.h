// Micro-kernels of the matrix product: one register tile, its packing, its sizes.
#ifndef LENS_GEMM_KERNELS_H
#define LENS_GEMM_KERNELS_H
#include <stdbool.h>
#include <stddef.h>

/// A panel: up to MR rows of op(A), or up to NR columns of op(B), over k positions along K. Row (column) l at position
/// p lies at start[l*lane_stride + p*stride]; lane_stride is 1 in panels of B. A panel may be a piece of a matrix as it
/// stands, or packed: position after position, {packed, 1, MR} or {packed, 1, NR}.
typedef struct lens_gemm_panel {
    const float *start;
    size_t lane_stride, stride;
} lens_gemm_panel;

typedef struct lens_gemm_kernels {
    /// Rows and columns of the register tile.
    size_t MR, NR;
    /// From this many rows of A, packing B pays even where it could be read in place.
    size_t pack_b_from;

    /// C[MR,NR] = A·B (+ C when `accumulate`) over k positions; ldc is the row stride of C in elements.
    /// Every element is one chain of multiply-adds from position 0 upwards that starts at zero; C is added last.
    /// `next`: k elements that will be needed soon, to be prefetched meanwhile; any address will do.
    void (*tile)(size_t k, bool accumulate, lens_gemm_panel a, lens_gemm_panel b, const float *next, float *c,
                 size_t ldc);

    /// The same for the first m (1 to MR) rows and n (1 to NR) columns of a tile: same bits, nothing past them touched.
    void (*edge_tile)(size_t m, size_t n, size_t k, bool accumulate, lens_gemm_panel a, lens_gemm_panel b, float *c,
                      size_t ldc);

    /// C[n] = A·B (+ C when `accumulate`) for one row of A, as it stands, and n (1 to NR) columns of B whose positions
    /// are contiguous, `ldb` apart: the bits of a tile.
    void (*row)(size_t n, size_t k, bool accumulate, const float *a, const float *b, size_t ldb, float *c);

    /// Packs m (1 to MR) rows of op(A); packed rows (columns) that do not exist are zeros:
    /// element (i, p) lies at a[i*lda + p], or at a[p*lda + i] when `transpose`.
    void (*pack_a)(size_t m, size_t k, bool transpose, const float *a, size_t lda, float *packed);

    /// Packs n (1 to NR) columns of op(B): element (p, j) lies at b[p*ldb + j], or at b[j*ldb + p] when `transpose`.
    void (*pack_b)(size_t n, size_t k, bool transpose, const float *b, size_t ldb, float *packed);
} lens_gemm_kernels;

void lens_gemm_kernels_scalar(lens_gemm_kernels *table);
void lens_gemm_kernels_avx2(lens_gemm_kernels *table);
void lens_gemm_kernels_avx512(lens_gemm_kernels *table);
void lens_gemm_kernels_neon(lens_gemm_kernels *table);

#endif
