#include "drivers/gemm_block.h"
#include "sizes.h"

static lens_gemm_panel panel(const lens_gemm_strip *strip, size_t lane) {
    return (lens_gemm_panel){strip->first.start + lane * strip->step, strip->first.lane_stride, strip->first.stride};
}

void lens_multiply_block(const lens_gemm_kernels *kernels, size_t m, size_t n, size_t k, bool accumulate,
                         lens_gemm_strip a, lens_gemm_strip b, float *c, size_t ldc) {
    size_t MR = kernels->MR, NR = kernels->NR;
    for (size_t row = 0; row < m; row += MR) {
        size_t rows = min(MR, m - row), lane = 0;
        lens_gemm_panel of_a = panel(&a, row);
        // While one panel of A is used, the next one is prefetched: MR stretches of k elements.
        lens_gemm_panel next = row + MR < a.count ? panel(&a, row + MR) : of_a;
        size_t stretch = next.stride == 1 ? next.lane_stride : k;
        for (size_t column = 0; column < n; column += NR, lane++) {
            size_t columns = min(NR, n - column);
            float *to = c + row * ldc + column;
            if (rows == MR && columns == NR) {
                const float *prefetched = lane < rows ? next.start + lane * stretch : of_a.start;
                kernels->tile(k, accumulate, of_a, panel(&b, column), prefetched, to, ldc);
            } else {
                kernels->edge_tile(rows, columns, k, accumulate, of_a, panel(&b, column), to, ldc);
            }
        }
    }
}
