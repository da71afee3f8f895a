// The packing of rows side by side in the vector vocabulary.

// Packs up to VF_WIDTH lanes whose k elements are contiguous into the first `keep` columns of a panel of `width`
// columns.
LENS_INLINE void pack_lanes(const size_t width, const size_t keep, size_t lanes, size_t k, const float *x, size_t ldx,
                            float *packed) {
    const vmask kept = vf_first_mask(keep);
    for (size_t p = 0; p < k; p += VF_WIDTH) {
        size_t length = min(k - p, VF_WIDTH);
        const vmask here = vf_first_mask(length);
        vf square[VF_WIDTH];
#pragma clang loop unroll(full)
        for (size_t l = 0; l < VF_WIDTH; l++)
            square[l] = l < keep && l < lanes ? vf_load_mask(x + l * ldx + p, here) : vf_zero();
        vf_transpose(square);
        float *to = packed + p * width;
#pragma clang loop unroll(full)
        for (size_t q = 0; q < VF_WIDTH; q++)
            if (q < length) vf_store_mask(to + q * width, square[q], kept);
    }
}

// Packs `lanes` of them, at most `width`, into a panel.
LENS_INLINE void pack_panel(const size_t width, size_t lanes, size_t k, const float *x, size_t ldx, float *packed) {
#pragma clang loop unroll(full)
    for (size_t first = 0; first < width; first += VF_WIDTH) {
        // Without lanes nothing is read, and no address past the matrix is formed.
        size_t before = min(first, lanes);
        pack_lanes(width, min(width - first, VF_WIDTH), lanes - before, k, x + (before < lanes ? before * ldx : 0), ldx,
                   packed + first);
    }
}
