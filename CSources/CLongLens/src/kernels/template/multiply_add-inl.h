// One row of a register tile in the vector vocabulary.

/// acc[0...V-1] += *element * column[0...V-1]; V is a constant where this is inlined.
LENS_INLINE void multiply_add_row(const int V, const float *element, const vf *column, vf *acc) {
    vf x = vf_set1(*element);
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) acc[v] = vf_fma(x, column[v], acc[v]);
}
