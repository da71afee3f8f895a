// What attention on AVX-512 has in every arithmetic. Include where the instruction set may be used.
enum { tile_rows = 8, tile_vectors = 3, tile_lanes = tile_vectors * VF_WIDTH, wide_rows = 4, wide_vectors = 4 };
enum { HEAD_MULTIPLE = VF_WIDTH, FORWARD_KEYS = 96, BACKWARD_TILES = 2, BACKWARD_QUERIES = 96 };

/// exp2(x) for x <= 0: 2^floor(x) * 2^(x - floor(x)), the second factor by a polynomial with relative error 1.4 * 2^-24
/// on [0, 1) that is exactly 1 at 0. -inf gives 0, NaN stays.
static inline vf probability(vf x) {
    vf r = _mm512_reduce_ps(x, 0x09); // x - floor(x), no exception
    vf p = vf_set1(1.8671302134956947e-3f);
    p = vf_fma(p, r, vf_set1(9.017030018420379e-3f));
    p = vf_fma(p, r, vf_set1(5.5799913320932926e-2f));
    p = vf_fma(p, r, vf_set1(2.401644500956326e-1f));
    p = vf_fma(p, r, vf_set1(6.931513118094688e-1f));
    p = vf_fma(p, r, vf_set1(1.0f));
    return _mm512_scalef_ps(p, x); // scales by 2^floor(x)
}
