// From the formats of 256 elements per block: Q2_K to Q6_K.
// Each keeps its scales in fewer bits than a float, themselves scaled by one fp16 per block.
#include "quant/blocks.h"

#pragma STDC FP_CONTRACT OFF

void lens_dequantize_q2_k(size_t n, const void *source, float *restrict destination) {
    const block_q2_k *restrict block = source;
    for (size_t b = 0; b < n / k_block; b++) {
        float d = load_half_as_float(block[b].d), dm = load_half_as_float(block[b].minimum_scale);
        // Each half of the block takes 32 bytes; each pair of bits in them is one run of 32 elements.
        for (int group = 0; group < 16; group++, destination += 16) {
            const uint8_t *q = block[b].q + group / 8 * 32 + group % 2 * 16;
            int shift = group % 8 / 2 * 2;
            float scale = d * (float)(block[b].scale[group] & 15);
            float minimum = dm * (float)(block[b].scale[group] >> 4);
            for (int i = 0; i < 16; i++) destination[i] = scale * (float)(q[i] >> shift & 3) - minimum;
        }
    }
}

// 16 scales of six bits: eight bytes of low nibbles, then four bytes with the two high bits.
static inline int q3_scale(const uint8_t *packed, int group) {
    int low = group < 8 ? packed[group] & 15 : packed[group - 8] >> 4;
    int high = packed[8 + group % 4] >> (group / 4 * 2) & 3;
    return (low | high << 4) - 32;
}

void lens_dequantize_q3_k(size_t n, const void *source, float *restrict destination) {
    const block_q3_k *restrict block = source;
    for (size_t b = 0; b < n / k_block; b++) {
        float d = load_half_as_float(block[b].d);
        for (int group = 0; group < 16; group++, destination += 16) {
            const uint8_t *q = block[b].q + group / 8 * 32 + group % 2 * 16;
            const uint8_t *high = block[b].high + group % 2 * 16;
            int shift = group % 8 / 2 * 2, bit = group / 2;
            float scale = d * (float)q3_scale(block[b].scale, group);
            for (int i = 0; i < 16; i++) {
                int value = (q[i] >> shift & 3) - 4 + (high[i] >> bit & 1) * 4;
                destination[i] = scale * (float)value;
            }
        }
    }
}

void lens_dequantize_q4_k(size_t n, const void *source, float *restrict destination) {
    const block_q4_k *restrict block = source;
    for (size_t b = 0; b < n / k_block; b++) {
        float d = load_half_as_float(block[b].d), dm = load_half_as_float(block[b].minimum_scale);
        for (int group = 0; group < 8; group++, destination += 32) {
            const uint8_t *q = block[b].q + group / 2 * 32;
            int shift = group % 2 * 4, scale, minimum;
            scale_and_minimum(block[b].scale, group, &scale, &minimum);
            float ds = d * (float)scale, m = dm * (float)minimum;
            for (int i = 0; i < 32; i++) destination[i] = ds * (float)(q[i] >> shift & 15) - m;
        }
    }
}

void lens_dequantize_q5_k(size_t n, const void *source, float *restrict destination) {
    const block_q5_k *restrict block = source;
    for (size_t b = 0; b < n / k_block; b++) {
        float d = load_half_as_float(block[b].d), dm = load_half_as_float(block[b].minimum_scale);
        for (int group = 0; group < 8; group++, destination += 32) {
            const uint8_t *q = block[b].q + group / 2 * 32, *high = block[b].high;
            int shift = group % 2 * 4, scale, minimum;
            scale_and_minimum(block[b].scale, group, &scale, &minimum);
            float ds = d * (float)scale, m = dm * (float)minimum;
            for (int i = 0; i < 32; i++) {
                int value = (q[i] >> shift & 15) | (high[i] >> group & 1) << 4;
                destination[i] = ds * (float)value - m;
            }
        }
    }
}

void lens_dequantize_q6_k(size_t n, const void *source, float *restrict destination) {
    const block_q6_k *restrict block = source;
    for (size_t b = 0; b < n / k_block; b++) {
        float d = load_half_as_float(block[b].d);
        // Each half of the block: 64 bytes of nibbles and 32 of high bits for four runs of 32 elements.
        for (int run = 0; run < 8; run++, destination += 32) {
            const uint8_t *q = block[b].q + run / 4 * 64 + run % 2 * 32;
            const uint8_t *high = block[b].high + run / 4 * 32;
            int shift = run % 4 / 2 * 4, high_shift = run % 4 * 2;
            float scales[2] = {d * (float)block[b].scale[2 * run], d * (float)block[b].scale[2 * run + 1]};
            for (int i = 0; i < 32; i++) {
                int value = ((q[i] >> shift & 15) | (high[i] >> high_shift & 3) << 4) - 32;
                destination[i] = scales[i / 16] * (float)value;
            }
        }
    }
}
