// The float formats: fp32, fp16, bf16.
#include "quant/blocks.h"

void lens_dequantize_f32(size_t n, const void *source, float *destination) {
    if (n > 0) memcpy(destination, source, n * sizeof(float));
}

void lens_quantize_f32(size_t n, const float *source, void *destination) {
    if (n > 0) memcpy(destination, source, n * sizeof(float));
}

void lens_dequantize_f16(size_t n, const void *source, float *restrict destination) {
    const uint8_t *halves = source;
    for (size_t i = 0; i < n; i++) destination[i] = half_to_float(load_half(halves + 2 * i));
}

void lens_quantize_f16(size_t n, const float *restrict source, void *destination) {
    uint8_t *halves = destination;
    for (size_t i = 0; i < n; i++) store_half(halves + 2 * i, float_to_half(source[i]));
}

void lens_dequantize_bf16(size_t n, const void *source, float *restrict destination) {
    const uint8_t *halves = source;
    for (size_t i = 0; i < n; i++) destination[i] = bits_float((uint32_t)load_half(halves + 2 * i) << 16);
}

// To the nearest, ties to even; the quiet bit keeps a NaN whose payload is all in the lost half.
static inline uint16_t float_to_bfloat(float value) {
    uint32_t bits = float_bits(value);
    uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
    return (uint16_t)((bits & 0x7fffffff) > 0x7f800000 ? (bits >> 16) | 0x40 : rounded);
}

void lens_quantize_bf16(size_t n, const float *restrict source, void *destination) {
    uint8_t *halves = destination;
    for (size_t i = 0; i < n; i++) store_half(halves + 2 * i, float_to_bfloat(source[i]));
}
