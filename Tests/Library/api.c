// What the library in C does with every kind of call, bad ones above all: a status and a message, never a crash.
// Usage: api MODEL FOLDER SLOW; FOLDER holds the damaged models that Tests/CommandLine/library makes, SLOW is 1 where
// everything takes long (under valgrind, emulated), and limits of the process mean nothing.
#include <longlens.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int checks, failures;
static const char *model_path, *folder;
static int slow;

#define CHECK(condition) check((condition) ? 1 : 0, #condition, __LINE__)
static int check(int good, const char *what, int line) {
    atomic_fetch_add(&checks, 1);
    if (good) return 1;
    atomic_fetch_add(&failures, 1);
    fprintf(stderr, "FAILED: line %d: %s\n", line, what);
    return 0;
}

// The call fails in this way, with a message that holds `word`.
#define FAILS(expected, word, call) fails((expected), (word), (error = fresh, (call)), &error, #call, __LINE__)
static const longlens_error fresh = LONGLENS_ERROR_INIT;
static void fails(longlens_status expected, const char *word, longlens_status got, const longlens_error *error,
                  const char *call, int line) {
    atomic_fetch_add(&checks, 1);
    if (got == expected && (longlens_status)error->status == expected && strlen(error->message) > 10 &&
        strstr(error->message, word) != NULL)
        return;
    atomic_fetch_add(&failures, 1);
    fprintf(stderr, "FAILED: line %d: %s gave %s, not %s with \"%s\": %s\n", line, call, longlens_status_name(got),
            longlens_status_name(expected), word, error->message);
}

