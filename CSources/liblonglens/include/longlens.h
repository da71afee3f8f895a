// LongLens in C: the loss of every token of a text under a context, and weights from two of them.
//
//     longlens_error error = LONGLENS_ERROR_INIT;
//     longlens_model *model;
//     if (longlens_open("model.gguf", NULL, &model, &error) != LONGLENS_OK) fail(error.message);
//     longlens_scores *scores;
//     longlens_score_options options;
//     longlens_score_options_init(&options);
//     options.context = 2048;
//     longlens_score_text(model, text, strlen(text), NULL, &options, &scores, &error);
//     ... scores->losses[i] is of scores->tokens[i + 1] ...
//     longlens_scores_free(scores);
//     longlens_close(model, &error);
//
// Errors. Every function that can fail returns a status; LONGLENS_OK is 0. Where it fails it writes nothing but the
// error: what it would have given is left as it was, except that pointers which it would have handed out become NULL.
// The library never prints, exits, raises, or touches signal handlers, the locale or the environment.
//
// Threads. All functions may be called from any thread at any time, for one model or for several. Calls of
// longlens_score_* for one model take turns; all others run side by side. A model has threads of its own, which sleep
// between calls and end with it. The calls block: do not make them on a thread that must not wait.
//
// Processes. After fork() the child cannot use a model of the parent: calls give LONGLENS_INVALID there. Fork while no
// other thread is inside a call, or open models in the child.
//
// Versions. Structures that a caller fills begin with `size`, which their initializer sets, so that later versions can
// add fields at the end: a program compiled against an older header gets the defaults of fields that it does not know,
// and one compiled against a newer header is refused with LONGLENS_INVALID only where it sets a field that the library
// does not know. Reserve no meaning for fields and flags that are not named here, and set them to 0.
//
// Losses are negative log-likelihoods in nats, and are those of `longlens score` to the bit for the same model, tokens,
// context, stride, compute and instruction set, whatever the number of threads and the batch.
#ifndef LONGLENS_H
#define LONGLENS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define LONGLENS_API __attribute__((visibility("default")))
#else
#define LONGLENS_API
#endif

// ---- Version

#define LONGLENS_VERSION "0.1.0"
#define LONGLENS_VERSION_NUMBER 100 // major * 10000 + minor * 100 + patch

/// The version of the library that is loaded, such as "0.1.0". Never freed.
LONGLENS_API const char *longlens_version(void);

/// The same as LONGLENS_VERSION_NUMBER is of the header.
LONGLENS_API int32_t longlens_version_number(void);

// ---- Statuses and errors

/// How a call ended.
typedef enum longlens_status {
    LONGLENS_OK = 0,
    LONGLENS_INVALID = 1,   ///< an argument: a null pointer, an absurd length, a setting outside its range
    LONGLENS_DATA = 2,      ///< a malformed model or tokenizer, text that is not UTF-8, a token outside the vocabulary
    LONGLENS_MISSING = 3,   ///< a file that is not there, or a tokenizer that the model does not have
    LONGLENS_MACHINE = 4,   ///< the machine cannot: memory, address space, threads, instruction set
    LONGLENS_IO = 5,        ///< reading failed
    LONGLENS_CLOSED = 6,    ///< the model was closed, before the call or during it
    LONGLENS_CANCELLED = 7, ///< a progress function asked for the end
    LONGLENS_BUSY = 8,      ///< called for a model from within a progress function of its own
    LONGLENS_INTERNAL = 9   ///< the library's own mistake; please report it
} longlens_status;

/// The name of a status, "ok", "invalid", ...; "unknown" for a number that is none. Never freed.
LONGLENS_API const char *longlens_status_name(longlens_status status);

#define LONGLENS_MESSAGE_BYTES 2032

/// What went wrong, in memory of the caller; wherever one is taken, NULL is for a caller who wants the status alone. A
/// call that fails fills it, a call that succeeds sets `status` to LONGLENS_OK and `message` to "".
typedef struct longlens_error {
    size_t size;    ///< sizeof(longlens_error); an error of a size below 32 is not written to
    int32_t status; ///< a longlens_status: what the call returned
    int32_t reserved;
    char message[LONGLENS_MESSAGE_BYTES]; ///< one paragraph of UTF-8, ended by 0; cut where it is too long
} longlens_error;

