// To Q4_K and Q5_K: groups of 32 as scale * q - minimum, scale and minimum being 6-bit multiples of a block's two fp16.
//
// Each group is fitted alone, by weighted least squares from several scales. The block's fp16 follow from the largest
// of them. Then the two integers of each group are chosen among their neighbours by the error that decoding will leave,
// so that one makes good what rounding does to the other, and the block's fp16 are fitted to all of them, in turns.
// The weights are llama.cpp's: an element counts by its size and the group's root mean square.
#include "quant/search.h"

#pragma STDC FP_CONTRACT OFF

enum { group_size = 32, groups = k_block / group_size, scale_limit = 63 };

typedef struct {
    float x[group_size], weight[group_size];
    float sum_weight, sum_x; // of weights, of weighted elements
} weighted_group;

typedef struct {
    float scale, minimum;
} affine;

// What a block is made of.
typedef struct {
    float d, minimum_scale; // as fp16 holds them
    int scale[groups], minimum[groups];
} block_scales;

// To the nearest integer of 0...limit; NaN to 0.
static inline int nearest_within(float x, float limit) { return (int)(clamp(x, 0.0f, limit) + 0.5f); }

static void weigh(weighted_group *group, const float *x) {
    float squares[lanes] = {0}, weights[lanes] = {0}, products[lanes] = {0};
    for (int i = 0; i < group_size; i += lanes) {
        for (int k = 0; k < lanes; k++) squares[k] += x[i + k] * x[i + k];
    }
    float mean = sqrtf(sum_lanes(squares) / group_size);
    for (int i = 0; i < group_size; i += lanes) {
        for (int k = 0; k < lanes; k++) {
            float weight = mean + fabsf(x[i + k]);
            group->x[i + k] = x[i + k];
            group->weight[i + k] = weight;
            weights[k] += weight;
            products[k] += weight * x[i + k];
        }
    }
    group->sum_weight = sum_lanes(weights);
    group->sum_x = sum_lanes(products);
}

// Weighted sums over a group of the integers q, of q * q and of q * x.
typedef struct {
    float q, qq, qx;
} moments;

// The sums for the integers that decode nearest under `from`.
static moments multiply(const weighted_group *group, float limit, affine from) {
    float l1[lanes] = {0}, l2[lanes] = {0}, lx[lanes] = {0}, factor = inverse(from.scale);
    for (int i = 0; i < group_size; i += lanes) {
        for (int k = 0; k < lanes; k++) {
            float x = group->x[i + k], q = (float)nearest_within((x + from.minimum) * factor, limit);
            float wq = group->weight[i + k] * q;
            l1[k] += wq;
            l2[k] += wq * q;
            lx[k] += wq * x;
        }
    }
    return (moments){sum_lanes(l1), sum_lanes(l2), sum_lanes(lx)};
}

// Fits scale and minimum to the integers that `from` gives. Returns how much of the weighted squares the fit explains;
// the more, the less error is left.
static float fit(const weighted_group *group, float limit, affine from, affine *fitted) {
    moments m = multiply(group, limit, from);
    float w = group->sum_weight, x1 = group->sum_x;
    float determinant = w * m.qq - m.q * m.q;
    // Of integers that are all the same the determinant is zero but for rounding: the minimum alone serves then.
    *fitted = (affine){0.0f, -x1 / w};
    if (determinant > 1e-5f * w * m.qq) {
        *fitted = (affine){(w * m.qx - x1 * m.q) / determinant, (m.q * m.qx - m.qq * x1) / determinant};
    }
    // Minima are stored without a sign.
    if (!(fitted->minimum >= 0.0f)) *fitted = (affine){m.qx * inverse(m.qq), 0.0f};
    return fitted->scale * m.qx - fitted->minimum * x1;
}

static affine search(const weighted_group *group, float limit) {
    float low = 0.0f, high = group->x[0];
    for (int i = 0; i < group_size; i++) {
        low = group->x[i] < low ? group->x[i] : low;
        high = group->x[i] > high ? group->x[i] : high;
    }
    if (!(high > low)) return (affine){0.0f, -low};
    affine best = {(high - low) / limit, -low}, fitted;
    float most = -INFINITY;
    // Steps that are somewhat too long cut the ends off, and shorter ones leave numbers unused: either may fit better.
    for (int step = -10; step <= 10; step++) {
        float gain = fit(group, limit, (affine){(high - low) / (limit + 0.1f * (float)step), -low}, &fitted);
        if (gain > most) {
            most = gain;
            best = fitted;
        }
    }
    for (int round = 0; round < 4; round++) {
        float gain = fit(group, limit, best, &fitted);
        if (!(gain > most)) break;
        most = gain;
        best = fitted;
    }
    return best;
}

// What decoding leaves of the group.
static float error(const weighted_group *group, float limit, affine stored) {
    float squares[lanes] = {0}, factor = inverse(stored.scale);
    for (int i = 0; i < group_size; i += lanes) {
        for (int k = 0; k < lanes; k++) {
            float x = group->x[i + k], q = (float)nearest_within((x + stored.minimum) * factor, limit);
            float difference = stored.scale * q - stored.minimum - x;
            squares[k] += group->weight[i + k] * difference * difference;
        }
    }
    return sum_lanes(squares);
}

// Scale and minimum of a group, as decoding computes them.
static affine decoded(const block_scales *block, int scale, int minimum) {
    return (affine){block->d * (float)scale, block->minimum_scale * (float)minimum};
}

static int clip(int integer) { return integer < 0 ? 0 : integer > scale_limit ? scale_limit : integer; }

