#include "kernels/row_kernels.h"
#include "kernels/avx512/vector.h"
#include <float.h>
#include <math.h>

#if defined(__x86_64__)

LENS_BEGIN
#include "kernels/template/row_table-inl.h"
LENS_END

void lens_row_kernels_avx512(lens_row_kernels *table) { fill_row_table(table); }
#endif
