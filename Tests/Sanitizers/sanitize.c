// Calls every public function of the C kernels over boundary sizes, in buffers of exact size, on every instruction
// set of the machine, and contexts beside each other. What the functions compute is tested elsewhere: here the
// sanitizers look.
#include "CLongLens.h"
#include "buffers.h"
#include <math.h>
#include <pthread.h>
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

static void must(lens_status status) { check(status == LENS_OK, "a driver failed"); }

static lens_context *context_with(size_t threads, lens_isa isa, lens_features features) {
    lens_context *context;
    must(lens_context_create(threads, isa, features, LENS_CARRIER_POOL, &context));
    return context;
}

static lens_context *context_of(size_t threads, lens_isa isa) { return context_with(threads, isa, LENS_FEATURES_ALL); }

static void vectors(lens_context *c) {
    for (size_t i = 0; i < COUNT(lengths); i++) {
        size_t n = lengths[i], index;
        float *x = numbers(n), *y = numbers(n), *out = numbers(n), *m = numbers(n), *v = numbers(n);
        double sum;
        must(lens_exp(c, n, x, out));
        must(lens_swiglu_forward(c, n, x, y, out));
        must(lens_swiglu_backward(c, n, out, x, y, m, v));
        must(lens_sum_of_squares(c, n, x, &sum));
        check(sum >= 0, "a negative sum of squares");
        must(lens_first_nonfinite(c, n, x, &index));
        check(index == n, "finite numbers are taken for infinite ones");
        lens_adamw_settings settings = {1e-3, 0.9, 0.999, 1e-8, 0.01, 1.0, 0.1, 0.001};
        for (size_t k = 0; k < n; k++) v[k] = 1;
        must(lens_adamw(c, n, settings, y, m, v, x));
        free_buffers();
    }
    double sum;
    size_t index;
    must(lens_sum_of_squares(c, 0, NULL, &sum));
    must(lens_first_nonfinite(c, 0, NULL, &index));
}

static void rows(lens_context *c, size_t T, size_t C) {
    float *x = numbers(T * C), *out = numbers(T * C), *weight = numbers(C), *rstd = numbers(T), *sum = numbers(C);
    must(lens_rmsnorm_forward(c, T, C, 1e-5f, x, weight, out, rstd));
    must(lens_rmsnorm_backward(c, T, C, false, out, x, weight, rstd, x, sum));
    must(lens_rmsnorm_backward(c, T, C, true, out, x, weight, rstd, x, sum));
    must(lens_bias_forward(c, T, C, weight, x));
    must(lens_bias_backward(c, T, C, x, sum));
    size_t V = 5;
    float *table = numbers(V * C);
    int32_t *ids = tokens(T, V);
    must(lens_embedding_forward(c, T, C, table, ids, out));
    must(lens_embedding_backward(c, T, C, out, ids, table));
    float *lse = numbers(T), *weights = numbers(T);
    weights[0] = 0;
    must(lens_cross_entropy_backward(c, T, C, tokens(T, C), lse, weights, x));
    free_buffers();
}

static void rope(lens_context *c, size_t HS, size_t rotary) {
    size_t T = 5, heads = 3;
    float *x = numbers(T * heads * HS), *cos = numbers(T * rotary / 2), *sin = numbers(T * rotary / 2);
    must(lens_rope_forward(c, T, (lens_spans){0}, heads, HS, rotary, cos, sin, x));
    // No longer sequence than of 3 rows.
    const size_t bounds[] = {0, 0, 3, 5};
    float *short_cos = numbers(3 * rotary / 2), *short_sin = numbers(3 * rotary / 2);
    must(lens_rope_forward(c, T, (lens_spans){3, bounds}, heads, HS, rotary, short_cos, short_sin, x));
    must(lens_rope_backward(c, T, heads, HS, rotary, cos, sin, x));
    free_buffers();
}

// One product in all four orientations, with and without padding between rows.
static void gemm(lens_context *c, size_t M, size_t N, size_t K) {
    for (int form = 0; form < 16; form++) {
        bool ta = form & 1, tb = form & 2, accumulate = form & 4;
        size_t padding = form & 8 ? 3 : 0;
        size_t rows_a = ta ? K : M, columns_a = ta ? M : K, rows_b = tb ? N : K, columns_b = tb ? K : N;
        size_t lda = columns_a + padding, ldb = columns_b + padding, ldc = N + padding;
        // The last row has no padding.
        float *A = numbers(rows_a == 0 ? 0 : (rows_a - 1) * lda + columns_a);
        float *B = numbers(rows_b == 0 ? 0 : (rows_b - 1) * ldb + columns_b);
        float *C = numbers(M == 0 ? 0 : (M - 1) * ldc + N);
        must(lens_gemm_f32(c, M, N, K, ta, tb, accumulate, A, lda, B, ldb, C, ldc));
        free_buffers();
    }
}