static const char *in_folder(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static longlens_model *open_model(int threads) {
    longlens_error error = LONGLENS_ERROR_INIT;
    longlens_open_options options;
    longlens_open_options_init(&options);
    options.threads = threads;
    longlens_model *model = NULL;
    if (longlens_open(model_path, &options, &model, &error) != LONGLENS_OK) {
        fprintf(stderr, "cannot open %s: %s\n", model_path, error.message);
        exit(1);
    }
    return model;
}

enum { text_tokens = 200, context = 32 };
/// How many of them are scored.
static size_t length = text_tokens;
static int32_t tokens[text_tokens];
static float expected[text_tokens - 1];

static longlens_score_options short_context(void) {
    longlens_score_options options;
    longlens_score_options_init(&options);
    options.context = context;
    return options;
}

static void test_names_and_versions(void) {
    CHECK(strcmp(longlens_version(), LONGLENS_VERSION) == 0);
    CHECK(longlens_version_number() == LONGLENS_VERSION_NUMBER);
    CHECK(strcmp(longlens_status_name(LONGLENS_OK), "ok") == 0);
    CHECK(strcmp(longlens_status_name(LONGLENS_INTERNAL), "internal") == 0);
    CHECK(strcmp(longlens_status_name((longlens_status)10), "unknown") == 0);
    CHECK(strcmp(longlens_status_name((longlens_status)-1), "unknown") == 0);
    longlens_free(NULL);
    longlens_scores_free(NULL);
    longlens_open_options_init(NULL);
    longlens_text_options_init(NULL);
    longlens_score_options_init(NULL);
    longlens_weight_options_init(NULL);
}

static void test_error_structures(void) {
    union {
        longlens_error error;
        unsigned char bytes[sizeof(longlens_error) + 64];
    } e;
    size_t sizes[] = {0, 8, 31, 32, 40, sizeof(longlens_error), sizeof(longlens_error) + 64, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(&e, 0xAB, sizeof e);
        e.error.size = sizes[i];
        CHECK(longlens_scheme("nonsense", NULL, NULL, &e.error) == LONGLENS_INVALID);
        size_t end = sizes[i] < sizeof e.error ? sizes[i] : sizeof e.error;
        if (sizes[i] < 32) {
            for (size_t k = 8; k < sizeof e; k++)
                if (!CHECK(e.bytes[k] == 0xAB)) break;
            continue;
        }
        CHECK(e.error.status == LONGLENS_INVALID);
        CHECK(memchr(e.error.message, 0, end - 16) != NULL);
        CHECK(strncmp(e.error.message, "There is no weighting scheme", sizes[i] == 32 ? 15 : 23) == 0);
        for (size_t k = end; k < sizeof e; k++)
            if (!CHECK(e.bytes[k] == 0xAB)) break;
    }
    longlens_error error = LONGLENS_ERROR_INIT;
    CHECK(longlens_scheme("nonsense", NULL, NULL, NULL) == LONGLENS_INVALID);
    CHECK(longlens_scheme("nonsense", NULL, NULL, &error) == LONGLENS_INVALID && error.message[0] != 0);
    CHECK(longlens_scheme("uniform", NULL, NULL, &error) == LONGLENS_OK && error.message[0] == 0 && error.status == 0);
    // A message that is too long ends with a whole character.
    char *path = malloc(12001);
    for (int i = 0; i < 12000; i += 3) memcpy(path + i, "\xE2\x82\xAC", 3);
    path[12000] = 0;
    longlens_model *model = (longlens_model *)1;
    longlens_status status = longlens_open(path, NULL, &model, &error);
    CHECK((status == LONGLENS_IO || status == LONGLENS_MISSING) && model == NULL);
    size_t length = strlen(error.message);
    CHECK(length > LONGLENS_MESSAGE_BYTES - 5 && length < LONGLENS_MESSAGE_BYTES);
    CHECK((error.message[length - 1] & 0xFF) == 0xAC);
    free(path);
}

static void test_open_failures(void) {
    longlens_error error = LONGLENS_ERROR_INIT;
    longlens_model *model = (longlens_model *)1;
    longlens_open_options options;
    longlens_open_options_init(&options);
    FAILS(LONGLENS_INVALID, "model", longlens_open(model_path, NULL, NULL, &error));
    FAILS(LONGLENS_INVALID, "path", longlens_open(NULL, NULL, &model, &error));
    CHECK(model == NULL);
    FAILS(LONGLENS_MISSING, "does not exist", longlens_open("", NULL, &model, &error));
    FAILS(LONGLENS_MISSING, "does not exist", longlens_open(in_folder("absent"), NULL, &model, &error));
    FAILS(LONGLENS_MISSING, "config.json", longlens_open(in_folder("empty-folder"), NULL, &model, &error));
    FAILS(LONGLENS_DATA, "is empty", longlens_open(in_folder("empty-file"), NULL, &model, &error));
    FAILS(LONGLENS_DATA, "", longlens_open(in_folder("half"), NULL, &model, &error));
    FAILS(LONGLENS_DATA, "", longlens_open(in_folder("half.gguf"), NULL, &model, &error));
    FAILS(LONGLENS_DATA, "", longlens_open(in_folder("header.gguf"), NULL, &model, &error));
    FAILS(LONGLENS_DATA, "not finite", longlens_open(in_folder("damaged"), NULL, &model, &error));
    FAILS(LONGLENS_IO, "pipe", longlens_open(in_folder("pipe"), NULL, &model, &error));
    FAILS(LONGLENS_IO, "pipe", longlens_open("/dev/null", NULL, &model, &error));
    CHECK(longlens_open(in_folder("absent"), NULL, &model, NULL) == LONGLENS_MISSING);

    options.compute = 4;
    FAILS(LONGLENS_INVALID, "compute", longlens_open(model_path, &options, &model, &error));
    options.compute = LONGLENS_COMPUTE_INT8; // the model has no quantized weights
    FAILS(LONGLENS_INVALID, "int8", longlens_open(model_path, &options, &model, &error));
    options.compute = LONGLENS_COMPUTE_F32;
    options.low_memory = 1;
    FAILS(LONGLENS_INVALID, "memory", longlens_open(model_path, &options, &model, &error));
    longlens_open_options_init(&options);
    options.threads = -1;
    FAILS(LONGLENS_INVALID, "threads", longlens_open(model_path, &options, &model, &error));
    options.threads = 0;
    options.instruction_set = "nonsense";
    FAILS(LONGLENS_INVALID, "nonsense", longlens_open(model_path, &options, &model, &error));
#if defined(__x86_64__)
    options.instruction_set = "neon";
#else
    options.instruction_set = "avx2";
#endif
    FAILS(LONGLENS_MACHINE, "does not run", longlens_open(model_path, &options, &model, &error));
    setenv("LONGLENS_ISA", options.instruction_set, 1);
    options.instruction_set = NULL;
    FAILS(LONGLENS_MACHINE, "LONGLENS_ISA", longlens_open(model_path, &options, &model, &error));
    unsetenv("LONGLENS_ISA");
    options.tokenizer = in_folder("absent");
    FAILS(LONGLENS_MISSING, "does not exist", longlens_open(model_path, &options, &model, &error));
    CHECK(model == NULL);
}

// Sizes of structures, of callers older and newer than the library.
static void test_structure_sizes(longlens_model *model) {
    longlens_error error = LONGLENS_ERROR_INIT;
    float losses[text_tokens];
    union {
        longlens_score_options options;
        unsigned char bytes[8192];
    } u;
    memset(&u, 0, sizeof u);
    u.options = short_context();
    size_t wrong[] = {0, 4, 9, 20, sizeof u.options - 4, 4104, SIZE_MAX, SIZE_MAX - 7};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        u.options.size = wrong[i];
        FAILS(LONGLENS_INVALID, "longlens_score_options",
              longlens_score_tokens(model, tokens, 3, &u.options, losses, &error));
    }
    // older: fields that its structure does not have are not looked at
    u.options.size = offsetof(longlens_score_options, stride);
    u.options.stride = SIZE_MAX;
    CHECK(longlens_score_tokens(model, tokens, length, &u.options, losses, NULL) == LONGLENS_OK);
    CHECK(memcmp(losses, expected, (length - 1) * sizeof *expected) == 0);
    u.options.size = sizeof(size_t);
    u.options.context = SIZE_MAX;
    CHECK(longlens_score_tokens(model, tokens, 3, &u.options, losses, NULL) == LONGLENS_OK);
    // newer: what the library does not know must be 0
    u.options = short_context();
    u.options.size = sizeof u.options + 64;
    CHECK(longlens_score_tokens(model, tokens, length, &u.options, losses, NULL) == LONGLENS_OK);
    CHECK(memcmp(losses, expected, (length - 1) * sizeof *expected) == 0);
    u.bytes[sizeof u.options + 63] = 1;
    FAILS(LONGLENS_INVALID, "does not know", longlens_score_tokens(model, tokens, 3, &u.options, losses, &error));

    union {
        longlens_info info;
        unsigned char bytes[sizeof(longlens_info) + 64];
    } i;
    memset(&i, 0xAB, sizeof i);
    i.info.size = offsetof(longlens_info, parameter_count);
    CHECK(longlens_describe(model, &i.info, NULL) == LONGLENS_OK);
    CHECK(i.info.vocabulary_size == 1024 && i.info.context_length == 1024);
    for (size_t k = offsetof(longlens_info, parameter_count); k < sizeof i; k++)
        if (!CHECK(i.bytes[k] == 0xAB)) break;
    i.info.size = sizeof i;
    CHECK(longlens_describe(model, &i.info, NULL) == LONGLENS_OK);
    for (size_t k = sizeof(longlens_info); k < sizeof i; k++)
        if (!CHECK(i.bytes[k] == 0xAB)) break;
    i.info.size = 7;
    FAILS(LONGLENS_INVALID, "longlens_info", longlens_describe(model, &i.info, &error));
}

