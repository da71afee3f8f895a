// Buffers of exact size for the sanitizer run.
#ifndef LENS_TEST_BUFFERS_H
#define LENS_TEST_BUFFERS_H
#include <stddef.h>
#include <stdint.h>

/// `count` numbers in [-1, 1] whose last one ends the block. By turns the first one starts it, or is unaligned.
float *numbers(size_t count);

/// `count` tokens below `bound`, likewise.
int32_t *tokens(size_t count, size_t bound);

/// `count` bytes of noise, likewise.
uint8_t *noise(size_t count);

/// Starts the numbers over.
void seed_buffers(uint64_t seed);

/// Frees all of the above.
void free_buffers(void);

#endif
