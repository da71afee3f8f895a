// Scores a text under a long and a short context, and prints what each token weighs in a training that follows the
// difference: the token's number, its losses (nats) under both contexts, its weight.
//
//     cc score.c $(pkg-config --cflags --libs longlens) -o score
//     ./score MODEL FILE LONG_CONTEXT SHORT_CONTEXT [SCHEME]
#include <longlens.h>
#include <stdio.h>
#include <stdlib.h>

static char *read_file(const char *path, size_t *bytes) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    *bytes = 0;
    for (size_t room = 1 << 16, got = 1; file != NULL && got > 0; *bytes += got, room *= 2) {
        char *more = realloc(text, room);
        if (more == NULL) break;
        text = more;
        got = fread(text + *bytes, 1, room - *bytes, file);
    }
    if (file != NULL) fclose(file);
    return text;
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fprintf(stderr, "usage: score MODEL FILE LONG_CONTEXT SHORT_CONTEXT [SCHEME]\n");
        return 64;
    }
    const char *scheme = argc > 5 ? argv[5] : "dense:lambda=0.75";
    size_t bytes;
    char *text = read_file(argv[2], &bytes);
    if (text == NULL) {
        fprintf(stderr, "score: cannot read %s\n", argv[2]);
        return 66;
    }

    longlens_error error = LONGLENS_ERROR_INIT;
    longlens_model *model = NULL;
    longlens_scores *long_scores = NULL, *short_scores = NULL;
    float *weights = NULL;

    longlens_status status = longlens_open(argv[1], NULL, &model, &error);
    if (status != LONGLENS_OK) goto end;

    longlens_score_options options;
    longlens_score_options_init(&options);
    options.context = strtoull(argv[3], NULL, 10);
    status = longlens_score_text(model, text, bytes, NULL, &options, &long_scores, &error);
    if (status != LONGLENS_OK) goto end;

    // A caller with many contexts tokenizes once: longlens_tokenize, then longlens_score_tokens.
    options.context = strtoull(argv[4], NULL, 10);
    status = longlens_score_text(model, text, bytes, NULL, &options, &short_scores, &error);
    if (status != LONGLENS_OK) goto end;

    weights = malloc((long_scores->loss_count + 1) * sizeof *weights);
    if (weights == NULL) goto end;
    status = longlens_weights(scheme, long_scores->losses, short_scores->losses, long_scores->loss_count, NULL, weights,
                              &error);
    if (status != LONGLENS_OK) goto end;

    for (size_t i = 0; i < long_scores->loss_count; i++)
        printf("%zu %.9g %.9g %.9g\n", i + 1, long_scores->losses[i], short_scores->losses[i], weights[i]);
    fprintf(stderr, "%zu tokens: mean loss %.4f under %zu tokens, %.4f under %zu\n", long_scores->token_count,
            long_scores->mean_loss, long_scores->context, short_scores->mean_loss, short_scores->context);

end:
    if (status != LONGLENS_OK) fprintf(stderr, "score: %s\n", error.message);
    free(weights);
    longlens_scores_free(short_scores);
    longlens_scores_free(long_scores);
    longlens_close(model, NULL);
    free(text);
    return status == LONGLENS_OK ? 0 : 1;
}
