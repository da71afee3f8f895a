// Calls every public function of the C kernels over boundary sizes, in buffers of exact size, on every instruction
// set of the machine. What the functions compute is tested elsewhere: here only the sanitizers look.
#include "CLongLens.h"
#include "buffers.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

// The longest makes pieces enough for all threads.
static const size_t lengths[] = {1, 7, 8, 9, 15, 16, 17, 31, 33, 65, 2049, 32769, 400001};

static void check(bool condition, const char *what) {
    if (condition) return;
    fprintf(stderr, "sanitize: %s\n", what);
    exit(1);
}

static void vectors(void) {
    for (size_t i = 0; i < COUNT(lengths); i++) {
        size_t n = lengths[i];
        float *a = numbers(n), *b = numbers(n), *c = numbers(n), *d = numbers(n), *e = numbers(n);
        lens_add(a, b, n);
        lens_scale(a, 0.5f, n);
        lens_exp(c, a, n);
        lens_swiglu_forward(c, a, b, n);
        lens_swiglu_backward(d, e, c, a, b, n);
        check(lens_sum_of_squares(a, n) >= 0, "a negative sum of squares");
        check(lens_first_nonfinite(a, n) == n, "finite numbers are taken for infinite ones");
        lens_adamw_settings settings = {1e-3, 0.9, 0.999, 1e-8, 0.01, 1.0, 0.1, 0.001};
        for (size_t k = 0; k < n; k++) e[k] = 1;
        lens_adamw(a, b, d, e, n, settings);
        free_buffers();
    }
    lens_add(NULL, NULL, 0);
    lens_sum_of_squares(NULL, 0);
    lens_first_nonfinite(NULL, 0);
}

static void rows(size_t T, size_t C) {
    float *x = numbers(T * C), *out = numbers(T * C), *weight = numbers(C), *rstd = numbers(T), *sum = numbers(C);
    lens_rmsnorm_forward(out, rstd, x, weight, T, C, 1e-5f);
    lens_rmsnorm_backward(x, sum, out, x, weight, rstd, T, C, 0);
    lens_rmsnorm_backward(x, sum, out, x, weight, rstd, T, C, 1);
    lens_bias_forward(x, weight, T, C);
    lens_bias_backward(sum, x, T, C);
    size_t V = 5;
    float *table = numbers(V * C);
    int32_t *ids = tokens(T, V);
    lens_embedding_forward(out, table, ids, T, C);
    lens_embedding_backward(table, out, ids, T, C);
    float *nll = numbers(T), *lse = numbers(T), *weights = numbers(T);
    int32_t *targets = tokens(T, C);
    lens_cross_entropy_forward(nll, lse, x, targets, T, C);
    weights[0] = 0;
    lens_cross_entropy_backward(x, lse, targets, weights, T, C);
    free_buffers();
}

static void rope(size_t HS, size_t rotary) {
    size_t T = 5, heads = 3;
    float *x = numbers(T * heads * HS), *cos = numbers(T * rotary / 2), *sin = numbers(T * rotary / 2);
    lens_rope_forward(x, cos, sin, T, heads, HS, rotary);
    lens_rope_backward(x, cos, sin, T, heads, HS, rotary);
    free_buffers();
}

// One product in all four orientations, with and without padding between rows.
static void gemm(size_t M, size_t N, size_t K) {
    for (int form = 0; form < 16; form++) {
        bool ta = form & 1, tb = form & 2, accumulate = form & 4;
        size_t padding = form & 8 ? 3 : 0;
        size_t rows_a = ta ? K : M, columns_a = ta ? M : K, rows_b = tb ? N : K, columns_b = tb ? K : N;
        size_t lda = columns_a + padding, ldb = columns_b + padding, ldc = N + padding;
        // The last row has no padding.
        float *A = numbers(rows_a == 0 ? 0 : (rows_a - 1) * lda + columns_a);
        float *B = numbers(rows_b == 0 ? 0 : (rows_b - 1) * ldb + columns_b);
        float *C = numbers(M == 0 ? 0 : (M - 1) * ldc + N);
        lens_gemm_f32(ta, tb, M, N, K, A, lda, B, ldb, C, ldc, accumulate);
        free_buffers();
    }
}

static void products(bool large) {
    static const size_t sizes[][3] = {{1, 1, 1},    {1, 1, 0},   {1, 17, 33}, {6, 16, 8},  {7, 17, 9},
                                      {14, 32, 16}, {15, 33, 1}, {33, 1, 65}, {31, 49, 130}};
    for (size_t i = 0; i < COUNT(sizes); i++) gemm(sizes[i][0], sizes[i][1], sizes[i][2]);
    if (large) { // past the cache blocks
        gemm(150, 200, 700);
        gemm(40, 1100, 300);
        gemm(600, 50, 400);
    }
}

