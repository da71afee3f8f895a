// The formats of 32 elements per block: Q4_0, Q4_1, Q5_0, Q5_1, Q8_0.
// Rounding and choice of scale give the same bits as ggml's reference functions, which is why products and sums
// must stay separate instructions.
#include "quant/search.h"

#pragma STDC FP_CONTRACT OFF

enum { half_block = small_block / 2 };

void lens_dequantize_q4_0(size_t n, const void *source, float *restrict destination) {
    const block_q4_0 *restrict block = source;
    for (size_t b = 0; b < n / small_block; b++, destination += small_block) {
        float d = load_half_as_float(block[b].d);
        for (int i = 0; i < half_block; i++) {
            destination[i] = (float)((block[b].q[i] & 15) - 8) * d;
            destination[i + half_block] = (float)((block[b].q[i] >> 4) - 8) * d;
        }
    }
}

void lens_dequantize_q4_1(size_t n, const void *source, float *restrict destination) {
    const block_q4_1 *restrict block = source;
    for (size_t b = 0; b < n / small_block; b++, destination += small_block) {
        float d = load_half_as_float(block[b].d), m = load_half_as_float(block[b].m);
        for (int i = 0; i < half_block; i++) {
            destination[i] = (float)(block[b].q[i] & 15) * d + m;
            destination[i + half_block] = (float)(block[b].q[i] >> 4) * d + m;
        }
    }
}

void lens_dequantize_q5_0(size_t n, const void *source, float *restrict destination) {
    const block_q5_0 *restrict block = source;
    for (size_t b = 0; b < n / small_block; b++, destination += small_block) {
        float d = load_half_as_float(block[b].d);
        int8_t q[small_block];
        unpack_five_bits(block[b].q, block[b].high, q);
        for (int i = 0; i < small_block; i++) destination[i] = (float)(q[i] - 16) * d;
    }
}

void lens_dequantize_q5_1(size_t n, const void *source, float *restrict destination) {
    const block_q5_1 *restrict block = source;
    for (size_t b = 0; b < n / small_block; b++, destination += small_block) {
        float d = load_half_as_float(block[b].d), m = load_half_as_float(block[b].m);
        int8_t q[small_block];
        unpack_five_bits(block[b].q, block[b].high, q);
        for (int i = 0; i < small_block; i++) destination[i] = (float)q[i] * d + m;
    }
}

void lens_dequantize_q8_0(size_t n, const void *source, float *restrict destination) {
    const block_q8_0 *restrict block = source;
    for (size_t b = 0; b < n / small_block; b++, destination += small_block) {
        float d = load_half_as_float(block[b].d);
        for (int i = 0; i < small_block; i++) destination[i] = (float)block[b].q[i] * d;
    }
}

// The integer part of a number within [0, limit]. Numbers outside (from subnormal scales) go to the ends, and NaN
// to 0: converting them would be undefined.
static inline uint8_t truncate_within(float x, int limit) {
    if (!(x > 0.0f)) return 0;
    return x >= (float)limit ? (uint8_t)limit : (uint8_t)x;
}

// The element of largest magnitude, with its sign; the first one of equals.
static float extreme(const float *x) {
    float largest = 0.0f, value = 0.0f;
    for (int i = 0; i < small_block; i++) {
        if (largest < fabsf(x[i])) {
            largest = fabsf(x[i]);
            value = x[i];
        }
    }
    return value;
}

