// What the kernels' results are held to.
#ifndef LENS_TEST_CHECK_H
#define LENS_TEST_CHECK_H
#include "CLongLens.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/// The relative error of one rounded operation.
#define ROUNDING 0x1p-24

/// Contexts that compute the same thing: of one thread, and of three.
typedef struct contexts {
    lens_context *one, *three;
} contexts;

/// What is being checked, for messages.
void at_work_on(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Complaints so far.
size_t complaint_count(void);

void must(lens_status status);

/// `count` numbers in double precision, those of `x`, or zeros where it is NULL. Freed by free_all, as all buffers are.
double *doubles(size_t count, const float *x);
double *magnitudes(size_t count, const float *x);

/// Numbers that a kernel is to overwrite: NaN.
float *nothing(size_t count);
float *copy(size_t count, const float *x);

void free_all(void);

/// Each result is within `tolerance` times its `size` (1 where that is NULL) of what is expected; NaN never is.
void expect_close(const char *what, size_t count, const float *result, const double *expected, double tolerance,
                  const double *size);

/// All bits are equal; any NaN is as good as another.
void expect_same(const char *what, size_t count, const float *result, const float *expected);

void expect(bool condition, const char *what);

// One family each.
void check_vectors(contexts c);
void check_rows(contexts c);
void check_products(contexts c);
void check_attention(contexts c);

/// Attention in bf16, and products with quantized weights against those of `scalar`, which are the same bits.
void check_features(contexts c, lens_context *scalar);

/// A number made of the bits of products with quantized weights: the same on every processor.
uint64_t bits_of_products(lens_context *context);

#endif