static void test_description(longlens_model *model) {
    longlens_error error = LONGLENS_ERROR_INIT;
    longlens_info info = {.size = sizeof info};
    CHECK(longlens_describe(model, &info, NULL) == LONGLENS_OK);
    CHECK(info.parameter_count > 1000000 && info.layer_count == 4 && info.hidden_size == 128);
    CHECK(info.has_tokenizer == 1 && info.compute == LONGLENS_COMPUTE_F32 && info.threads == 2);
    CHECK(strcmp(info.family, "llama") == 0 && strlen(info.instruction_set) >= 4);
    FAILS(LONGLENS_INVALID, "info", longlens_describe(model, NULL, &error));
    char *text = NULL;
    CHECK(longlens_warnings(model, &text, NULL) == LONGLENS_OK && text != NULL);
    longlens_free(text);
    FAILS(LONGLENS_INVALID, "text", longlens_warnings(model, NULL, &error));
}

static void test_tokens(longlens_model *model) {
    longlens_error error = LONGLENS_ERROR_INIT;
    int32_t *ids = (int32_t *)1;
    size_t count = 7, bytes = 7;
    char *text = (char *)1;
    const char *sample = "Call me Ishmael. \xE2\x82\xAC";
    longlens_text_options options;
    longlens_text_options_init(&options);
    options.bos = options.eos = LONGLENS_BOUNDARY_NEVER;
    CHECK(longlens_tokenize(model, sample, strlen(sample), &options, &ids, &count, NULL) == LONGLENS_OK && count > 3);
    CHECK(longlens_detokenize(model, ids, count, 0, &text, &bytes, NULL) == LONGLENS_OK);
    CHECK(bytes == strlen(sample) && strcmp(text, sample) == 0);
    longlens_free(text);
    longlens_free(ids);
    CHECK(longlens_tokenize(model, NULL, 0, &options, &ids, &count, NULL) == LONGLENS_OK && count == 0 && ids == NULL);
    CHECK(longlens_detokenize(model, NULL, 0, 0, &text, &bytes, NULL) == LONGLENS_OK && bytes == 0 && text[0] == 0);
    longlens_free(text);
    CHECK(longlens_tokenize(model, "a\0b", 3, &options, &ids, &count, NULL) == LONGLENS_OK && count > 0);
    longlens_free(ids);

    FAILS(LONGLENS_DATA, "byte 3", longlens_tokenize(model, "abc\xC3(", 5, NULL, &ids, &count, &error));
    FAILS(LONGLENS_DATA, "byte 0", longlens_tokenize(model, "\xED\xA0\x80", 3, NULL, &ids, &count, &error));
    CHECK(ids == NULL);
    FAILS(LONGLENS_INVALID, "null", longlens_tokenize(model, NULL, 5, NULL, &ids, &count, &error));
    FAILS(LONGLENS_INVALID, "elements", longlens_tokenize(model, "abc", SIZE_MAX, NULL, &ids, &count, &error));
    FAILS(LONGLENS_INVALID, "elements", longlens_tokenize(model, "abc", SIZE_MAX / 2, NULL, &ids, &count, &error));
    FAILS(LONGLENS_INVALID, "elements", longlens_tokenize(model, "abc", (size_t)1 << 31, NULL, &ids, &count, &error));
    FAILS(LONGLENS_INVALID, "tokens", longlens_tokenize(model, "abc", 3, NULL, NULL, &count, &error));
    FAILS(LONGLENS_INVALID, "count", longlens_tokenize(model, "abc", 3, NULL, &ids, NULL, &error));
    options.bos = 3;
    FAILS(LONGLENS_INVALID, "bos", longlens_tokenize(model, "abc", 3, &options, &ids, &count, &error));
    options.bos = -1;
    FAILS(LONGLENS_INVALID, "bos", longlens_tokenize(model, "abc", 3, &options, &ids, &count, &error));
    int32_t outside[] = {1, 1024};
    FAILS(LONGLENS_DATA, "1024", longlens_detokenize(model, outside, 2, 0, &text, &bytes, &error));
    CHECK(text == NULL);
    FAILS(LONGLENS_INVALID, "null", longlens_detokenize(model, NULL, 2, 0, &text, &bytes, &error));
    FAILS(LONGLENS_INVALID, "elements", longlens_detokenize(model, outside, SIZE_MAX, 0, &text, &bytes, &error));
    FAILS(LONGLENS_INVALID, "text", longlens_detokenize(model, outside, 2, 0, NULL, &bytes, &error));
    FAILS(LONGLENS_INVALID, "bytes", longlens_detokenize(model, outside, 2, 0, &text, NULL, &error));
}

