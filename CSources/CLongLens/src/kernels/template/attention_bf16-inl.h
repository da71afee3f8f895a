// Packing for the forward of attention in bf16, two numbers in a word, in the vector vocabulary; needs
// attention_tile-inl.h, `word_of` and `store_bf16`, which stores VF_WIDTH numbers as half as many words.

// Elements d and d + 1 of a row in one word.
static void pack_keys(size_t rows, size_t padded_rows, size_t HS, size_t HSP, const float *x, size_t stride,
                      float *packed) {
    for (size_t r = 0; r < padded_rows; r++) {
        for (size_t d = 0; d < HSP; d += VF_WIDTH) {
            vf y = r < rows && d < HS ? load_some(x + r * stride + d, HS - d) : vf_zero();
            store_bf16(packed + (r * HSP + d) / WORD, y);
        }
    }
}

// Rows r and r + 1 in one word.
static void pack_values(size_t rows, size_t padded_rows, size_t HS, size_t HSP, const float *x, size_t stride,
                        float *packed) {
    for (size_t r = 0; r < padded_rows; r += WORD) {
        for (size_t d = 0; d < HSP; d += VF_WIDTH) {
            vf y[WORD];
            for (size_t i = 0; i < WORD; i++)
                y[i] = r + i < rows && d < HS ? load_some(x + (r + i) * stride + d, HS - d) : vf_zero();
            vf_store(packed + r / WORD * HSP + d, word_of(y));
        }
    }
}

// Rows d and d + 1 of the lane-packed tile in one word.
static void pack_queries(size_t rows, size_t HS, size_t HSP, float factor, const float *x, size_t stride,
                         float *packed) {
    pack_lanes(rows, HS, HSP, factor, x, stride, packed);
    for (size_t d = 0; d < HSP; d += WORD) {
        for (size_t lane = 0; lane < tile_lanes; lane += VF_WIDTH) {
            const float *from = packed + d * tile_lanes + lane;
            vf y[WORD] = {vf_load(from), vf_load(from + tile_lanes)};
            vf_store(packed + d / WORD * tile_lanes + lane, word_of(y)); // never past what was read
        }
    }
}
