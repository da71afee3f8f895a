#include "kernels/row_kernels.h"
#include "isa.h"
#include <float.h>
#include <math.h>

#ifdef LENS_X86
#include <immintrin.h>

LENS_BEGIN_AVX512
#include "simd/vector_avx512.h"
#include "kernels/template/row_table-inl.h"
LENS_END

void lens_row_kernels_avx512(lens_row_kernels *table) { fill_row_table(table); }
#endif