static void test_scores(longlens_model *model) {
    longlens_error error = LONGLENS_ERROR_INIT;
    longlens_score_options options = short_context();
    float losses[text_tokens];
    // any batch, the same bits
    size_t batches[] = {1, 33, 1000};
    for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
        options.batch = batches[i];
        CHECK(longlens_score_tokens(model, tokens, length, &options, losses, NULL) == LONGLENS_OK);
        CHECK(memcmp(losses, expected, (length - 1) * sizeof *expected) == 0);
    }
    options = short_context();
    for (size_t i = 0; i < length - 1; i++)
        if (!CHECK(isfinite(expected[i]) && expected[i] > 0)) break;
    losses[0] = 42;
    CHECK(longlens_score_tokens(model, NULL, 0, &options, NULL, NULL) == LONGLENS_OK);
    CHECK(longlens_score_tokens(model, tokens, 1, &options, losses, NULL) == LONGLENS_OK && losses[0] == 42);

    FAILS(LONGLENS_INVALID, "losses", longlens_score_tokens(model, tokens, 5, &options, NULL, &error));
    FAILS(LONGLENS_INVALID, "null", longlens_score_tokens(model, NULL, 5, &options, losses, &error));
    FAILS(LONGLENS_INVALID, "elements", longlens_score_tokens(model, tokens, SIZE_MAX, &options, losses, &error));
    FAILS(LONGLENS_INVALID, "elements", longlens_score_tokens(model, tokens, SIZE_MAX / 4, &options, losses, &error));
    int32_t bad[] = {-1, 1024, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < 4; i++) {
        int32_t sequence[] = {5, 6, bad[i]};
        FAILS(LONGLENS_DATA, "tokens[2]", longlens_score_tokens(model, sequence, 3, &options, losses, &error));
        FAILS(LONGLENS_DATA, "tokens[0]", longlens_score_tokens(model, bad + i, 1, &options, losses, &error));
    }
    CHECK(losses[0] == 42);
    options.context = 1;
    FAILS(LONGLENS_INVALID, "context", longlens_score_tokens(model, tokens, 5, &options, losses, &error));
    FAILS(LONGLENS_INVALID, "context", longlens_score_tokens(model, NULL, 0, &options, losses, &error));
    options.context = SIZE_MAX;
    FAILS(LONGLENS_INVALID, "context", longlens_score_tokens(model, tokens, 5, &options, losses, &error));
    options.context = (size_t)INT32_MAX; // more than any memory would hold at once, and never filled
    CHECK(longlens_score_tokens(model, tokens, 5, &options, losses, NULL) == LONGLENS_OK);
    options = short_context();
    options.stride = context;
    FAILS(LONGLENS_INVALID, "stride", longlens_score_tokens(model, tokens, 5, &options, losses, &error));
    options.stride = SIZE_MAX / 2;
    FAILS(LONGLENS_INVALID, "stride", longlens_score_tokens(model, tokens, 5, &options, losses, &error));
    options = short_context();
    options.batch = SIZE_MAX;
    FAILS(LONGLENS_INVALID, "batch", longlens_score_tokens(model, tokens, 5, &options, losses, &error));
    options = short_context();
    options.chunk = 1;
    FAILS(LONGLENS_INVALID, "chunk", longlens_score_tokens(model, tokens, 5, &options, losses, &error));

    options = short_context();
    longlens_scores *scores = (longlens_scores *)1;
    const char *sample =
        "What is the seal of the harbour? It is a lantern, and the lantern is the seal of the harbour.";
    CHECK(longlens_score_text(model, sample, strlen(sample), NULL, &options, &scores, NULL) == LONGLENS_OK);
    if (CHECK(scores != NULL && scores != (longlens_scores *)1)) {
        CHECK(scores->token_count > 10 && scores->loss_count == scores->token_count - 1 && scores->context == context);
        CHECK(longlens_score_tokens(model, scores->tokens, scores->token_count, &options, losses, NULL) == LONGLENS_OK);
        CHECK(memcmp(losses, scores->losses, scores->loss_count * sizeof *losses) == 0);
        double mean, perplexity;
        CHECK(longlens_mean_loss(losses, scores->loss_count, &mean, &perplexity, NULL) == LONGLENS_OK);
        CHECK(mean == scores->mean_loss && perplexity == scores->perplexity &&
              fabs(exp(mean) - perplexity) < 1e-9 * perplexity);
    }
    longlens_scores_free(scores);
    FAILS(LONGLENS_DATA, "UTF-8", longlens_score_text(model, "\xFF", 1, NULL, &options, &scores, &error));
    CHECK(scores == NULL);
    FAILS(LONGLENS_INVALID, "null", longlens_score_text(model, NULL, 3, NULL, &options, &scores, &error));
    FAILS(LONGLENS_INVALID, "elements", longlens_score_text(model, "abc", SIZE_MAX, NULL, &options, &scores, &error));
    FAILS(LONGLENS_INVALID, "scores", longlens_score_text(model, "abc", 3, NULL, &options, NULL, &error));
    longlens_text_options never;
    longlens_text_options_init(&never);
    never.bos = never.eos = LONGLENS_BOUNDARY_NEVER;
    FAILS(LONGLENS_DATA, "no tokens", longlens_score_text(model, NULL, 0, &never, &options, &scores, &error));
    FAILS(LONGLENS_INVALID, "No losses", longlens_mean_loss(NULL, 0, NULL, NULL, &error));
    FAILS(LONGLENS_INVALID, "null", longlens_mean_loss(NULL, 3, NULL, NULL, &error));
    CHECK(longlens_mean_loss(expected, 3, NULL, NULL, NULL) == LONGLENS_OK);
}

