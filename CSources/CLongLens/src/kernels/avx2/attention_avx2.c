// Attention on AVX2: register tiles of 4 rows and 3 vectors (12 accumulators of 16 registers).
#include "kernels/attention_kernels.h"
#include "kernels/avx2/vector.h"
#include "kernels/inline.h"
#include "sizes.h"
#include <math.h>

#if defined(__x86_64__)

LENS_BEGIN

enum { tile_rows = 4, tile_vectors = 3, tile_lanes = tile_vectors * VF_WIDTH, wide_rows = 4, wide_vectors = 3 };
enum { HEAD_MULTIPLE = VF_WIDTH, FORWARD_KEYS = 96, BACKWARD_TILES = 3, BACKWARD_QUERIES = 64 };

#include "kernels/template/probability-inl.h"

// Twelve accumulators, three columns and one factor fill the 16 registers; left to itself the compiler loads two
// factors at a time and spills an accumulator in the innermost loop.
LENS_INLINE void multiply_add_3(const float *element, const vf *column, vf *acc) {
    vf factor;
    __asm__("vbroadcastss %4, %3\n\t"
            "vfmadd231ps %5, %3, %0\n\t"
            "vfmadd231ps %6, %3, %1\n\t"
            "vfmadd231ps %7, %3, %2"
            : "+x"(acc[0]), "+x"(acc[1]), "+x"(acc[2]), "=&x"(factor)
            : "m"(*element), "x"(column[0]), "x"(column[1]), "x"(column[2]));
}

LENS_INLINE void multiply_add_row(const int V, const float *element, const vf *column, vf *acc) {
    if (V == 3) {
        multiply_add_3(element, column, acc);
        return;
    }
    vf x = vf_set1(*element);
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) acc[v] = vf_fma(x, column[v], acc[v]);
}

enum { WORD = 1 };
LENS_INLINE vf word_of(const vf number[WORD]) { return number[0]; }

#include "kernels/template/attention_tile-inl.h"
#include "kernels/template/attention_rows-inl.h"
#include "kernels/template/attention_forward-inl.h"
#include "kernels/template/attention_backward-inl.h"
#include "kernels/template/attention_decode-inl.h"
LENS_END
#include "kernels/template/attention_table-inl.h"

void lens_attention_kernels_avx2(lens_attention_kernels *table) { fill_table(table); }
#endif