static void products(lens_context *c, bool large) {
    static const size_t sizes[][3] = {{1, 1, 1},    {1, 1, 0},   {1, 17, 33}, {6, 16, 8},   {7, 17, 9},
                                      {14, 32, 16}, {15, 33, 1}, {33, 1, 65}, {31, 49, 130}};
    for (size_t i = 0; i < COUNT(sizes); i++) gemm(c, sizes[i][0], sizes[i][1], sizes[i][2]);
    if (large) { // past the cache blocks
        gemm(c, 150, 200, 700);
        gemm(c, 40, 1100, 300);
        gemm(c, 600, 50, 400);
    }
}

static void rows_in_types(lens_context *c) {
    static const size_t order[] = {4, 1, 1};
    for (int type = -1; type < 40; type++) {
        size_t block = lens_type_block_elements(type), bytes = 2 * lens_type_block_bytes(type);
        float *x = numbers(5 * 2 * block);
        void *rows = noise(3 * bytes);
        bool writable = block > 0 && lens_quantize(0, type, x, rows);
        lens_status status = lens_quantize_rows(c, 3, 2 * block, type, x, order, rows);
        check(status == (writable ? LENS_OK : LENS_INVALID), "rows of a type");
        free_buffers();
    }
}

// The last rows of A and W end where their memory does.
static void head(lens_context *c, size_t M, size_t N, size_t K) {
    float *A = numbers((M - 1) * (K + 3) + K), *W = numbers(N * K), *nll = numbers(M);
    int32_t *targets = tokens(M, N);
    must(lens_head_losses_f32(c, M, N, K, A, K + 3, W, targets, nll, NULL, NULL));
    must(lens_head_losses_f32(c, M, N, K, A, K + 3, W, targets, nll, numbers(M), numbers(M * N)));
    free_buffers();
}

static void heads(lens_context *c) {
    static const size_t sizes[][3] = {{1, 1, 1}, {3, 17, 5}, {49, 193, 33}, {60, 400, 600}};
    for (size_t i = 0; i < COUNT(sizes); i++) head(c, sizes[i][0], sizes[i][1], sizes[i][2]);
}

static void attention(lens_context *c, size_t T, size_t NH, size_t NKV, size_t HS, size_t window) {
    lens_attention_shape shape = {T, NH, NKV, HS, 0.3f, window};
    size_t keys = T * NKV * HS, third = (T + 2) / 3, positions[512];
    for (size_t i = 0; i < third; i++) positions[i] = 3 * i;
    float *q = numbers(T * NH * HS), *k = numbers(keys), *v = numbers(keys), *all = numbers(T * NH * HS);
    const size_t bounds[] = {0, third, third, T};
    const lens_spans sequences[] = {{0, NULL}, {3, bounds}};
    for (size_t i = 0; i < COUNT(sequences); i++) {
        must(lens_attention_forward(c, shape, sequences[i], LENS_ARITHMETIC_BF16, q, k, v, all, numbers(NH * T)));
        must(lens_attention_forward(c, shape, sequences[i], LENS_ARITHMETIC_F32, q, k, v, all, numbers(NH * T)));
    }
    // The last third, of one sequence and of three, whose middle one has nothing; and the very last.
    const size_t of_each[] = {0, (third + 1) / 2, (third + 1) / 2, third};
    const lens_spans last[] = {{0, NULL}, {3, of_each}};
    for (size_t i = 0; i < COUNT(sequences); i++)
        must(lens_attention_forward_last(c, shape, sequences[i], third, last[i], LENS_ARITHMETIC_F32,
                                         numbers(third * NH * HS), k, v, numbers(third * NH * HS),
                                         numbers(NH * third)));
    must(lens_attention_decode(c, shape, numbers(NH * HS), k, v, numbers(NH * HS)));
    const lens_attention_queries given[] = {{T, NULL}, {third, positions}, {0, NULL}};
    for (size_t i = 0; i < COUNT(given) * COUNT(sequences); i++) {
        lens_attention_queries queries = given[i / COUNT(sequences)];
        size_t count = queries.count * NH * HS, rows = NH * queries.count;
        must(lens_attention_backward(c, shape, sequences[i % COUNT(sequences)], queries, numbers(count), k, v,
                                     numbers(count), numbers(rows), numbers(count), numbers(rows), numbers(count),
                                     numbers(keys), numbers(keys)));
    }
    free_buffers();
}

