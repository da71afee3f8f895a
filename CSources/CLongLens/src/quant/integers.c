#include "quant/integers.h"
#include "lens/quant.h"
#include "lens/weights.h"
#include "quant/blocks.h"
#include <math.h>

#pragma STDC FP_CONTRACT OFF

// One group of a row: its integers and its scale, and its minimum where the type has one.
typedef struct group {
    int8_t *integers;
    float *scale, *minimum;
} group;

typedef void group_reader(const void *row, size_t index, group to);

static void read_q4_0(const void *row, size_t index, group to) {
    const block_q4_0 *block = (const block_q4_0 *)row + index;
    unpack_nibbles(block->q, to.integers);
    for (int i = 0; i < lens_group; i++) to.integers[i] -= 8;
    *to.scale = load_half_as_float(block->d);
}

static void read_q4_1(const void *row, size_t index, group to) {
    const block_q4_1 *block = (const block_q4_1 *)row + index;
    unpack_nibbles(block->q, to.integers);
    *to.scale = load_half_as_float(block->d);
    *to.minimum = load_half_as_float(block->m);
}

static void read_q5_0(const void *row, size_t index, group to) {
    const block_q5_0 *block = (const block_q5_0 *)row + index;
    unpack_five_bits(block->q, block->high, to.integers);
    for (int i = 0; i < lens_group; i++) to.integers[i] -= 16;
    *to.scale = load_half_as_float(block->d);
}

static void read_q5_1(const void *row, size_t index, group to) {
    const block_q5_1 *block = (const block_q5_1 *)row + index;
    unpack_five_bits(block->q, block->high, to.integers);
    *to.scale = load_half_as_float(block->d);
    *to.minimum = load_half_as_float(block->m);
}

static void read_q8_0(const void *row, size_t index, group to) {
    const block_q8_0 *block = (const block_q8_0 *)row + index;
    memcpy(to.integers, block->q, lens_group);
    *to.scale = load_half_as_float(block->d);
}

// Eight groups in a block of 256.
static void read_scales(const uint8_t *d, const uint8_t *minimum_scale, const uint8_t *packed, int number, group to) {
    int scale, minimum;
    scale_and_minimum(packed, number, &scale, &minimum);
    *to.scale = load_half_as_float(d) * (float)scale;
    *to.minimum = -(load_half_as_float(minimum_scale) * (float)minimum);
}

static void read_q4_k(const void *row, size_t index, group to) {
    const block_q4_k *block = (const block_q4_k *)row + index / 8;
    int number = (int)(index % 8), shift = number % 2 * 4;
    const uint8_t *q = block->q + number / 2 * lens_group;
    for (int i = 0; i < lens_group; i++) to.integers[i] = (int8_t)(q[i] >> shift & 15);
    read_scales(block->d, block->minimum_scale, block->scale, number, to);
}

static void read_q5_k(const void *row, size_t index, group to) {
    const block_q5_k *block = (const block_q5_k *)row + index / 8;
    int number = (int)(index % 8), shift = number % 2 * 4;
    const uint8_t *q = block->q + number / 2 * lens_group;
    for (int i = 0; i < lens_group; i++)
        to.integers[i] = (int8_t)((q[i] >> shift & 15) | (block->high[i] >> number & 1) << 4);
    read_scales(block->d, block->minimum_scale, block->scale, number, to);
}

static void look_up(const uint8_t *q, const int8_t *values, int8_t *integers) {
    unpack_nibbles(q, integers);
    for (int i = 0; i < lens_group; i++) integers[i] = values[integers[i]];
}

static void read_iq4_nl(const void *row, size_t index, group to) {
    const block_iq4_nl *block = (const block_iq4_nl *)row + index;
    look_up(block->q, lens_iq4_values, to.integers);
    *to.scale = load_half_as_float(block->d);
}

static void read_iq4_xs(const void *row, size_t index, group to) {
    const block_iq4_xs *block = (const block_iq4_xs *)row + index / 8;
    int number = (int)(index % 8);
    look_up(block->q + number * 16, lens_iq4_values, to.integers);
    *to.scale = load_half_as_float(block->d) * (float)iq4_xs_scale(block, number);
}

static void read_mxfp4(const void *row, size_t index, group to) {
    const block_mxfp4 *block = (const block_mxfp4 *)row + index;
    look_up(block->q, lens_e2m1_values, to.integers);
    *to.scale = half_power(block->exponent);
}

typedef struct integer_traits {
    bool computed, has_minimum;
    group_reader *read; // NULL: rounded to 8 bits
} integer_traits;

static const integer_traits types[] = {
    [LENS_TYPE_Q4_0] = {true, false, read_q4_0},     [LENS_TYPE_Q4_1] = {true, true, read_q4_1},
    [LENS_TYPE_Q5_0] = {true, false, read_q5_0},     [LENS_TYPE_Q5_1] = {true, true, read_q5_1},
    [LENS_TYPE_Q8_0] = {true, false, read_q8_0},     [LENS_TYPE_Q2_K] = {true, false, NULL},
    [LENS_TYPE_Q3_K] = {true, false, NULL},          [LENS_TYPE_Q4_K] = {true, true, read_q4_k},
    [LENS_TYPE_Q5_K] = {true, true, read_q5_k},      [LENS_TYPE_Q6_K] = {true, false, NULL},
    [LENS_TYPE_IQ4_NL] = {true, false, read_iq4_nl}, [LENS_TYPE_IQ3_S] = {true, false, NULL},
    [LENS_TYPE_IQ4_XS] = {true, false, read_iq4_xs}, [LENS_TYPE_TQ1_0] = {true, false, NULL},
    [LENS_TYPE_TQ2_0] = {true, false, NULL},         [LENS_TYPE_MXFP4] = {true, false, read_mxfp4},
};

static const integer_traits none = {0};

static const integer_traits *traits(int type) {
    return type >= 0 && (size_t)type < sizeof types / sizeof types[0] ? &types[type] : &none;
}

bool lens_weights_computed(int type) { return traits(type)->computed; }
bool lens_type_has_minimum(int type) { return traits(type)->has_minimum; }

void lens_round_group(const float *x, int8_t *integers, float *scale) {
    float largest = 0, defect = 0;
    for (int i = 0; i < lens_group; i++) {
        largest = fabsf(x[i]) > largest ? fabsf(x[i]) : largest;
        defect += x[i] * 0.0f; // NaN where something is not finite
    }
    *scale = largest / 127.0f + defect;
    float inverse = largest >= 0x1p-100f && defect == 0.0f ? 127.0f / largest : 0.0f;
    for (int i = 0; i < lens_group; i++) integers[i] = inverse == 0.0f ? 0 : (int8_t)rintf(x[i] * inverse);
}

bool lens_row_integers(size_t K, int type, const void *row, const lens_integers *result) {
    const integer_traits *t = traits(type);
    if (!t->computed || (t->read == NULL && !lens_dequantize(K, type, row, result->decoded))) return false;
    for (size_t i = 0; i < K / lens_group; i++) {
        group to = {result->integers + i * lens_group, result->scale + i, result->minimum + i};
        if (t->read != NULL) {
            t->read(row, i, to);
        } else {
            lens_round_group(result->decoded + i * lens_group, to.integers, to.scale);
        }
    }
    return true;
}
