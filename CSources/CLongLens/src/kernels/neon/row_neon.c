#include "kernels/neon/vector.h"
#include "kernels/row_kernels.h"
#include "sizes.h"
#include <float.h>
#include <math.h>

#if defined(__aarch64__)

LENS_BEGIN
#include "kernels/template/row-inl.h"
LENS_END
#include "kernels/template/row_table-inl.h"

void lens_row_kernels_neon(lens_row_kernels *table) { fill_table(table); }
#endif