// Moves the integers of a group to the best of their neighbours. Returns the error.
static float improve(const weighted_group *group, float limit, const block_scales *block, int *scale, int *minimum) {
    int scales[2] = {clip(*scale - 1), clip(*scale + 1)}, minima[2] = {clip(*minimum - 1), clip(*minimum + 1)};
    float least = INFINITY;
    for (int s = scales[0]; s <= scales[1]; s++) {
        for (int m = minima[0]; m <= minima[1]; m++) {
            float found = error(group, limit, decoded(block, s, m));
            if (found < least) {
                least = found;
                *scale = s;
                *minimum = m;
            }
        }
    }
    return least;
}

// As fp16; what is not zero stays so.
static float as_half(float x) {
    uint16_t half = float_to_half(x);
    return half_to_float(half == 0 && x > 0.0f ? 1 : half);
}

// The block's fp16 that fit the integers of all groups best.
static void refit(const weighted_group *group, float limit, block_scales *block) {
    double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
    for (int g = 0; g < groups; g++) {
        moments m = multiply(&group[g], limit, decoded(block, block->scale[g], block->minimum[g]));
        double a = block->scale[g], b = block->minimum[g];
        aa += a * a * m.qq;
        ab += a * b * m.q;
        bb += b * b * group[g].sum_weight;
        ax += a * m.qx;
        bx += b * group[g].sum_x;
    }
    double determinant = aa * bb - ab * ab;
    if (determinant > 0) {
        double d = (ax * bb - bx * ab) / determinant, minimum_scale = (ab * ax - aa * bx) / determinant;
        if (d > 0 && minimum_scale > 0) {
            block->d = as_half((float)d);
            block->minimum_scale = as_half((float)minimum_scale);
        }
    } else if (aa > 0 && ax > 0) {
        block->d = as_half((float)(ax / aa));
    }
}

static block_scales choose(const float *x, weighted_group *group, float limit) {
    affine alone[groups];
    float largest = 0.0f, lowest = 0.0f;
    for (int g = 0; g < groups; g++) {
        weigh(&group[g], x + g * group_size);
        alone[g] = search(&group[g], limit);
        largest = alone[g].scale > largest ? alone[g].scale : largest;
        lowest = alone[g].minimum > lowest ? alone[g].minimum : lowest;
    }
    block_scales block = {.d = as_half(largest / scale_limit), .minimum_scale = as_half(lowest / scale_limit)};
    for (int g = 0; g < groups; g++) {
        block.scale[g] = nearest_within(alone[g].scale * inverse(block.d), scale_limit);
        block.minimum[g] = nearest_within(alone[g].minimum * inverse(block.minimum_scale), scale_limit);
    }
    block_scales best = block;
    float least = INFINITY;
    for (int round = 0; round <= search_rounds; round++) {
        float left = 0.0f;
        for (int g = 0; g < groups; g++) {
            left += improve(&group[g], limit, &block, &block.scale[g], &block.minimum[g]);
        }
        if (!(left < least)) break;
        least = left;
        best = block;
        if (round < search_rounds) refit(group, limit, &block);
    }
    return best;
}

// The eight scales and minima in twelve bytes, as decoding takes them apart.
static void pack_scales(const block_scales *block, uint8_t *packed) {
    for (int g = 0; g < groups / 2; g++) {
        int scale = block->scale[g + 4], minimum = block->minimum[g + 4];
        packed[g] = (uint8_t)(block->scale[g] | scale >> 4 << 6);
        packed[g + 4] = (uint8_t)(block->minimum[g] | minimum >> 4 << 6);
        packed[g + 8] = (uint8_t)((scale & 15) | (minimum & 15) << 4);
    }
}

static void integers(const weighted_group *group, float limit, const block_scales *block, uint8_t *q) {
    for (int g = 0; g < groups; g++) {
        affine stored = decoded(block, block->scale[g], block->minimum[g]);
        float factor = inverse(stored.scale);
        for (int i = 0; i < group_size; i++) {
            q[g * group_size + i] = (uint8_t)nearest_within((group[g].x[i] + stored.minimum) * factor, limit);
        }
    }
}

// The lower four bits of every two groups in bytes of both.
static void pack_low_bits(const uint8_t *q, uint8_t *packed) {
    for (int i = 0; i < k_block / 2; i++) {
        const uint8_t *pair = q + i / group_size * 2 * group_size + i % group_size;
        packed[i] = (uint8_t)((pair[0] & 15) | (pair[group_size] & 15) << 4);
    }
}

void lens_quantize_q4_k(size_t n, const float *restrict x, void *destination) {
    block_q4_k *restrict block = destination;
    for (size_t b = 0; b < n / k_block; b++, x += k_block) {
        weighted_group group[groups];
        uint8_t q[k_block];
        block_scales scales = choose(x, group, 15);
        integers(group, 15, &scales, q);
        store_half(block[b].d, float_to_half(scales.d));
        store_half(block[b].minimum_scale, float_to_half(scales.minimum_scale));
        pack_scales(&scales, block[b].scale);
        pack_low_bits(q, block[b].q);
    }
}

void lens_quantize_q5_k(size_t n, const float *restrict x, void *destination) {
    block_q5_k *restrict block = destination;
    for (size_t b = 0; b < n / k_block; b++, x += k_block) {
        weighted_group group[groups];
        uint8_t q[k_block];
        block_scales scales = choose(x, group, 31);
        integers(group, 31, &scales, q);
        store_half(block[b].d, float_to_half(scales.d));
        store_half(block[b].minimum_scale, float_to_half(scales.minimum_scale));
        pack_scales(&scales, block[b].scale);
        pack_low_bits(q, block[b].q);
        for (int i = 0; i < group_size; i++) {
            int bits = 0;
            for (int g = 0; g < groups; g++) bits |= (q[g * group_size + i] >> 4) << g;
            block[b].high[i] = (uint8_t)bits;
        }
    }
}
