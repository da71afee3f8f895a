// Attention on NEON: register tiles of 8 rows and 3 vectors (24 accumulators of 32 registers).
#include "kernels/attention_kernels.h"
#include "kernels/inline.h"
#include "kernels/neon/vector.h"
#include "sizes.h"
#include <math.h>

#if defined(__aarch64__)

LENS_BEGIN

#include "kernels/neon/attention-inl.h"

#include "kernels/neon/multiply_add.h"

enum { WORD = 1 };
LENS_INLINE vf word_of(const vf number[WORD]) { return number[0]; }

#include "kernels/template/attention_tile-inl.h"
#include "kernels/template/attention_rows-inl.h"
#include "kernels/template/attention_forward-inl.h"
#include "kernels/template/attention_backward-inl.h"
#include "kernels/template/attention_decode-inl.h"
LENS_END
#include "kernels/template/attention_table-inl.h"

void lens_attention_kernels_neon(lens_attention_kernels *table) { fill_table(table); }
#endif
