// Number formats of model files: to and from fp32, by rows of whole blocks (GGUF's block formats).
#ifndef LENS_QUANT_H
#define LENS_QUANT_H
#include "lens/context.h"
#include "lens/linkage.h"
#include "lens/status.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

LENS_BEGIN_C

/// The numbers are GGUF's tensor types.
// clang-format off: a table
typedef enum lens_type {
    LENS_TYPE_F32 = 0, LENS_TYPE_F16 = 1, LENS_TYPE_Q4_0 = 2, LENS_TYPE_Q4_1 = 3, LENS_TYPE_Q5_0 = 6,
    LENS_TYPE_Q5_1 = 7, LENS_TYPE_Q8_0 = 8, LENS_TYPE_Q2_K = 10, LENS_TYPE_Q3_K = 11, LENS_TYPE_Q4_K = 12,
    LENS_TYPE_Q5_K = 13, LENS_TYPE_Q6_K = 14, LENS_TYPE_IQ4_NL = 20, LENS_TYPE_IQ3_S = 21, LENS_TYPE_IQ4_XS = 23,
    LENS_TYPE_BF16 = 30, LENS_TYPE_TQ1_0 = 34, LENS_TYPE_TQ2_0 = 35, LENS_TYPE_MXFP4 = 39
} lens_type;
// clang-format on

/// Elements in one block, and bytes of one block; 0 for a type that is not known.
size_t lens_type_block_elements(int type);
size_t lens_type_block_bytes(int type);

/// `n` elements (whole blocks) to fp32; false for a type that cannot be read.
bool lens_dequantize(size_t n, int type, const void *source, float *destination);

/// `n` elements (whole blocks) from fp32; false for a type that cannot be written: all but F32, F16, BF16, Q4_0, Q4_1,
/// Q5_0, Q5_1, Q8_0 (rounded as ggml's reference does, bit for bit), Q4_K, Q5_K, Q6_K (scales are searched for the
/// least weighted error).
bool lens_quantize(size_t n, int type, const float *source, void *destination);

/// `count` rows of K elements (whole blocks) from fp32, all threads together, to the bytes that each gives alone. Row i
/// is row order[i] of `source`; NULL: row i. LENS_INVALID where a row cannot be written so.
lens_status lens_quantize_rows(lens_context *context, size_t count, size_t K, int type, const float *source,
                               const size_t *order, void *destination);

LENS_END_C

#endif
