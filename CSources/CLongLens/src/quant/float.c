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
    for (size_t i = 0; i < n; i++) destination[i] = bfloat_to_float(load_half(halves + 2 * i));
}

void lens_quantize_bf16(size_t n, const float *restrict source, void *destination) {
    uint8_t *halves = destination;
    for (size_t i = 0; i < n; i++) store_half(halves + 2 * i, float_to_bfloat(source[i]));
}