static void attentions(lens_context *c) {
    static const size_t tokens_of[] = {1, 2, 15, 17, 63, 64, 65, 130}, head_sizes[] = {1, 8, 17, 64, 72};
    for (size_t i = 0; i < COUNT(tokens_of); i++) {
        for (size_t j = 0; j < COUNT(head_sizes); j++) {
            attention(c, tokens_of[i], 1, 1, head_sizes[j], 0);
            attention(c, tokens_of[i], 6, 2, head_sizes[j], 1 + tokens_of[i] / 2);
        }
    }
    attention(c, 400, 3, 1, 64, 70);
}

static void weights(lens_context *c, int type, size_t M, size_t N, size_t K, size_t head_size) {
    size_t bytes = lens_packed_weights_bytes(N, K);
    lens_weights W = {type,      N,   K, noise(N * (K / lens_type_block_elements(type)) * lens_type_block_bytes(type)),
                      head_size, NULL};
    void *packed = lens_allocate(bytes);
    int32_t *targets = calloc(M, sizeof *targets);
    check(packed != NULL && targets != NULL, "no memory");
    must(lens_pack_weights(c, &W, packed));
    for (int round = 0; round < 2; round++, W.packed = packed) {
        lens_weights_product products[] = {{&W, numbers(M * N), N}, {&W, numbers(M * N), N}};
        must(lens_gemm_weights(c, M, K, round, numbers(M * K), K, COUNT(products), products));
        must(lens_head_losses(c, M, numbers(M * K), K, &W, targets, numbers(M)));
    }
    lens_free(packed, bytes), free(targets);
    free_buffers();
}

static void all_weights(lens_context *c) {
    static const size_t sizes[][2] = {{1, 1}, {5, 17}, {13, 60}, {49, 1040}};
    for (int type = 0; type < 40; type++)
        for (size_t i = 0; lens_weights_computed(type) && i < COUNT(sizes); i++)
            weights(c, type, sizes[i][0], sizes[i][1], 256, i % 2 * 4 * (sizes[i][1] % 4 == 0));
}

static void bf16(lens_context *c, lens_type type, size_t M, size_t N, size_t K, size_t head_size) {
    size_t bytes = lens_packed_bf16_bytes(N, K);
    lens_weights W = {type, N, K, noise(2 * N * K), head_size, NULL};
    void *packed = lens_allocate(bytes);
    check(packed != NULL, "no memory");
    must(lens_pack_bf16(c, &W, packed));
    for (int round = 0; round < 2; round++, W.packed = packed) {
        must(lens_gemm_bf16(c, M, K, round, numbers(M * K), K, 2,
                            (lens_weights_product[]){{&W, numbers(M * N), N}, {&W, numbers(M * N), N}}));
        must(lens_head_losses_bf16(c, M, numbers(M * K), K, &W, tokens(M, N), numbers(M)));
    }
    lens_free(packed, bytes);
    free_buffers();
}

static void all_bf16(lens_context *c) {
    static const size_t sizes[][3] = {{1, 1, 1}, {5, 17, 127}, {13, 60, 129}, {49, 1040, 30}, {33, 50, 2500}};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        bf16(c, LENS_TYPE_F16, sizes[i][0], sizes[i][1], sizes[i][2], i % 2 * 4 * (sizes[i][1] % 4 == 0));
        bf16(c, LENS_TYPE_BF16, sizes[i][0], sizes[i][1], sizes[i][2], 0);
    }
}

static void formats(void) {
    for (int type = -1; type < 40; type++) {
        size_t block = lens_type_block_elements(type), bytes = lens_type_block_bytes(type);
        if (block == 0) {
            float x = 0;
            check(!lens_dequantize(0, type, &x, &x), "an unknown type can be read");
            continue;
        }
        for (size_t blocks = 0; blocks <= 5; blocks++) {
            uint8_t *packed = noise(blocks * bytes);
            float *x = numbers(blocks * block);
            lens_dequantize(blocks * block, type, packed, x);
            for (size_t i = 0; i < blocks * block; i++) x[i] = (float)i - 7.5f;
            lens_quantize(blocks * block, type, x, packed);
            static const float extremes[] = {NAN, INFINITY, -INFINITY, 3e38f, 1e-45f, 0.0f};
            for (size_t e = 0; blocks > 0 && e < COUNT(extremes); e++) {
                x[blocks * block / 2] = extremes[e];
                lens_quantize(blocks * block, type, x, packed);
            }
            free_buffers();
        }
    }
}