static void test_weights(void) {
    longlens_error error = LONGLENS_ERROR_INIT;
    float long_losses[] = {1, 2, 3, 0.5f, 0.25f}, short_losses[] = {1.5f, 2, 5, 0.5f, 1}, weights[5];
    const char *schemes[] = {"uniform",          "dense:lambda=0.75",
                             "sparse:kappa=0.2", "longce:gamma=5",
                             "ppmi:shift=1",     "npmi",
                             "rho:kappa=0.6",    "longfilter",
                             "exact:tau=1",      "pipeline:transforms=minus+exp,truncation=5,normalization=none"};
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        int32_t needs_short = -1;
        char *canonical = NULL;
        CHECK(longlens_scheme(schemes[i], &needs_short, &canonical, NULL) == LONGLENS_OK);
        CHECK(needs_short == (strcmp(schemes[i], "uniform") != 0 && strncmp(schemes[i], "exact", 5) != 0));
        CHECK(longlens_weights(schemes[i], long_losses, short_losses, 5, NULL, weights, NULL) == LONGLENS_OK);
        float again[5];
        memcpy(again, long_losses, sizeof again); // in the place of the losses
        CHECK(longlens_weights(canonical, again, short_losses, 5, NULL, again, NULL) == LONGLENS_OK);
        CHECK(memcmp(weights, again, sizeof again) == 0);
        longlens_status without = longlens_weights(schemes[i], long_losses, NULL, 5, NULL, weights, &error);
        CHECK(without == (needs_short ? LONGLENS_INVALID : LONGLENS_OK));
        longlens_free(canonical);
    }
    // lambda + (1 - lambda) n |d| / sum |d|, of differences 0.5, 0, 2, 0, 0.75
    CHECK(longlens_weights("dense:lambda=0.75", long_losses, short_losses, 5, NULL, weights, NULL) == LONGLENS_OK);
    CHECK(weights[1] == 0.75f && fabsf(weights[2] - (0.75f + 0.25f * 5 * 2 / 3.25f)) < 1e-6f);
    CHECK(longlens_weights("sparse", long_losses, short_losses, 0, NULL, NULL, NULL) == LONGLENS_OK);

    FAILS(LONGLENS_INVALID, "null", longlens_weights(NULL, long_losses, short_losses, 5, NULL, weights, &error));
    FAILS(LONGLENS_INVALID, "UTF-8", longlens_weights("d\xFF", long_losses, short_losses, 5, NULL, weights, &error));
    FAILS(LONGLENS_INVALID, "weighting scheme",
          longlens_weights("", long_losses, short_losses, 5, NULL, weights, &error));
    FAILS(LONGLENS_INVALID, "weighting scheme",
          longlens_weights("dens", long_losses, short_losses, 5, NULL, weights, &error));
    FAILS(LONGLENS_INVALID, "lambda",
          longlens_weights("dense:lambda=2", long_losses, short_losses, 5, NULL, weights, &error));
    FAILS(LONGLENS_INVALID, "null", longlens_weights("dense", NULL, short_losses, 5, NULL, weights, &error));
    FAILS(LONGLENS_INVALID, "weights", longlens_weights("dense", long_losses, short_losses, 5, NULL, NULL, &error));
    FAILS(LONGLENS_INVALID, "elements",
          longlens_weights("dense", long_losses, short_losses, SIZE_MAX, NULL, weights, &error));
    float bad[] = {1, NAN, 3, 4, INFINITY};
    FAILS(LONGLENS_DATA, "token 2", longlens_weights("dense", bad, short_losses, 5, NULL, weights, &error));
    FAILS(LONGLENS_DATA, "token 2", longlens_weights("longce", long_losses, bad, 5, NULL, weights, &error));
    FAILS(LONGLENS_INVALID, "null", longlens_scheme(NULL, NULL, NULL, &error));
    FAILS(LONGLENS_INVALID, "weighting scheme", longlens_scheme("zzz", NULL, NULL, &error));

    longlens_weight_options options;
    longlens_weight_options_init(&options);
    size_t starts[] = {0, 2, 4}, wrong[] = {1, 2}, huge[] = {0, SIZE_MAX};
    options.document_starts = starts;
    options.document_count = 3;
    CHECK(longlens_weights("exact:tau=1", long_losses, NULL, 5, &options, weights, NULL) == LONGLENS_OK);
    options.document_starts = wrong;
    options.document_count = 2;
    FAILS(LONGLENS_INVALID, "ascend", longlens_weights("exact:tau=1", long_losses, NULL, 5, &options, weights, &error));
    options.document_starts = huge;
    FAILS(LONGLENS_INVALID, "ascend", longlens_weights("exact:tau=1", long_losses, NULL, 5, &options, weights, &error));
    options.document_count = SIZE_MAX;
    FAILS(LONGLENS_INVALID, "elements",
          longlens_weights("exact:tau=1", long_losses, NULL, 5, &options, weights, &error));
    options.document_starts = NULL;
    options.document_count = 2;
    FAILS(LONGLENS_INVALID, "null", longlens_weights("exact:tau=1", long_losses, NULL, 5, &options, weights, &error));
    // equal scores: the seed and the sequence choose
    float equal[64] = {0}, ones[64], a[64], b[64];
    for (int i = 0; i < 64; i++) ones[i] = 1;
    longlens_weight_options_init(&options);
    CHECK(longlens_weights("sparse", equal, ones, 64, &options, a, NULL) == LONGLENS_OK);
    options.sequence = 1;
    CHECK(longlens_weights("sparse", equal, ones, 64, &options, b, NULL) == LONGLENS_OK && memcmp(a, b, sizeof a) != 0);
    options.sequence = 0;
    CHECK(longlens_weights("sparse", equal, ones, 64, &options, b, NULL) == LONGLENS_OK && memcmp(a, b, sizeof a) == 0);
}

