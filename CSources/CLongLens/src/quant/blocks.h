// Layout of GGUF's number blocks. Members are bytes, so that a block may lie at any address of a mapped file.
#ifndef LENS_QUANT_BLOCKS_H
#define LENS_QUANT_BLOCKS_H
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { small_block = 32, k_block = 256 };

// clang-format off: a table
// x = d * q; the fields d, m and minimum_scale are fp16. Nibbles: the low ones are elements 0-15, the high ones 16-31.
typedef struct { uint8_t d[2], q[16]; } block_q4_0;         // x = d * (q - 8)
typedef struct { uint8_t d[2], m[2], q[16]; } block_q4_1;   // x = d * q + m
typedef struct { uint8_t d[2], high[4], q[16]; } block_q5_0; // x = d * (q - 16); `high` holds the fifth bits
typedef struct { uint8_t d[2], m[2], high[4], q[16]; } block_q5_1;
typedef struct { uint8_t d[2]; int8_t q[32]; } block_q8_0;

// 16 groups of 16: x = d * (scale & 15) * q - minimum_scale * (scale >> 4).
typedef struct { uint8_t scale[16], q[64], d[2], minimum_scale[2]; } block_q2_k;
// 16 groups of 16 with 6-bit scales; a clear bit of `high` means 4 less.
typedef struct { uint8_t high[32], q[64], scale[12], d[2]; } block_q3_k;
// 8 groups of 32 with 6-bit scales and minima.
typedef struct { uint8_t d[2], minimum_scale[2], scale[12], q[128]; } block_q4_k;
typedef struct { uint8_t d[2], minimum_scale[2], scale[12], high[32], q[128]; } block_q5_k;
// 16 groups of 16 with signed 8-bit scales: x = d * scale * (q - 32).
typedef struct { uint8_t q[128], high[64]; int8_t scale[16]; uint8_t d[2]; } block_q6_k;

// x = d * value[q], the values of a table of sixteen.
typedef struct { uint8_t d[2], q[16]; } block_iq4_nl;
// 8 groups of 32 with 6-bit scales less 32: four bits of each in `scale_low`, two in `scale_high`.
typedef struct { uint8_t d[2], scale_high[2], scale_low[4], q[128]; } block_iq4_xs;
// 64 points of four elements, 9-bit numbers in `q` and `high`; a sign bit each; 8 groups of 32 with 4-bit scales.
typedef struct { uint8_t d[2], q[64], high[8], sign[32], scale[4]; } block_iq3_s;
// x = 2^(exponent - 127) * E2M1, the microscaling format of the Open Compute Project.
typedef struct { uint8_t exponent, q[16]; } block_mxfp4;
// x = d * (t - 1), t a ternary digit: five of them in each byte of `q`, four in each of `rest`.
typedef struct { uint8_t q[48], rest[4], d[2]; } block_tq1_0;
// The same, four in a byte, two bits each.
typedef struct { uint8_t q[64], d[2]; } block_tq2_0;
// clang-format on

static inline uint32_t float_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float bits_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint16_t load_half(const void *source) {
    uint16_t half;
    memcpy(&half, source, sizeof half);
    return half;
}

static inline void store_half(void *destination, uint16_t half) { memcpy(destination, &half, sizeof half); }

// Written with selects instead of branches, so that loops over it become vector code on any instruction set.
// Subnormals go through an integer conversion: they are right even where the CPU flushes subnormals to zero.
static inline float half_to_float(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000) << 16, magnitude = half & 0x7fff;
    uint32_t normal = (magnitude << 13) + (112u << 23);
    uint32_t special = magnitude >= 0x7c00 ? normal + (112u << 23) : normal;
    uint32_t subnormal = float_bits((float)(int32_t)magnitude * 0x1p-24f);
    return bits_float(sign | (magnitude < 0x0400 ? subnormal : special));
}

