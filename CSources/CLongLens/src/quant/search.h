// What the searches of scales share. Sums go by lanes, in a fixed order that vector units can follow.
#ifndef LENS_QUANT_SEARCH_H
#define LENS_QUANT_SEARCH_H
#include "quant/blocks.h"
#include <math.h>

enum {
    lanes = 8,
    search_rounds = 2 // how often a block's fp16 are fitted again
};

static inline float sum_lanes(const float lane[lanes]) {
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]));
}

// x within low...high; NaN to low.
static inline float clamp(float x, float low, float high) {
    x = x > low ? x : low;
    return x < high ? x : high;
}

static inline float inverse(float d) { return d != 0.0f ? 1.0f / d : 0.0f; }

#endif
