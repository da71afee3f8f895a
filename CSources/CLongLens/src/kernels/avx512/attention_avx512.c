// Attention on AVX-512: register tiles of 8 rows and 3 vectors (24 accumulators of 32 registers).
#include "kernels/attention_kernels.h"
#include "kernels/avx512/vector.h"
#include "kernels/inline.h"
#include "sizes.h"
#include <math.h>

#if defined(__x86_64__)

LENS_BEGIN

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

LENS_INLINE void multiply_add_row(const int V, const float *element, const vf *column, vf *acc) {
    vf x = vf_set1(*element);
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) acc[v] = vf_fma(x, column[v], acc[v]);
}

#include "kernels/template/attention_tile-inl.h"
#include "kernels/template/attention_forward-inl.h"
#include "kernels/template/attention_backward-inl.h"
LENS_END
#include "kernels/template/attention_table-inl.h"

void lens_attention_kernels_avx512(lens_attention_kernels *table) { fill_table(table); }
#endif
