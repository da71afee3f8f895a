// What features of a processor beside its instruction set are for: products with quantized weights, attention in bf16.
#include "CLensReference.h"
#include "buffers.h"
#include "check.h"
#include <math.h>
#include <string.h>

enum { types = 40 };

typedef struct product {
    size_t M, N, K;
    float *A;
    lens_weights W;
    void *packed;
} product;

// Random blocks, without those whose scales are not finite: what NaN becomes is not the same everywhere.
static product product_of(lens_context *c, int type, size_t M, size_t N, size_t K, size_t head_size) {
    size_t elements = lens_type_block_elements(type), bytes = lens_type_block_bytes(type), blocks = N * K / elements;
    uint8_t *stored = noise(blocks * bytes);
    float *x = numbers(elements);
    for (size_t i = 0; i < blocks; i++) {
        bool finite = lens_dequantize(elements, type, stored + i * bytes, x);
        for (size_t k = 0; k < elements; k++) finite = finite && fabsf(x[k]) < 1e9f;
        if (!finite) memset(stored + i * bytes, 0, bytes);
    }
    product p = {M, N, K, numbers(M * K), {type, N, K, stored, head_size, NULL}, NULL};
    p.packed = noise(lens_packed_weights_bytes(N, K) + 64);
    p.packed = (uint8_t *)p.packed + (64 - (uintptr_t)p.packed % 64) % 64;
    for (size_t i = 0; i < M * K; i++) p.A[i] *= (float[]){1, 30, 0.01f}[i / 32 % 3];
    must(lens_pack_weights(c, &p.W, p.packed));
    return p;
}

static float *multiply(lens_context *c, product p, bool packed, bool accumulate) {
    float *result = nothing(p.M * p.N);
    for (size_t i = 0; accumulate && i < p.M * p.N; i++) result[i] = (float)i;
    p.W.packed = packed ? p.packed : NULL;
    must(lens_gemm_weights(c, p.M, p.K, accumulate, p.A, p.K, 1, &(lens_weights_product){&p.W, result, p.N}));
    return result;
}

// Around panels (16), tiles (4 to 12), pieces, and groups (64) that are not full.
static const size_t shapes[][3] = {{1, 1, 256},    {3, 15, 512},  {5, 17, 256},  {9, 60, 768}, {12, 31, 96},
                                   {13, 130, 256}, {49, 33, 256}, {25, 18, 160}, {7, 5, 32}};

static void check_weights(contexts c, lens_context *scalar, int type) {
    for (size_t i = 0; i < COUNT(shapes); i++) {
        size_t M = shapes[i][0], N = shapes[i][1], K = shapes[i][2];
        if (K % lens_type_block_elements(type) != 0) continue;
        at_work_on("weights of type %d, %zu x %zu x %zu", type, M, N, K);
        product p = product_of(scalar, type, M, N, K, N % 20 == 0 ? 20 : 0);
        bool accumulate = i % 2;
        const float *expected = multiply(scalar, p, true, accumulate);
        expect_same("C", M * N, multiply(c.one, p, true, accumulate), expected);
        expect_same("C of three threads", M * N, multiply(c.three, p, true, accumulate), expected);
        expect_same("C packed where used", M * N, multiply(c.three, p, false, accumulate), expected);
        p.M = 1;
        expect_same("the first row alone", N, multiply(c.one, p, true, accumulate), expected);
        free_all();
    }
}

static void check_losses(contexts c) {
    enum { M = 50, N = 1040, K = 64 };
    at_work_on("losses of quantized weights");
    product p = product_of(c.one, LENS_TYPE_Q8_0, M, N, K, 0);
    int32_t *targets = tokens(M, N);
    const float *logits = multiply(c.one, p, true, false);
    double *expected = doubles(M, NULL), *lse = doubles(M, NULL), *size = doubles(M, NULL);
    reference_cross_entropy_forward(M, N, doubles(M * N, logits), targets, expected, lse);
    for (size_t i = 0; i < M; i++) size[i] = 1 + fabs(lse[i]) + fabs(expected[i]);
    float *one = nothing(M), *three = nothing(M);
    must(lens_head_losses(c.one, M, p.A, K, &p.W, targets, one));
    must(lens_head_losses(c.three, M, p.A, K, &p.W, targets, three));
    expect_close("nll", M, one, expected, 100 * ROUNDING, size);
    expect_same("nll of three threads", M, three, one);
    free_all();
}

