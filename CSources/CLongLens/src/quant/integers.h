// Stored rows as integers in groups of 32, as integer products take them.
#ifndef LENS_QUANT_INTEGERS_H
#define LENS_QUANT_INTEGERS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { lens_group = 32 };

/// A row of K elements in groups of 32: x = scale * integer + minimum.
typedef struct lens_integers {
    int8_t *integers;       // [K]
    float *scale, *minimum; // [K / 32]; minimum is not written for types without
    float *decoded;         // [K], scratch
} lens_integers;

/// Whether groups of the type have a minimum.
bool lens_type_has_minimum(int type);

/// The integers of a stored row; false for a type that has none.
bool lens_row_integers(size_t K, int type, const void *row, const lens_integers *result);

/// Rounds a group of 32 numbers to 8 bits: x = scale * integer, scale = max|x| / 127; the scale is not finite where a
/// number is not. Numbers below 2^-100 are zeros.
void lens_round_group(const float *x, int8_t *integers, float *scale);

#endif