// To the nearest, ties to even; too large becomes infinite; NaN stays NaN.
static inline uint16_t float_to_half(float value) {
    uint32_t bits = float_bits(value), sign = (bits >> 16) & 0x8000, magnitude = bits & 0x7fffffff;
    // 0.5 has the spacing of half's subnormals: the addition rounds, and leaves the result in the low bits.
    uint32_t subnormal = float_bits(bits_float(magnitude) + 0.5f) - float_bits(0.5f);
    uint32_t normal = (magnitude - (112u << 23) + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    uint32_t special = magnitude > 0x7f800000 ? 0x7e00 | ((magnitude >> 13) & 0x3ff) : 0x7c00;
    uint32_t finite = magnitude < 0x38800000 ? subnormal : normal;
    return (uint16_t)(sign | (magnitude >= 0x47800000 ? special : finite));
}

// bf16 to the nearest, ties to even; the quiet bit keeps a NaN whose payload is all in the lost half.
static inline uint16_t float_to_bfloat(float value) {
    uint32_t bits = float_bits(value);
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? (bits >> 16) | 0x40 : rounded);
}

static inline float bfloat_to_float(uint16_t bfloat) { return bits_float((uint32_t)bfloat << 16); }

static inline float load_half_as_float(const void *source) { return half_to_float(load_half(source)); }

// Eight scales and eight minima of six bits in twelve bytes, as Q4_K and Q5_K pack them.
static inline void scale_and_minimum(const uint8_t *packed, int group, int *scale, int *minimum) {
    if (group < 4) {
        *scale = packed[group] & 63;
        *minimum = packed[group + 4] & 63;
    } else {
        *scale = (packed[group + 4] & 15) | packed[group - 4] >> 6 << 4;
        *minimum = packed[group + 4] >> 4 | packed[group] >> 6 << 4;
    }
}

// The scale of a group of 32 of IQ4_XS, less the block's.
static inline int iq4_xs_scale(const block_iq4_xs *block, int group) {
    int low = block->scale_low[group / 2] >> (group % 2 * 4) & 15;
    return (low | (load_half(block->scale_high) >> (2 * group) & 3) << 4) - 32;
}

// The four bits of 32 elements: the low ones of the bytes are elements 0-15, the high ones 16-31.
static inline void unpack_nibbles(const uint8_t *restrict q, int8_t *restrict unpacked) {
    for (int i = 0; i < 16; i++) {
        unpacked[i] = (int8_t)(q[i] & 15);
        unpacked[i + 16] = (int8_t)(q[i] >> 4);
    }
}

// The same with a fifth bit each.
static inline void unpack_five_bits(const uint8_t *restrict q, const uint8_t *high, int8_t *restrict unpacked) {
    uint32_t bits;
    memcpy(&bits, high, sizeof bits);
    for (int i = 0; i < 16; i++) {
        unpacked[i] = (int8_t)((q[i] & 15) | ((bits >> i) & 1) << 4);
        unpacked[i + 16] = (int8_t)((q[i] >> 4) | ((bits >> (i + 16)) & 1) << 4);
    }
}

// Half of 2^(exponent - 127), as the numbers are doubled; the least two are subnormal.
static inline float half_power(uint8_t exponent) {
    return bits_float(exponent < 2 ? 0x00200000u << exponent : (uint32_t)(exponent - 1) << 23);
}

/// The sixteen magnitudes of IQ4_NL and IQ4_XS, and twice the sixteen numbers of the microscaling format's E2M1.
extern const int8_t lens_iq4_values[16], lens_e2m1_values[16];

// One function per type and direction; `n` is a whole number of blocks.
typedef void lens_dequantizer(size_t n, const void *source, float *destination);
typedef void lens_quantizer(size_t n, const float *source, void *destination);

lens_dequantizer lens_dequantize_f32, lens_dequantize_f16, lens_dequantize_bf16;
lens_dequantizer lens_dequantize_q4_0, lens_dequantize_q4_1, lens_dequantize_q5_0, lens_dequantize_q5_1,
    lens_dequantize_q8_0;
lens_dequantizer lens_dequantize_q2_k, lens_dequantize_q3_k, lens_dequantize_q4_k, lens_dequantize_q5_k,
    lens_dequantize_q6_k;
lens_dequantizer lens_dequantize_iq4_nl, lens_dequantize_iq4_xs, lens_dequantize_iq3_s, lens_dequantize_mxfp4,
    lens_dequantize_tq1_0, lens_dequantize_tq2_0;
lens_quantizer lens_quantize_f32, lens_quantize_f16, lens_quantize_bf16;
lens_quantizer lens_quantize_q4_0, lens_quantize_q4_1, lens_quantize_q5_0, lens_quantize_q5_1, lens_quantize_q8_0;
lens_quantizer lens_quantize_q4_k, lens_quantize_q5_k, lens_quantize_q6_k;

#endif