static void machine(void) {
    check(lens_core_count() >= 1, "no core");
    lens_cache_sizes();
    check(strcmp(lens_isa_name(lens_isa_best()), "unknown") != 0, "an instruction set without a name");
    for (size_t bytes = 0; bytes < 100; bytes++) lens_free(lens_allocate(bytes), bytes);
    for (size_t bytes = (2 << 20) - 1; bytes <= (2 << 20) + 1; bytes++) lens_free(lens_allocate(bytes), bytes);
    check(lens_allocate((size_t)-1) == NULL, "endless memory");
    check(lens_allocation_count() > 0, "allocations are not counted");
}

// ---- contexts ----

static void refusals(void) {
    lens_context *context;
    check(lens_context_create(0, LENS_ISA_SCALAR, LENS_FEATURE_NONE, LENS_CARRIER_POOL, &context) == LENS_INVALID,
          "no threads");
    check(lens_context_create(lens_max_threads + 1, LENS_ISA_SCALAR, LENS_FEATURE_NONE, LENS_CARRIER_POOL, &context) ==
              LENS_INVALID,
          "too many threads");
    check(lens_context_create(1, LENS_ISA_SCALAR, LENS_FEATURE_NONE, (lens_carrier)7, &context) == LENS_INVALID,
          "an unknown carrier");
    check(lens_context_create(1, (lens_isa)9, LENS_FEATURE_NONE, LENS_CARRIER_POOL, &context) == LENS_UNSUPPORTED,
          "an unknown set");
    check(context == NULL, "a context in spite of a refusal");
    lens_context_destroy(NULL);
    lens_context_destroy(context_of(lens_max_threads, LENS_ISA_SCALAR)); // which never worked
}

static void scratch(void) {
    lens_context *c = context_of(3, lens_isa_best());
    must(lens_scratch_reserve(c, (lens_scratch_need){1000, 5000}));
    check(lens_context_counters(c).scratch_bytes >= 11000, "no scratch");
    check(lens_scratch_reserve(c, (lens_scratch_need){(size_t)-1, 0}) == LENS_NO_MEMORY, "endless scratch");
    check(lens_scratch_reserve(c, (lens_scratch_need){0, (size_t)1 << 60}) == LENS_NO_MEMORY, "endless scratch");
    rows(c, 1500, 70); // goes on
    check(lens_measure_peak_gflops(c, 0.01) > 0, "no peak");
    lens_context_destroy(c);
}

// What one thread of the program does beside others: a few kernels in a context, and the bits they must give.
typedef struct user {
    lens_context *context; // NULL: one of its own for each round
    size_t threads, rounds;
    lens_isa isa;
} user;

enum { user_rows = 300, user_columns = 70, user_tokens = 130 };

static float user_bits(lens_context *c) {
    size_t T = user_rows, C = user_columns, keys = user_tokens * 16;
    float *x = calloc(T * C, sizeof(float)), *w = calloc(C * C, sizeof(float)), *y = calloc(T * C, sizeof(float));
    float *q = calloc(2 * keys, sizeof(float)), *k = calloc(keys, sizeof(float)),
          *out = calloc(2 * keys, sizeof(float));
    float *rest = calloc(8 * keys, sizeof(float));
    check(x && w && y && q && k && out && rest, "no memory");
    for (size_t i = 0; i < T * C; i++) x[i] = (float)(i % 89) / 89;
    for (size_t i = 0; i < C * C; i++) w[i] = (float)(i % 97) / 97;
    for (size_t i = 0; i < 2 * keys; i++) q[i] = (float)(i % 83) / 83;
    for (size_t i = 0; i < keys; i++) k[i] = (float)(i % 79) / 79;
    must(lens_gemm_f32(c, T, C, C, false, true, false, x, C, w, C, y, C));
    must(lens_gemm_f32(c, C, C, T, true, false, true, y, C, x, C, w, C));
    must(lens_bias_backward(c, T, C, y, w));
    lens_attention_shape shape = {user_tokens, 2, 1, 16, 0.3f, 0};
    float *lse = rest, *delta = rest + keys, *dk = rest + 2 * keys, *dv = rest + 3 * keys, *dq = rest + 4 * keys;
    must(lens_attention_forward(c, shape, (lens_spans){0}, LENS_ARITHMETIC_F32, q, k, k, out, lse));
    must(lens_attention_backward(c, shape, (lens_spans){0}, (lens_attention_queries){user_tokens, NULL}, q, k, k, out,
                                 lse, q, delta, dq, dk, dv));
    must(lens_gemm_f32(c, 1, C, C, false, true, false, x, C, w, C, y, C));
    must(lens_attention_decode(c, shape, q, k, k, rest + 6 * keys));
    float sum = 0;
    for (size_t i = 0; i < C; i++) sum += y[i];
    for (size_t i = 0; i < 2 * 16; i++) sum += rest[6 * keys + i];
    for (size_t i = 0; i < C * C; i++) sum += w[i];
    for (size_t i = 0; i < 2 * keys; i++) sum += dq[i] + out[i];
    for (size_t i = 0; i < keys; i++) sum += dk[i] + dv[i];
    free(x), free(w), free(y), free(q), free(k), free(out), free(rest);
    return sum;
}

