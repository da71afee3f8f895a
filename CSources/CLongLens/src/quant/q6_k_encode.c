// To Q6_K: groups of 16 as scale * q, q from -32 to 31, the scales being signed 8-bit multiples of a block's fp16.
//
// As for Q4_K and Q5_K, each group is fitted alone first, then its integer chosen by the error that decoding will
// leave, and the block's fp16 fitted to all of them.
#include "quant/search.h"

#pragma STDC FP_CONTRACT OFF

enum { group_size = 16, groups = k_block / group_size, lowest = 32, highest = 31 };

typedef struct {
    float x[group_size], weight[group_size];
} weighted_group;

typedef struct {
    float qx, q2; // weighted sums of q * x and of q * q
} products;

// To the nearest integer of -32...31; NaN to -32.
static inline int nearest(float x) { return (int)(clamp(x, -lowest, highest) + (lowest + 0.5f)) - lowest; }

// The square of an element is its weight: the relative error counts.
static void weigh(weighted_group *group, const float *x) {
    for (int i = 0; i < group_size; i++) {
        group->x[i] = x[i];
        group->weight[i] = x[i] * x[i];
    }
}

// The sums for the integers that a factor gives.
static products multiply(const weighted_group *group, float factor) {
    float qx[lanes] = {0}, q2[lanes] = {0};
    for (int i = 0; i < group_size; i += lanes) {
        for (int k = 0; k < lanes; k++) {
            float x = group->x[i + k], q = (float)nearest(x * factor), wq = group->weight[i + k] * q;
            qx[k] += wq * x;
            q2[k] += wq * q;
        }
    }
    return (products){sum_lanes(qx), sum_lanes(q2)};
}

static float search(const weighted_group *group) {
    float extreme = 0.0f;
    for (int i = 0; i < group_size; i++) extreme = fabsf(group->x[i]) > fabsf(extreme) ? group->x[i] : extreme;
    if (extreme == 0.0f) return 0.0f;
    float most = 0.0f, best = -extreme / lowest;
    // The extreme element at either end, and steps somewhat longer and shorter.
    for (int sign = -1; sign <= 1; sign += 2) {
        for (int step = -9; step <= 9; step++) {
            float end = sign < 0 ? -(float)lowest : (float)highest;
            products p = multiply(group, (end + 0.1f * (float)(sign * step)) / extreme);
            float scale = p.qx * inverse(p.q2);
            if (scale * p.qx > most) {
                most = scale * p.qx;
                best = scale;
            }
        }
    }
    for (int round = 0; round < 3; round++) {
        products p = multiply(group, inverse(best));
        float scale = p.qx * inverse(p.q2);
        if (!(scale * p.qx > most)) break;
        most = scale * p.qx;
        best = scale;
    }
    return best;
}

static float error(const weighted_group *group, float scale) {
    float squares[lanes] = {0}, factor = inverse(scale);
    for (int i = 0; i < group_size; i += lanes) {
        for (int k = 0; k < lanes; k++) {
            float difference = scale * (float)nearest(group->x[i + k] * factor) - group->x[i + k];
            squares[k] += group->weight[i + k] * difference * difference;
        }
    }
    return sum_lanes(squares);
}

static int clip(float scale) { return (int)(clamp(scale, -128.0f, 127.0f) + 128.5f) - 128; }

// Moves the integer of a group to the best of its neighbours. Returns the error.
static float improve(const weighted_group *group, float d, int8_t *scale) {
    int first = clip((float)*scale - 1.0f), last = clip((float)*scale + 1.0f);
    float least = INFINITY;
    for (int s = first; s <= last; s++) {
        float found = error(group, d * (float)s);
        if (found < least) {
            least = found;
            *scale = (int8_t)s;
        }
    }
    return least;
}

// The fp16 that fits the integers of all groups best.
static float refit(const weighted_group *group, float d, const int8_t *scale) {
    double qx = 0, q2 = 0;
    for (int g = 0; g < groups; g++) {
        products p = multiply(&group[g], inverse(d * (float)scale[g]));
        qx += scale[g] * (double)p.qx;
        q2 += scale[g] * (double)scale[g] * (double)p.q2;
    }
    return q2 > 0 ? half_to_float(float_to_half((float)(qx / q2))) : d;
}

// Chooses the integers `scale` of the groups. Returns the fp16 of the block.
static float choose(const weighted_group *group, int8_t *scale) {
    float alone[groups], extreme = 0.0f;
    for (int g = 0; g < groups; g++) {
        alone[g] = search(&group[g]);
        extreme = fabsf(alone[g]) > fabsf(extreme) ? alone[g] : extreme;
    }
    float d = half_to_float(float_to_half(extreme / -128.0f)), best = d, least = INFINITY;
    int8_t moved[groups];
    for (int g = 0; g < groups; g++) moved[g] = (int8_t)clip(alone[g] * inverse(d));
    memcpy(scale, moved, sizeof moved);
    for (int round = 0; round <= search_rounds; round++) {
        float left = 0.0f;
        for (int g = 0; g < groups; g++) left += improve(&group[g], d, &moved[g]);
        if (!(left < least)) break;
        least = left;
        best = d;
        memcpy(scale, moved, sizeof moved);
        if (round < search_rounds) d = refit(group, d, moved);
    }
    return best;
}

void lens_quantize_q6_k(size_t n, const float *restrict x, void *destination) {
    block_q6_k *restrict block = destination;
    for (size_t b = 0; b < n / k_block; b++, x += k_block) {
        weighted_group group[groups];
        for (int g = 0; g < groups; g++) weigh(&group[g], x + g * group_size);
        float d = choose(group, block[b].scale);
        store_half(block[b].d, float_to_half(d));
        uint8_t q[k_block];
        for (int g = 0; g < groups; g++) {
            float factor = inverse(d * (float)block[b].scale[g]);
            for (int i = 0; i < group_size; i++) {
                q[g * group_size + i] = (uint8_t)(nearest(group[g].x[i] * factor) + lowest);
            }
        }
        // Each half of the block: 64 bytes of nibbles and 32 of high bits for four runs of 32 elements.
        for (int half = 0; half < 2; half++) {
            const uint8_t *from = q + half * 128;
            for (int i = 0; i < 64; i++) {
                block[b].q[half * 64 + i] = (uint8_t)((from[i] & 15) | (from[i + 64] & 15) << 4);
            }
            for (int i = 0; i < 32; i++) {
                block[b].high[half * 32 + i] =
                    (uint8_t)(from[i] >> 4 | from[i + 32] >> 4 << 2 | from[i + 64] >> 4 << 4 | from[i + 96] >> 4 << 6);
            }
        }
    }
}