// ---- Progress functions

typedef struct follower {
    longlens_model *model;
    double last;
    int calls, stop_after;
    int backwards;
} follower;

static int32_t follow(void *user, double done) {
    follower *f = user;
    if (done < f->last || done > 1) f->backwards = 1;
    f->last = done;
    if (++f->calls == 1 && f->model != NULL) {
        longlens_error error = LONGLENS_ERROR_INIT;
        float losses[4];
        longlens_info info = {.size = sizeof info};
        int32_t *ids;
        size_t count;
        FAILS(LONGLENS_BUSY, "computing", longlens_score_tokens(f->model, tokens, 4, NULL, losses, &error));
        FAILS(LONGLENS_BUSY, "computing", longlens_close(f->model, &error));
        CHECK(longlens_describe(f->model, &info, NULL) == LONGLENS_OK);
        CHECK(longlens_tokenize(f->model, "abc", 3, NULL, &ids, &count, NULL) == LONGLENS_OK);
        longlens_free(ids);
    }
    return f->stop_after != 0 && f->calls >= f->stop_after;
}

static void test_progress(longlens_model *model) {
    longlens_error error = LONGLENS_ERROR_INIT;
    longlens_score_options options = short_context();
    float losses[text_tokens];
    follower f = {.model = model};
    options.batch = 64; // several passes of several windows
    options.progress = follow;
    options.user = &f;
    CHECK(longlens_score_tokens(model, tokens, length, &options, losses, NULL) == LONGLENS_OK);
    CHECK(memcmp(losses, expected, (length - 1) * sizeof *expected) == 0);
    CHECK(f.last == 1 && !f.backwards && f.calls > 4);
    f = (follower){.stop_after = 3};
    FAILS(LONGLENS_CANCELLED, "asked", longlens_score_tokens(model, tokens, length, &options, losses, &error));
    CHECK(f.calls == 3);
    f = (follower){.stop_after = 1};
    longlens_scores *scores;
    FAILS(LONGLENS_CANCELLED, "asked",
          longlens_score_text(model, "one two three", 13, NULL, &options, &scores, &error));
    CHECK(scores == NULL);
    longlens_open_options opening;
    longlens_open_options_init(&opening);
    opening.progress = follow;
    opening.user = &f;
    f = (follower){.stop_after = 5};
    longlens_model *other;
    FAILS(LONGLENS_CANCELLED, "asked", longlens_open(model_path, &opening, &other, &error));
    CHECK(other == NULL && f.calls == 5 && !f.backwards);
}