/// The initial value of one: `size`, LONGLENS_OK and no message.
#define LONGLENS_ERROR_INIT {sizeof(longlens_error), 0, 0, {0}}

/// Gives back what the library allocated and its caller owns: tokens and text. NULL is ignored.
LONGLENS_API void longlens_free(void *memory);

// ---- Models

/// An opened model. The pointer is a number that is never used twice, not an address: after longlens_close it gives
/// LONGLENS_CLOSED, a pointer that never was a model LONGLENS_INVALID.
typedef struct longlens_model longlens_model;

/// Told what share of a call's work is done, from 0 to 1, now and then and on the thread that made the call; never less
/// than before. A result other than 0 ends the call with LONGLENS_CANCELLED. It must return (no longjmp, no C++
/// exception), and may call what it likes, except that longlens_score_* and longlens_close of the same model give
/// LONGLENS_BUSY.
typedef int32_t (*longlens_progress)(void *user, double done);

/// What losses are computed in.
typedef enum longlens_compute {
    LONGLENS_COMPUTE_AUTO = 0, ///< int8 where weights are quantized, bf16 where they are F16 or BF16, else f32
    LONGLENS_COMPUTE_F32 = 1,  ///< dequantized weights, exact to rounding
    LONGLENS_COMPUTE_INT8 = 2, ///< integer products of quantized weights; LONGLENS_INVALID for a file without
    LONGLENS_COMPUTE_BF16 = 3  ///< products of F16 and BF16 weights in bf16; LONGLENS_INVALID for a file without
} longlens_compute;

typedef struct longlens_open_options {
    size_t size;                 ///< set by longlens_open_options_init
    int32_t threads;             ///< 0: the physical cores that the process may use; more than 1024 are as 1024
    int32_t compute;             ///< a longlens_compute
    int32_t low_memory;          ///< not 0: compute from the file's own weights, without a packed copy; maps the file
    int32_t map_file;            ///< not 0: map the file, in place of reading it into memory; see longlens_open
    const char *tokenizer;       ///< path of a tokenizer, for formats without one or in place of the model's; or NULL
    const char *instruction_set; ///< as the environment variable LONGLENS_ISA, in place of it: "avx2"; or NULL
    longlens_progress progress;  ///< or NULL
    void *user;                  ///< handed to `progress`
} longlens_open_options;

/// Sets `size` and every default. NULL is ignored.
LONGLENS_API void longlens_open_options_init(longlens_open_options *options);

/// Opens a GGUF file, a Hugging Face folder or a llama2.c file.
///
/// The file is read into memory, so that it may change, shrink or go away afterwards. With `map_file` or `low_memory`
/// it stays mapped for as long as the model is open, and pages are read when they are touched, to the same bits. That
/// takes less memory, by up to the size of the file; but whoever cuts the file short meanwhile makes the system end the
/// process by SIGBUS, as with every mapped file: a library cannot handle that signal in the program's place.
///
/// The instruction set is the widest of the processor, unless `instruction_set` or else the environment variable
/// LONGLENS_ISA lowers it; LONGLENS_MACHINE for one that the processor lacks.
///
/// - options: NULL for the defaults.
/// - model: receives the model, which the caller ends with longlens_close; NULL on failure.
/// - Returns: LONGLENS_MISSING, LONGLENS_IO or LONGLENS_DATA (half-written, malformed, weights that are not finite) for
///   the files; LONGLENS_MACHINE for too little memory; LONGLENS_INVALID for options; LONGLENS_CANCELLED.
LONGLENS_API longlens_status longlens_open(const char *path, const longlens_open_options *options,
                                           longlens_model **model, longlens_error *error);

/// Closes a model and gives back its memory. Calls for it on other threads end with LONGLENS_CLOSED as soon as they can
/// (after a layer of the model), and this one waits for them. NULL is LONGLENS_OK; a model that is closed already
/// LONGLENS_CLOSED; LONGLENS_BUSY, and nothing closed, from within a progress function of the model.
LONGLENS_API longlens_status longlens_close(longlens_model *model, longlens_error *error);

