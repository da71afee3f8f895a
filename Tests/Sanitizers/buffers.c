#include "buffers.h"
#include <stdio.h>
#include <stdlib.h>

enum { most = 64 };
static void *blocks[most];
static size_t held = 0, turn = 0;
static uint64_t state = 1;

void seed_buffers(uint64_t seed) { state = seed; }

static uint32_t random_bits(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 32);
}

static void *block(size_t bytes, size_t unit) {
    size_t before = turn++ % 2 == 0 ? 0 : unit;
    char *start = malloc(before + bytes);
    if (start == NULL || held == most) {
        fprintf(stderr, "sanitize: no memory, or more buffers than planned\n");
        exit(1);
    }
    blocks[held++] = start;
    return start + before;
}

float *numbers(size_t count) {
    float *result = block(count * sizeof(float), sizeof(float));
    for (size_t i = 0; i < count; i++) result[i] = (float)random_bits() * 0x1p-31f - 1.0f;
    return result;
}

int32_t *tokens(size_t count, size_t bound) {
    int32_t *result = block(count * sizeof(int32_t), sizeof(int32_t));
    for (size_t i = 0; i < count; i++) result[i] = (int32_t)(random_bits() % bound);
    return result;
}

uint8_t *noise(size_t count) {
    uint8_t *result = block(count, 1);
    for (size_t i = 0; i < count; i++) result[i] = (uint8_t)(random_bits() >> 24);
    return result;
}

void free_buffers(void) {
    while (held > 0) free(blocks[--held]);
}
