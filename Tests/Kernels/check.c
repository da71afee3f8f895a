#include "check.h"
#include "buffers.h"
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { most = 64, shown = 20 };
static void *blocks[most];
static size_t held = 0, complaints = 0;
static char place[256];

void at_work_on(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(place, sizeof place, format, arguments);
    va_end(arguments);
}

size_t complaint_count(void) { return complaints; }

static void complain(const char *format, ...) {
    if (++complaints > shown) return;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "%s: ", place);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\n");
    va_end(arguments);
}

void expect(bool condition, const char *what) {
    if (!condition) complain("%s", what);
}

void must(lens_status status) { expect(status == LENS_OK, "a driver failed"); }

static void *block(size_t bytes) {
    void *start = calloc(bytes + 1, 1);
    if (start == NULL || held == most) {
        fprintf(stderr, "kernels: no memory, or more buffers than planned\n");
        exit(1);
    }
    return blocks[held++] = start;
}

double *doubles(size_t count, const float *x) {
    double *result = block(count * sizeof *result);
    for (size_t i = 0; x != NULL && i < count; i++) result[i] = (double)x[i];
    return result;
}

double *magnitudes(size_t count, const float *x) {
    double *result = doubles(count, x);
    for (size_t i = 0; i < count; i++) result[i] = fabs(result[i]);
    return result;
}

float *nothing(size_t count) {
    float *result = numbers(count);
    for (size_t i = 0; i < count; i++) result[i] = NAN;
    return result;
}

float *copy(size_t count, const float *x) {
    float *result = numbers(count);
    if (count > 0) memcpy(result, x, count * sizeof *x);
    return result;
}

void free_all(void) {
    while (held > 0) free(blocks[--held]);
    free_buffers();
}

void expect_close(const char *what, size_t count, const float *result, const double *expected, double tolerance,
                  const double *size) {
    for (size_t i = 0; i < count; i++) {
        double allowed = tolerance * (size != NULL ? fabs(size[i]) : 1);
        if (fabs((double)result[i] - expected[i]) <= allowed) continue;
        complain("%s[%zu] is %.9g, expected %.9g within %.3g", what, i, (double)result[i], expected[i], allowed);
        return;
    }
}

void expect_same(const char *what, size_t count, const float *result, const float *expected) {
    for (size_t i = 0; i < count; i++) {
        if (memcmp(&result[i], &expected[i], sizeof *result) == 0 || (isnan(result[i]) && isnan(expected[i]))) continue;
        complain("%s[%zu] is %.9g, and elsewhere %.9g", what, i, (double)result[i], (double)expected[i]);
        return;
    }
}
