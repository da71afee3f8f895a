// Formats of -1, 0 and 1: TQ1_0, TQ2_0. Read only.
#include "quant/blocks.h"

#pragma STDC FP_CONTRACT OFF

// Digit `place` of the base-3 fraction q / 256: multiplied up modulo 256, its first digit is the wanted one.
static inline int ternary_digit(uint8_t q, int place) {
    static const uint8_t powers[5] = {1, 3, 9, 27, 81};
    uint8_t rest = (uint8_t)(q * powers[place]);
    return rest * 3 >> 8;
}

// `places` digits of `count` bytes: all first digits, then all second ones.
static float *ternary_run(const uint8_t *q, int count, int places, float d, float *restrict destination) {
    for (int place = 0; place < places; place++) {
        for (int i = 0; i < count; i++) *destination++ = d * (float)(ternary_digit(q[i], place) - 1);
    }
    return destination;
}

void lens_dequantize_tq1_0(size_t n, const void *source, float *restrict destination) {
    const block_tq1_0 *restrict block = source;
    for (size_t b = 0; b < n / k_block; b++) {
        float d = load_half_as_float(block[b].d);
        destination = ternary_run(block[b].q, 32, 5, d, destination);
        destination = ternary_run(block[b].q + 32, 16, 5, d, destination);
        destination = ternary_run(block[b].rest, 4, 4, d, destination);
    }
}

void lens_dequantize_tq2_0(size_t n, const void *source, float *restrict destination) {
    const block_tq2_0 *restrict block = source;
    for (size_t b = 0; b < n / k_block; b++) {
        float d = load_half_as_float(block[b].d);
        for (int run = 0; run < 8; run++, destination += 32) {
            const uint8_t *q = block[b].q + run / 4 * 32;
            for (int i = 0; i < 32; i++) destination[i] = d * (float)((q[i] >> run % 4 * 2 & 3) - 1);
        }
    }
}