// ---- Threads

typedef struct worker {
    longlens_model *model;
    int rounds, scored, closed;
} worker;

static void *score_again(void *argument) {
    worker *w = argument;
    float losses[text_tokens];
    longlens_score_options options = short_context();
    for (int i = 0; i < w->rounds && w->closed == 0; i++) {
        memset(losses, 0, sizeof losses);
        longlens_status status = longlens_score_tokens(w->model, tokens, length, &options, losses, NULL);
        if (status == LONGLENS_CLOSED) {
            w->closed++;
        } else if (CHECK(status == LONGLENS_OK)) {
            w->scored++;
            CHECK(memcmp(losses, expected, (length - 1) * sizeof *expected) == 0);
        }
        int32_t *ids = NULL;
        size_t count = 0;
        status = longlens_tokenize(w->model, "one two three", 13, NULL, &ids, &count, NULL);
        CHECK(status == LONGLENS_CLOSED || (status == LONGLENS_OK && count > 0));
        longlens_free(ids);
    }
    return NULL;
}

static void test_threads(longlens_model *model) {
    int rounds = slow ? 2 : 20;
    pthread_t threads[4];
    // two on one model
    worker workers[4] = {{model, rounds, 0, 0}, {model, rounds, 0, 0}};
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, score_again, &workers[i]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    CHECK(workers[0].scored == rounds && workers[1].scored == rounds);
    // two on two models
    longlens_model *other = open_model(1);
    worker both[2] = {{model, rounds, 0, 0}, {other, rounds, 0, 0}};
    for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, score_again, &both[i]);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    CHECK(both[0].scored == rounds && both[1].scored == rounds);
    // closed while four use it: of each call the losses or a status, and nothing afterwards
    for (int i = 0; i < 4; i++) {
        workers[i] = (worker){other, 100000, 0, 0};
        pthread_create(&threads[i], NULL, score_again, &workers[i]);
    }
    usleep(slow ? 500000 : 30000);
    CHECK(longlens_close(other, NULL) == LONGLENS_OK);
    CHECK(longlens_close(other, NULL) == LONGLENS_CLOSED);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (int i = 0; i < 4; i++) CHECK(workers[i].closed == 1);
}

static void test_closed(longlens_model *closed) {
    longlens_error error = LONGLENS_ERROR_INIT;
    float losses[4];
    int32_t *ids;
    size_t count;
    char *text;
    longlens_scores *scores;
    longlens_info info = {.size = sizeof info};
    longlens_model *none[] = {closed, NULL, (longlens_model *)8, (longlens_model *)&info, (longlens_model *)-1};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        longlens_status status = i == 0 ? LONGLENS_CLOSED : LONGLENS_INVALID;
        FAILS(status, "", longlens_describe(none[i], &info, &error));
        FAILS(status, "", longlens_warnings(none[i], &text, &error));
        FAILS(status, "", longlens_tokenize(none[i], "abc", 3, NULL, &ids, &count, &error));
        FAILS(status, "", longlens_detokenize(none[i], tokens, 3, 0, &text, &count, &error));
        FAILS(status, "", longlens_score_tokens(none[i], tokens, 4, NULL, losses, &error));
        FAILS(status, "", longlens_score_text(none[i], "abc", 3, NULL, NULL, &scores, &error));
        if (none[i] != NULL) FAILS(status, "", longlens_close(none[i], &error));
    }
    CHECK(longlens_close(NULL, NULL) == LONGLENS_OK);
}

// ---- Files, processes, memory

static int copy_file(const char *from, const char *to) {
    char buffer[1 << 16];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    size_t got;
    while (in != NULL && out != NULL && (got = fread(buffer, 1, sizeof buffer, in)) > 0) fwrite(buffer, 1, got, out);
    if (in != NULL) fclose(in);
    return out != NULL && fclose(out) == 0;
}