static void *use(void *argument) {
    const user *u = argument;
    lens_context *alone = context_of(1, u->isa);
    float expected = user_bits(alone);
    lens_context_destroy(alone);
    for (size_t round = 0; round < u->rounds; round++) {
        lens_context *c = u->context != NULL ? u->context : context_of(u->threads, u->isa);
        lens_context_lock(c);
        float bits = user_bits(c);
        check(lens_context_threads(c) == u->threads && lens_context_isa(c) == u->isa, "another's context");
        lens_context_unlock(c);
        check(memcmp(&bits, &expected, sizeof bits) == 0, "other bits beside another context");
        if (u->context == NULL) lens_context_destroy(c);
    }
    return NULL;
}

static void use_at_once(size_t count, user users[]) {
    pthread_t threads[8];
    for (size_t i = 0; i < count; i++) check(pthread_create(&threads[i], NULL, use, &users[i]) == 0, "no thread");
    for (size_t i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

static void at_once(void) {
    lens_isa best = lens_isa_best();
    printf("contexts at once\n");
    // Of different threads and instruction sets.
    lens_context *small = context_of(2, best), *large = context_of(3, LENS_ISA_SCALAR);
    use_at_once(2, (user[]){{small, 2, 12, best}, {large, 3, 12, LENS_ISA_SCALAR}});
    // Callers that share one take turns.
    use_at_once(3, (user[]){{small, 2, 4, best}, {small, 2, 4, best}, {large, 3, 4, LENS_ISA_SCALAR}});
    lens_context_destroy(small);
    lens_context_destroy(large);
    // Made and freed beside each other.
    use_at_once(4, (user[]){{NULL, 2, 6, best}, {NULL, 3, 6, LENS_ISA_SCALAR}, {NULL, 1, 6, best}, {NULL, 4, 6, best}});
}

// ----

static void drivers(lens_context *c) {
    vectors(c);
    static const size_t columns[] = {1, 8, 15, 16, 17, 33, 65};
    for (size_t i = 0; i < COUNT(columns); i++) rows(c, 3, columns[i]);
    rows(c, 1500, 70);
    rows(c, 40, 6000);
    static const size_t rotaries[] = {2, 14, 16, 18, 30, 32, 34, 64};
    for (size_t i = 0; i < COUNT(rotaries); i++) {
        rope(c, rotaries[i], rotaries[i]);
        rope(c, rotaries[i] + 1, rotaries[i]);
    }
    products(c, lens_context_threads(c) > 1);
    heads(c);
    rows_in_types(c);
    attentions(c);
    all_weights(c);
    all_bf16(c);
    lens_context *plain = context_with(lens_context_threads(c), lens_context_isa(c), LENS_FEATURE_NONE);
    all_weights(plain);
    all_bf16(plain);
    lens_context_destroy(plain);
}

int main(int count, char **arguments) {
    // Races show in any size; address errors want all of them.
    bool races = count > 1 && strcmp(arguments[1], "thread") == 0;
    for (int isa = LENS_ISA_SCALAR; isa <= LENS_ISA_NEON; isa++) {
        if (!lens_isa_supported((lens_isa)isa)) {
            printf("%s: not on this machine, not looked at\n", lens_isa_name((lens_isa)isa));
            continue;
        }
        for (size_t threads = races ? 3 : 1; threads <= 3; threads += 2) {
            printf("%s, %zu threads\n", lens_isa_name((lens_isa)isa), threads);
            lens_context *c = context_of(threads, (lens_isa)isa);
            drivers(c);
            lens_context_destroy(c);
        }
    }
    formats();
    machine();
    refusals();
    scratch();
    at_once();
    return 0;
}
