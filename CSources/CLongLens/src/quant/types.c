// The table of number formats.
#include "lens/quant.h"
#include "quant/blocks.h"

typedef struct {
    size_t elements, bytes; // of one block
    lens_dequantizer *dequantize;
    lens_quantizer *quantize; // null: can only be read
} type_traits;

static const type_traits types[] = {
    [LENS_TYPE_F32] = {1, 4, lens_dequantize_f32, lens_quantize_f32},
    [LENS_TYPE_F16] = {1, 2, lens_dequantize_f16, lens_quantize_f16},
    [LENS_TYPE_BF16] = {1, 2, lens_dequantize_bf16, lens_quantize_bf16},
    [LENS_TYPE_Q4_0] = {small_block, sizeof(block_q4_0), lens_dequantize_q4_0, lens_quantize_q4_0},
    [LENS_TYPE_Q4_1] = {small_block, sizeof(block_q4_1), lens_dequantize_q4_1, lens_quantize_q4_1},
    [LENS_TYPE_Q5_0] = {small_block, sizeof(block_q5_0), lens_dequantize_q5_0, lens_quantize_q5_0},
    [LENS_TYPE_Q5_1] = {small_block, sizeof(block_q5_1), lens_dequantize_q5_1, lens_quantize_q5_1},
    [LENS_TYPE_Q8_0] = {small_block, sizeof(block_q8_0), lens_dequantize_q8_0, lens_quantize_q8_0},
    [LENS_TYPE_Q2_K] = {k_block, sizeof(block_q2_k), lens_dequantize_q2_k, NULL},
    [LENS_TYPE_Q3_K] = {k_block, sizeof(block_q3_k), lens_dequantize_q3_k, NULL},
    [LENS_TYPE_Q4_K] = {k_block, sizeof(block_q4_k), lens_dequantize_q4_k, lens_quantize_q4_k},
    [LENS_TYPE_Q5_K] = {k_block, sizeof(block_q5_k), lens_dequantize_q5_k, lens_quantize_q5_k},
    [LENS_TYPE_Q6_K] = {k_block, sizeof(block_q6_k), lens_dequantize_q6_k, lens_quantize_q6_k},
    [LENS_TYPE_IQ4_NL] = {small_block, sizeof(block_iq4_nl), lens_dequantize_iq4_nl, NULL},
    [LENS_TYPE_IQ4_XS] = {k_block, sizeof(block_iq4_xs), lens_dequantize_iq4_xs, NULL},
    [LENS_TYPE_IQ3_S] = {k_block, sizeof(block_iq3_s), lens_dequantize_iq3_s, NULL},
    [LENS_TYPE_MXFP4] = {small_block, sizeof(block_mxfp4), lens_dequantize_mxfp4, NULL},
    [LENS_TYPE_TQ1_0] = {k_block, sizeof(block_tq1_0), lens_dequantize_tq1_0, NULL},
    [LENS_TYPE_TQ2_0] = {k_block, sizeof(block_tq2_0), lens_dequantize_tq2_0, NULL},
};

_Static_assert(sizeof(block_q4_0) == 18 && sizeof(block_q4_1) == 20 && sizeof(block_q5_0) == 22 &&
                   sizeof(block_q5_1) == 24 && sizeof(block_q8_0) == 34,
               "no padding in small blocks");
_Static_assert(sizeof(block_q2_k) == 84 && sizeof(block_q3_k) == 110 && sizeof(block_q4_k) == 144 &&
                   sizeof(block_q5_k) == 176 && sizeof(block_q6_k) == 210,
               "no padding in K blocks");

_Static_assert(sizeof(block_iq4_nl) == 18 && sizeof(block_iq4_xs) == 136 && sizeof(block_iq3_s) == 110 &&
                   sizeof(block_mxfp4) == 17 && sizeof(block_tq1_0) == 54 && sizeof(block_tq2_0) == 66,
               "no padding in codebook and ternary blocks");

static const type_traits unknown = {0};

static const type_traits *traits(int type) {
    return type >= 0 && (size_t)type < sizeof types / sizeof types[0] ? &types[type] : &unknown;
}

size_t lens_type_block_elements(int type) { return traits(type)->elements; }

size_t lens_type_block_bytes(int type) { return traits(type)->bytes; }

bool lens_dequantize(size_t n, int type, const void *source, float *destination) {
    const type_traits *t = traits(type);
    if (t->dequantize == NULL || n % t->elements != 0) return false;
    t->dequantize(n, source, destination);
    return true;
}

bool lens_quantize(size_t n, int type, const float *source, void *destination) {
    const type_traits *t = traits(type);
    if (t->quantize == NULL || n % t->elements != 0) return false;
    t->quantize(n, source, destination);
    return true;
}