// A file that is cut short while the model is open does not matter, and neither does one that is gone.
static void test_file_cut_short(void) {
    char path[4096];
    snprintf(path, sizeof path, "%s/cut.gguf", folder);
    if (!CHECK(copy_file(in_folder("whole.gguf"), path))) return;
    longlens_model *model = NULL;
    float before[text_tokens], after[text_tokens];
    longlens_score_options options = short_context();
    if (!CHECK(longlens_open(path, NULL, &model, NULL) == LONGLENS_OK)) return;
    longlens_info info = {.size = sizeof info};
    CHECK(longlens_describe(model, &info, NULL) == LONGLENS_OK && info.compute == LONGLENS_COMPUTE_INT8);
    CHECK(longlens_score_tokens(model, tokens, length, &options, before, NULL) == LONGLENS_OK);
    CHECK(truncate(path, 100) == 0);
    CHECK(longlens_score_tokens(model, tokens, length, &options, after, NULL) == LONGLENS_OK);
    CHECK(memcmp(before, after, (length - 1) * sizeof *expected) == 0);
    CHECK(longlens_close(model, NULL) == LONGLENS_OK);
    // mapped, and computed from as it is: the same bits
    longlens_open_options opening;
    longlens_open_options_init(&opening);
    opening.low_memory = 1;
    CHECK(longlens_open(in_folder("whole.gguf"), &opening, &model, NULL) == LONGLENS_OK);
    CHECK(longlens_score_tokens(model, tokens, length, &options, after, NULL) == LONGLENS_OK);
    CHECK(memcmp(before, after, (length - 1) * sizeof *expected) == 0);
    CHECK(longlens_close(model, NULL) == LONGLENS_OK);
    opening.low_memory = 0;
    opening.map_file = 1;
    CHECK(longlens_open(in_folder("whole.gguf"), &opening, &model, NULL) == LONGLENS_OK);
    CHECK(longlens_score_tokens(model, tokens, length, &options, after, NULL) == LONGLENS_OK);
    CHECK(memcmp(before, after, (length - 1) * sizeof *expected) == 0);
    CHECK(longlens_close(model, NULL) == LONGLENS_OK);
}

// The result of `body` in a child.
static int in_child(int (*body)(longlens_model *), longlens_model *model) {
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) _exit(body(model));
    int status = -1;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + status;
}

static int use_parents_model(longlens_model *model) {
    float losses[4];
    if (longlens_score_tokens(model, tokens, 4, NULL, losses, NULL) != LONGLENS_INVALID) return 1;
    if (longlens_close(model, NULL) != LONGLENS_INVALID) return 2;
    longlens_model *own = open_model(2);
    if (longlens_score_tokens(own, tokens, 4, NULL, losses, NULL) != LONGLENS_OK) return 3;
    return longlens_close(own, NULL) == LONGLENS_OK ? 0 : 4;
}

static int open_without_memory(longlens_model *model) {
    (void)model;
    struct rlimit limit = {64 << 20, 64 << 20};
    longlens_error error = LONGLENS_ERROR_INIT;
    if (setrlimit(RLIMIT_AS, &limit) != 0) return 1;
    if (longlens_open(model_path, NULL, &model, &error) != LONGLENS_MACHINE) return 2;
    return strstr(error.message, "memory") != NULL ? 0 : 3;
}

static int score_without_memory(longlens_model *model) {
    model = open_model(2);
    struct rlimit limit = {(rlim_t)600 << 20, (rlim_t)600 << 20};
    if (setrlimit(RLIMIT_AS, &limit) != 0) return 1;
    size_t count = 1 << 16;
    int32_t *many = calloc(count, sizeof *many);
    float *losses = malloc(count * sizeof *losses);
    if (many == NULL || losses == NULL) return 2;
    longlens_error error = LONGLENS_ERROR_INIT;
    longlens_score_options options = short_context();
    options.context = count;
    if (longlens_score_tokens(model, many, count, &options, losses, &error) != LONGLENS_MACHINE) return 3;
    if (strstr(error.message, "memory") == NULL) return 4;
    // and goes on with what fits
    options = short_context();
    if (longlens_score_tokens(model, tokens, length, &options, losses, NULL) != LONGLENS_OK) return 5;
    if (memcmp(losses, expected, (length - 1) * sizeof *expected) != 0) return 6;
    free(many);
    free(losses);
    return longlens_close(model, NULL) == LONGLENS_OK ? 0 : 7;
}

int main(int argc, char **argv) {
    if (argc != 4) return 64;
    model_path = argv[1];
    folder = argv[2];
    slow = atoi(argv[3]);
    if (slow) length = 60;
    for (int i = 0; i < text_tokens; i++) tokens[i] = (i * 37 + i * i) % 1024;

    test_names_and_versions();
    test_error_structures();
    test_weights();
    test_open_failures();
    longlens_model *model = open_model(2);
    longlens_score_options options = short_context();
    CHECK(longlens_score_tokens(model, tokens, length, &options, expected, NULL) == LONGLENS_OK);
    test_structure_sizes(model);
    test_description(model);
    test_tokens(model);
    test_scores(model);
    test_progress(model);
    test_threads(model);
    test_file_cut_short();
    if (!slow) {
        int code = in_child(use_parents_model, model);
        if (!CHECK(code == 0)) fprintf(stderr, "  the child ended with %d\n", code);
        code = in_child(open_without_memory, model);
        if (!CHECK(code == 0)) fprintf(stderr, "  the child ended with %d\n", code);
        code = in_child(score_without_memory, model);
        if (!CHECK(code == 0)) fprintf(stderr, "  the child ended with %d\n", code);
    }
    CHECK(longlens_close(model, NULL) == LONGLENS_OK);
    test_closed(model);
    printf("%d checks of the interface, %d failed\n", checks, failures);
    return failures == 0 ? 0 : 1;
}
