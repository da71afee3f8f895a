// Micro-kernels of the matrix product: one register tile, its packing, its sizes.
#ifndef LENS_GEMM_KERNELS_H
#define LENS_GEMM_KERNELS_H
#include <stdbool.h>
#include <stddef.h>

/// A panel: up to `mr` rows of op(A), or up to `nr` columns of op(B), over the steps k of a product. Row
/// (column) l of step p lies at start[l*lane + p*step]; lane is 1 in panels of B. A panel may be a piece of a
/// matrix as it stands, or packed: step after step, {packed, 1, mr} or {packed, 1, nr}.
typedef struct lens_gemm_panel {
    const float *start;
    size_t lane, step;
} lens_gemm_panel;

typedef struct lens_gemm_kernels {
    /// Rows and columns of the register tile.
    size_t mr, nr;
    /// From this many rows of A, packing B pays even where it could be read in place.
    size_t pack_b_from;

    /// C[mr,nr] = A·B (+ C when `accumulate`) over `k` steps; ldc is the row stride of C in elements.
    /// Every element is one chain of multiply-adds from step 0 upwards that starts at zero; C is added last.
    /// `ahead`: k elements that will be needed soon, to be brought near meanwhile; any address will do.
    void (*tile)(size_t k, lens_gemm_panel a, lens_gemm_panel b, float *c, size_t ldc, bool accumulate,
                 const float *ahead);

    /// The same for the first `rows` (1 to mr) and `columns` (1 to nr) of a tile: same bits, nothing past
    /// them touched.
    void (*edge_tile)(size_t rows, size_t columns, size_t k, lens_gemm_panel a, lens_gemm_panel b, float *c,
                      size_t ldc, bool accumulate);

    /// Packs `rows` (1 to mr) rows of op(A); packed rows (columns) that do not exist are zeros:
    /// element (i, p) lies at a[i*lda + p], or at a[p*lda + i] when `transposed`.
    void (*pack_a)(bool transposed, size_t k, size_t rows, const float *a, size_t lda, float *packed_a);

    /// Packs `columns` (1 to nr) columns of op(B): element (p, j) lies at b[p*ldb + j], or at b[j*ldb + p]
    /// when `transposed`.
    void (*pack_b)(bool transposed, size_t k, size_t columns, const float *b, size_t ldb, float *packed_b);
} lens_gemm_kernels;

void lens_gemm_kernels_scalar(lens_gemm_kernels *table);
void lens_gemm_kernels_avx2(lens_gemm_kernels *table);
void lens_gemm_kernels_avx512(lens_gemm_kernels *table);

#endif