// Weights of 16 bits: exact products where A stays fp32, of numbers of 8 bits where the processor multiplies bf16.
static void check_products_of_16(contexts c, lens_type type, size_t M, size_t N, size_t K) {
    at_work_on("weights of type %d, %zu x %zu x %zu", type, M, N, K);
    float *A = numbers(M * K), *decoded = numbers(N * K);
    uint8_t *stored = noise(2 * N * K), *packed = noise(lens_packed_bf16_bytes(N, K) + 64);
    packed += (64 - (uintptr_t)packed % 64) % 64;
    expect(lens_quantize(N * K, type, decoded, stored) && lens_dequantize(N * K, type, stored, decoded),
           "no such type");
    double *expected = doubles(M * N, NULL), *size = doubles(M * N, NULL);
    reference_gemm(M, N, K, false, true, false, doubles(M * K, A), K, doubles(N * K, decoded), K, expected, N);
    reference_gemm(M, N, K, false, true, false, magnitudes(M * K, A), K, magnitudes(N * K, decoded), K, size, N);
    lens_weights W = {type, N, K, stored, 0, NULL};
    float *C = nothing(M * N), *three = nothing(M * N), *row = nothing(N);
    must(lens_gemm_bf16(c.three, M, K, false, A, K, 1, &(lens_weights_product){&W, three, N}));
    must(lens_pack_bf16(c.three, &W, packed));
    W.packed = packed;
    must(lens_gemm_bf16(c.one, M, K, false, A, K, 1, &(lens_weights_product){&W, C, N}));
    must(lens_gemm_bf16(c.one, 1, K, false, A, K, 1, &(lens_weights_product){&W, row, N}));
    bool rounded = type == LENS_TYPE_F16 || (lens_context_features(c.one) & LENS_FEATURE_BF16);
    expect_close("C", M * N, C, expected, rounded ? 0x1p-7 : (double)(K + 2) * ROUNDING * 1.01, size);
    expect_same("C of three threads, packed where used", M * N, three, C);
    expect_same("the first row alone", N, row, C);
    free_all();
}

static void check_weights_of_16(contexts c) {
    static const size_t shapes_of_16[][3] = {{1, 1, 1},    {5, 3, 7},    {6, 17, 33},  {7, 16, 128},  {8, 11, 130},
                                             {9, 48, 257}, {25, 61, 64}, {13, 97, 31}, {3, 300, 1200}};
    for (size_t i = 0; i < COUNT(shapes_of_16); i++)
        for (int half = 0; half < 2; half++)
            check_products_of_16(c, half ? LENS_TYPE_F16 : LENS_TYPE_BF16, shapes_of_16[i][0], shapes_of_16[i][1],
                                 shapes_of_16[i][2]);
}

static void check_bf16(contexts c, size_t T, size_t HS, size_t window) {
    at_work_on("attention in bf16 of %zu tokens, heads of %zu, window %zu", T, HS, window);
    lens_attention_shape s = {T, 4, 2, HS, 1 / sqrtf((float)HS), window};
    size_t queries = T * 4 * HS, keys = T * 2 * HS, rows = 4 * T;
    float *q = numbers(queries), *k = numbers(keys), *v = numbers(keys);
    float *out = nothing(queries), *lse = nothing(rows), *again = nothing(queries), *lse_again = nothing(rows);
    double *expected = doubles(queries, NULL), *expected_lse = doubles(rows, NULL);
    reference_attention_forward(T, 4, 2, HS, (double)s.scale, window, doubles(queries, q), doubles(keys, k),
                                doubles(keys, v), expected, expected_lse);
    must(lens_attention_forward(c.one, s, (lens_spans){0}, LENS_ARITHMETIC_BF16, q, k, v, out, lse));
    must(lens_attention_forward(c.three, s, (lens_spans){0}, LENS_ARITHMETIC_BF16, q, k, v, again, lse_again));
    // Numbers of 8 bits, here at most 1.
    expect_close("out", queries, out, expected, 0x1p-6, NULL);
    expect_close("lse", rows, lse, expected_lse, 0x1p-6, NULL);
    expect_same("out of three threads", queries, again, out);
    expect_same("lse of three threads", rows, lse_again, lse);
    free_all();
}

void check_features(contexts c, lens_context *scalar) {
    for (int type = 0; type < types; type++)
        if (lens_weights_computed(type)) check_weights(c, scalar, type);
    check_losses(c);
    check_weights_of_16(c);
    static const size_t tokens_of[] = {1, 2, 9, 12, 13, 65, 97}, sizes[] = {1, 8, 17, 64};
    for (size_t i = 0; i < COUNT(tokens_of); i++)
        for (size_t j = 0; j < COUNT(sizes); j++) {
            check_bf16(c, tokens_of[i], sizes[j], 0);
            check_bf16(c, tokens_of[i], sizes[j], 1 + tokens_of[i] / 3);
        }
}

uint64_t bits_of_products(lens_context *c) {
    uint64_t hash = 14695981039346656037u; // FNV-1a
    seed_buffers(1);
    for (int type = 0; type < types; type++) {
        if (!lens_weights_computed(type)) continue;
        product p = product_of(c, type, 3, 17, 256, 0);
        const float *result = multiply(c, p, true, false);
        for (size_t i = 0; i < p.M * p.N; i++) {
            uint32_t bits;
            memcpy(&bits, &result[i], sizeof bits);
            hash = (hash ^ bits) * 1099511628211u;
        }
        free_all();
    }
    return hash;
}