typedef struct longlens_info {
    size_t size;             ///< sizeof(longlens_info), set by the caller; fields past it are not written
    int64_t vocabulary_size; ///< tokens are 0 ... vocabulary_size - 1
    int64_t context_length;  ///< in tokens: what the model was made for
    int64_t parameter_count;
    int32_t layer_count;
    int32_t hidden_size;
    int32_t bos_token; ///< the token that begins a document; -1 where there is none
    int32_t eos_token; ///< the token that ends one; -1 where there is none
    int32_t has_tokenizer;
    int32_t adds_bos; ///< text gets BOS with LONGLENS_BOUNDARY_AUTO
    int32_t adds_eos;
    int32_t compute; ///< a longlens_compute: what is computed in, never LONGLENS_COMPUTE_AUTO
    int32_t threads;
    int32_t reserved;
    char family[32];          ///< "llama", "qwen2", ...
    char instruction_set[32]; ///< "avx2", "avx512+bf16", ...: what the bits of losses may depend on
} longlens_info;

/// What is known of an opened model. LONGLENS_INVALID for a `size` below 8.
LONGLENS_API longlens_status longlens_describe(longlens_model *model, longlens_info *info, longlens_error *error);

/// What the user should know of the model's files and its tokenizer, though they can be used: a paragraph a line, ended
/// by 0; "" where there is nothing. The caller frees `text` by longlens_free.
LONGLENS_API longlens_status longlens_warnings(longlens_model *model, char **text, longlens_error *error);

// ---- Tokens

/// Whether text gets a token at its beginning (BOS), or at its end (EOS).
typedef enum longlens_boundary {
    LONGLENS_BOUNDARY_AUTO = 0,   ///< where the model defines one to be added
    LONGLENS_BOUNDARY_ALWAYS = 1, ///< LONGLENS_INVALID for a model that has none
    LONGLENS_BOUNDARY_NEVER = 2
} longlens_boundary;

typedef struct longlens_text_options {
    size_t size;      ///< set by longlens_text_options_init
    int32_t bos;      ///< a longlens_boundary
    int32_t eos;      ///< a longlens_boundary
    int32_t special;  ///< not 0: text that spells a special token ("<|endoftext|>") becomes it; else it is plain text
    int32_t reserved; ///< 0
} longlens_text_options;

/// Sets `size` and every default. NULL is ignored.
LONGLENS_API void longlens_text_options_init(longlens_text_options *options);

/// The tokens of a text.
///
/// - text: `bytes` bytes of UTF-8, no 0 needed at the end, zeros allowed within; NULL only for no bytes.
/// - options: NULL for the defaults.
/// - tokens, count: receive an array of `*count` ids that the caller frees by longlens_free; NULL for no tokens.
/// - Returns: LONGLENS_DATA for text that is not UTF-8, with the offset of the first byte that is not; LONGLENS_MISSING
///   for a model without tokenizer; LONGLENS_INVALID for 2 GiB of text or more.
LONGLENS_API longlens_status longlens_tokenize(longlens_model *model, const char *text, size_t bytes,
                                               const longlens_text_options *options, int32_t **tokens, size_t *count,
                                               longlens_error *error);

/// The text of tokens; undoes longlens_tokenize where the tokenizer does not normalize. Not always UTF-8: a token may
/// be a part of a character.
///
/// - special: not 0: special tokens are spelled; else they are left out.
/// - text, bytes: receive `*bytes` bytes and a 0 after them, which the caller frees by longlens_free.
LONGLENS_API longlens_status longlens_detokenize(longlens_model *model, const int32_t *tokens, size_t count,
                                                 int32_t special, char **text, size_t *bytes, longlens_error *error);

// ---- Scores

typedef struct longlens_score_options {
    size_t size;    ///< set by longlens_score_options_init
    size_t context; ///< most tokens of a window, at least 2; 0: what the model was made for
    size_t stride;  ///< tokens from one window to the next, below `context`; 0: as `longlens score` has it
    size_t batch;   ///< most tokens of windows computed together: speed and memory, no bits; 0: as `longlens score`
    size_t chunk;   ///< length that documents were cut into, for the default stride alone; 0: that of the tokens given
    longlens_progress progress; ///< or NULL
    void *user;                 ///< handed to `progress`
} longlens_score_options;

/// Sets `size` and every default. NULL is ignored.
LONGLENS_API void longlens_score_options_init(longlens_score_options *options);