static void attention(size_t T, size_t NH, size_t NKV, size_t HS) {
    lens_attention_shape shape = {T, NH, NKV, HS, 0.3f};
    size_t keys = T * NKV * HS, third = (T + 2) / 3, positions[512];
    for (size_t i = 0; i < third; i++) positions[i] = 3 * i;
    float *q = numbers(T * NH * HS), *k = numbers(keys), *v = numbers(keys), *all = numbers(T * NH * HS);
    lens_attention_forward(shape, q, k, v, all, numbers(NH * T));
    const lens_attention_queries given[] = {{T, NULL}, {third, positions}, {0, NULL}};
    for (size_t i = 0; i < COUNT(given); i++) {
        size_t count = given[i].count * NH * HS, rows = NH * given[i].count;
        lens_attention_backward(shape, given[i], numbers(count), k, v, numbers(count), numbers(rows), numbers(count),
                                numbers(rows), numbers(count), numbers(keys), numbers(keys));
    }
    free_buffers();
}

static void attentions(void) {
    static const size_t tokens_of[] = {1, 2, 15, 17, 63, 64, 65, 130}, head_sizes[] = {1, 8, 17, 64, 72};
    for (size_t i = 0; i < COUNT(tokens_of); i++) {
        for (size_t j = 0; j < COUNT(head_sizes); j++) {
            attention(tokens_of[i], 1, 1, head_sizes[j]);
            attention(tokens_of[i], 6, 2, head_sizes[j]);
        }
    }
    attention(400, 3, 1, 64);
}

static void formats(void) {
    for (int type = -1; type < 40; type++) {
        size_t block = lens_type_block_elements(type), bytes = lens_type_block_bytes(type);
        if (block == 0) {
            float x = 0;
            check(!lens_dequantize(type, &x, &x, 0), "an unknown type can be read");
            continue;
        }
        for (size_t blocks = 0; blocks <= 5; blocks++) {
            uint8_t *packed = noise(blocks * bytes);
            float *x = numbers(blocks * block);
            lens_dequantize(type, packed, x, blocks * block);
            for (size_t i = 0; i < blocks * block; i++) x[i] = (float)i - 7.5f;
            lens_quantize(type, x, packed, blocks * block);
            free_buffers();
        }
    }
}

static void machine(void) {
    check(lens_core_count() >= 1, "no core");
    lens_cache_sizes();
    check(strcmp(lens_isa_name(lens_isa_current()), "unknown") != 0, "an instruction set without a name");
    check(lens_measure_peak_gflops(2, 0.01) > 0, "no peak");
    for (size_t bytes = 0; bytes < 100; bytes++) lens_free(lens_allocate(bytes), bytes);
    for (size_t bytes = (2 << 20) - 1; bytes <= (2 << 20) + 1; bytes++) lens_free(lens_allocate(bytes), bytes);
    check(lens_allocate((size_t)-1) == NULL, "endless memory");
    check(lens_scratch(0, 1000) != NULL && lens_scratch_bytes() >= 1000, "no scratch");
    check(lens_allocation_count() > 0, "allocations are not counted");
}

int main(int count, char **arguments) {
    // Races show in any size; address errors want all of them.
    bool races = count > 1 && strcmp(arguments[1], "thread") == 0;
    for (int isa = LENS_ISA_SCALAR; isa <= LENS_ISA_NEON; isa++) {
        if (!lens_isa_use((lens_isa)isa)) continue;
        for (size_t threads = races ? 3 : 1; threads <= 3; threads += 2) {
            lens_set_thread_count(threads);
            printf("%s, %zu threads\n", lens_isa_name((lens_isa)isa), lens_thread_count());
            vectors();
            static const size_t columns[] = {1, 8, 15, 16, 17, 33, 65};
            for (size_t i = 0; i < COUNT(columns); i++) rows(3, columns[i]);
            rows(1500, 70);
            rows(40, 6000);
            static const size_t rotaries[] = {2, 14, 16, 18, 30, 32, 34, 64};
            for (size_t i = 0; i < COUNT(rotaries); i++) {
                rope(rotaries[i], rotaries[i]);
                rope(rotaries[i] + 1, rotaries[i]);
            }
            products(threads > 1);
            attentions();
        }
    }
    formats();
    machine();
    return 0;
}
