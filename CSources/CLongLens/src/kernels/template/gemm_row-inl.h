// One row of A with columns of B that are read where they stand, in the vector vocabulary: squares are transposed in
// registers, so that each column's sum is the chain that it is in a tile.

enum { ROW_VECTORS = 2 }; // chains side by side

// Sums of up to VF_WIDTH columns at up to VF_WIDTH positions; rows of B past the lanes are not read.
LENS_INLINE vf add_square(const bool whole, size_t lanes, size_t length, const float *a, const float *b, size_t ldb,
                          vf sum) {
    const vmask here = vf_first_mask(length);
    vf square[VF_WIDTH];
#pragma clang loop unroll(full)
    for (size_t l = 0; l < VF_WIDTH; l++)
        square[l] = whole ? vf_load(b + l * ldb) : l < lanes ? vf_load_mask(b + l * ldb, here) : vf_zero();
    vf_transpose(square);
#pragma clang loop unroll(full)
    for (size_t q = 0; q < VF_WIDTH; q++)
        if (whole || q < length) sum = vf_fma(vf_set1(a[q]), square[q], sum);
    return sum;
}

// `vectors` times VF_WIDTH columns, of which `lanes` exist in the last vector.
LENS_INLINE void row_columns(const size_t vectors, const bool whole, size_t lanes, size_t k, bool accumulate,
                             const float *a, const float *b, size_t ldb, float *c) {
    vf sum[ROW_VECTORS];
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) sum[v] = vf_zero();
    size_t p = 0;
    for (; p + VF_WIDTH <= k; p += VF_WIDTH)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++)
            sum[v] = add_square(whole, lanes, VF_WIDTH, a + p, b + v * VF_WIDTH * ldb + p, ldb, sum[v]);
    if (p < k)
#pragma clang loop unroll(full)
        for (size_t v = 0; v < vectors; v++)
            sum[v] = add_square(false, lanes, k - p, a + p, b + v * VF_WIDTH * ldb + p, ldb, sum[v]);
    const vmask there = vf_first_mask(lanes);
#pragma clang loop unroll(full)
    for (size_t v = 0; v < vectors; v++) {
        float *to = c + v * VF_WIDTH;
        vf_store_mask(to, accumulate ? vf_add(vf_load_mask(to, there), sum[v]) : sum[v], there);
    }
}

static void row(size_t n, size_t k, bool accumulate, const float *a, const float *b, size_t ldb, float *c) {
    size_t j = 0;
    for (; j + ROW_VECTORS * VF_WIDTH <= n; j += ROW_VECTORS * VF_WIDTH)
        row_columns(ROW_VECTORS, true, VF_WIDTH, k, accumulate, a, b + j * ldb, ldb, c + j);
    for (; j + VF_WIDTH <= n; j += VF_WIDTH) row_columns(1, true, VF_WIDTH, k, accumulate, a, b + j * ldb, ldb, c + j);
    if (j < n) row_columns(1, false, n - j, k, accumulate, a, b + j * ldb, ldb, c + j);
}