/// The losses of tokens, each under the tokens before it in its window. Longer sequences than the context are scored by
/// overlapping windows; where the first token is the model's BOS, every window begins with it.
///
/// - tokens: `count` ids, taken as they are: no BOS is put before them.
/// - options: NULL for the defaults.
/// - losses: memory for `count - 1` floats, in nats: losses[i] is of tokens[i + 1]. Untouched for 0 or 1 tokens, which
///   are LONGLENS_OK.
/// - Returns: LONGLENS_DATA for a token outside the vocabulary, and for a loss that is not finite; LONGLENS_MACHINE for
///   too little memory; LONGLENS_INVALID for options, and for more than 2^31 - 1 tokens; LONGLENS_CANCELLED.
LONGLENS_API longlens_status longlens_score_tokens(longlens_model *model, const int32_t *tokens, size_t count,
                                                   const longlens_score_options *options, float *losses,
                                                   longlens_error *error);

/// A scored text, in memory of the library. Later versions may add fields at the end.
typedef struct longlens_scores {
    size_t token_count;    ///< at least 1
    size_t loss_count;     ///< token_count - 1
    const int32_t *tokens; ///< [token_count]
    const float *losses;   ///< [loss_count], nats: losses[i] is of tokens[i + 1]
    size_t context;        ///< what was scored under, with the defaults filled in
    size_t stride;
    double mean_loss;  ///< nats; not a number where there are no losses
    double perplexity; ///< exp(mean_loss)
} longlens_scores;

/// longlens_tokenize and longlens_score_tokens in one. LONGLENS_DATA for a text without tokens.
///
/// - text_options, options: NULL for the defaults.
/// - scores: receives the result, which the caller frees by longlens_scores_free; NULL on failure.
LONGLENS_API longlens_status longlens_score_text(longlens_model *model, const char *text, size_t bytes,
                                                 const longlens_text_options *text_options,
                                                 const longlens_score_options *options, longlens_scores **scores,
                                                 longlens_error *error);

/// Gives back a scored text with its arrays. NULL is ignored.
LONGLENS_API void longlens_scores_free(longlens_scores *scores);

/// The mean of losses in nats and the perplexity, exp of it, as `longlens` prints them. Either may be NULL.
/// LONGLENS_INVALID for no losses.
LONGLENS_API longlens_status longlens_mean_loss(const float *losses, size_t count, double *mean, double *perplexity,
                                                longlens_error *error);

// ---- Weights

typedef struct longlens_weight_options {
    size_t size;                   ///< set by longlens_weight_options_init
    uint64_t seed;                 ///< of the choice among equal scores, where a scheme keeps a share of the tokens
    uint64_t sequence;             ///< number of the sequence, which draws apart from others; 0 for the first
    const size_t *document_starts; ///< tokens with which documents begin, ascending from 0: they weigh 0; NULL: one
    size_t document_count;         ///< how many
} longlens_weight_options;

/// Sets `size` and every default. NULL is ignored.
LONGLENS_API void longlens_weight_options_init(longlens_weight_options *options);

/// Reads the specification of a weighting scheme, NAME[:key=value,...] as `longlens weigh --scheme` takes it:
/// "dense:lambda=0.75", "sparse", "pipeline:transforms=minus+exp,truncation=5".
///
/// - needs_short: receives 1 where its weights need two arrays of losses, else 0; or NULL.
/// - canonical: receives the specification with every setting spelled out, which the caller frees by longlens_free; or
///   NULL.
/// - Returns: LONGLENS_INVALID for what is no scheme; the message says what is.
LONGLENS_API longlens_status longlens_scheme(const char *scheme, int32_t *needs_short, char **canonical,
                                             longlens_error *error);

/// The weights of the tokens of one sequence, as training uses them and `longlens weigh` writes them.
///
/// - long_losses: `count` losses in nats under the long context; loss i is of token i + 1.
/// - short_losses: of the same tokens under the short context, or by the reference model of "rho"; NULL where the
/// scheme
///   needs none, and not looked at then.
/// - options: NULL for the defaults.
/// - weights: memory for `count` floats; may be one of the arrays of losses.
/// - Returns: LONGLENS_INVALID for a scheme or options that are none; LONGLENS_DATA where a weight is not finite
/// because
///   a loss is not.
LONGLENS_API longlens_status longlens_weights(const char *scheme, const float *long_losses, const float *short_losses,
                                              size_t count, const longlens_weight_options *options, float *weights,
                                              longlens_error *error);

#ifdef __cplusplus
}
#endif

#endif