static void range(const float *x, float *minimum, float *maximum) {
    float low = x[0], high = x[0];
    for (int i = 1; i < small_block; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *minimum = low;
    *maximum = high;
}

static void pack_nibbles(const uint8_t *integers, uint8_t *q) {
    for (int i = 0; i < half_block; i++) {
        q[i] = (uint8_t)((integers[i] & 15) | (integers[i + half_block] & 15) << 4);
    }
}

static void pack_high_bits(const uint8_t *integers, uint8_t *high) {
    uint32_t bits = 0;
    for (int i = 0; i < small_block; i++) bits |= (uint32_t)(integers[i] >> 4 & 1) << i;
    memcpy(high, &bits, sizeof bits);
}

void lens_quantize_q4_0(size_t n, const float *restrict x, void *destination) {
    block_q4_0 *restrict block = destination;
    for (size_t b = 0; b < n / small_block; b++, x += small_block) {
        // The extreme element lands on the end of the range that has one number more, -8.
        float d = extreme(x) / -8, scale = inverse(d);
        uint8_t integers[small_block];
        for (int i = 0; i < small_block; i++) integers[i] = truncate_within(x[i] * scale + 8.5f, 15);
        store_half(block[b].d, float_to_half(d));
        pack_nibbles(integers, block[b].q);
    }
}

void lens_quantize_q4_1(size_t n, const float *restrict x, void *destination) {
    block_q4_1 *restrict block = destination;
    for (size_t b = 0; b < n / small_block; b++, x += small_block) {
        float minimum, maximum;
        range(x, &minimum, &maximum);
        float d = (maximum - minimum) / 15, scale = inverse(d);
        uint8_t integers[small_block];
        for (int i = 0; i < small_block; i++) integers[i] = truncate_within((x[i] - minimum) * scale + 0.5f, 15);
        store_half(block[b].d, float_to_half(d));
        store_half(block[b].m, float_to_half(minimum));
        pack_nibbles(integers, block[b].q);
    }
}

void lens_quantize_q5_0(size_t n, const float *restrict x, void *destination) {
    block_q5_0 *restrict block = destination;
    for (size_t b = 0; b < n / small_block; b++, x += small_block) {
        float d = extreme(x) / -16, scale = inverse(d);
        uint8_t integers[small_block];
        for (int i = 0; i < small_block; i++) integers[i] = truncate_within(x[i] * scale + 16.5f, 31);
        store_half(block[b].d, float_to_half(d));
        pack_nibbles(integers, block[b].q);
        pack_high_bits(integers, block[b].high);
    }
}

void lens_quantize_q5_1(size_t n, const float *restrict x, void *destination) {
    block_q5_1 *restrict block = destination;
    for (size_t b = 0; b < n / small_block; b++, x += small_block) {
        float minimum, maximum;
        range(x, &minimum, &maximum);
        float d = (maximum - minimum) / 31, scale = inverse(d);
        uint8_t integers[small_block];
        for (int i = 0; i < small_block; i++) integers[i] = truncate_within((x[i] - minimum) * scale + 0.5f, 31);
        store_half(block[b].d, float_to_half(d));
        store_half(block[b].m, float_to_half(minimum));
        pack_nibbles(integers, block[b].q);
        pack_high_bits(integers, block[b].high);
    }
}

// The largest magnitude, by comparing bits: unlike a float maximum this becomes vector code without relaxed rules.
static float largest_magnitude(const float *x) {
    uint32_t largest = 0;
    for (int i = 0; i < small_block; i++) {
        uint32_t magnitude = float_bits(x[i]) & 0x7fffffff;
        largest = magnitude > largest ? magnitude : largest;
    }
    return bits_float(largest);
}

// To the nearest integer, ties away from zero, as roundf, which is a call on the oldest CPUs. Numbers past +-127 (from
// subnormal scales) go to the ends, and NaN to 0.
static inline int8_t round_within_127(float x) {
    float magnitude = fabsf(x);
    magnitude = magnitude > 127.0f ? 127.0f : magnitude >= 0.0f ? magnitude : 0.0f;
    int integer = (int)magnitude;
    integer += magnitude - (float)integer >= 0.5f;
    return (int8_t)(x < 0.0f ? -integer : integer);
}

void lens_quantize_q8_0(size_t n, const float *restrict x, void *destination) {
    block_q8_0 *restrict block = destination;
    for (size_t b = 0; b < n / small_block; b++, x += small_block) {
        float d = largest_magnitude(x) / 127, scale = inverse(d);
        for (int i = 0; i < small_block; i++) block[b].q[i] = round_within_127(x[i] * scale);
        store_half(block[b].d, float_to_half(d));
    }
}
