// Blockwise causal attention with grouped heads; nothing of size T x T exists.
// FlashAttention-2 (arXiv 2307.08691): the forward keeps the output and each row's log-sum-exp,
// the backward recomputes the scores block by block.
#ifndef LENS_ATTENTION_H
#define LENS_ATTENTION_H
#include "lens/linkage.h"
#include "lens/scratch.h"
#include "lens/spans.h"
#include "lens/status.h"
#include <stddef.h>

LENS_BEGIN_C

typedef struct lens_attention_shape {
    size_t
        T; // tokens, of one sequence or several; query i of a sequence attends to its keys 0...i, or the last of them
    size_t NH;   // query heads, a multiple of NKV
    size_t NKV;  // key/value heads; query head h reads key/value head h / (NH / NKV)
    size_t HS;   // head size, any value of at least 1
    float scale; // multiplies the scores; usually 1/sqrt(HS)
    // Keys that a query sees, the last ones up to its own (Mistral, arXiv 2310.06825); 0: all. The work is in
    // proportion.
    size_t window;
} lens_attention_shape;

/// What products are computed in. In bf16 what is multiplied is rounded to bf16, and sums are fp32; on machines without
/// such instructions it is fp32 all the same.
typedef enum lens_arithmetic { LENS_ARITHMETIC_F32 = 0, LENS_ARITHMETIC_BF16 = 1 } lens_arithmetic;

/// out[T, NH*HS], lse[NH, T] (natural log of the sum of exp of the scaled scores) from q[T, NH*HS], k, v[T, NKV*HS]. A
/// sequence has the bits that it has alone. LENS_INVALID for spans that are not those of T rows.
lens_status lens_attention_forward(lens_context *context, lens_attention_shape shape, lens_spans spans,
                                   lens_arithmetic arithmetic, const float *q, const float *k, const float *v,
                                   float *out, float *lse);

/// The same for queries that are the last ones: row i of a sequence's n rows in q[queries, NH*HS], out and lse[NH,
/// queries] is the query of its key T - n + i. `shape.T` and `spans` are of the keys, `query_spans` has as many
/// sequences, none of more rows. A query has the bits that it has where all keys have one. LENS_INVALID for spans that
/// are not so.
lens_status lens_attention_forward_last(lens_context *context, lens_attention_shape shape, lens_spans spans,
                                        size_t queries, lens_spans query_spans, lens_arithmetic arithmetic,
                                        const float *q, const float *k, const float *v, float *out, float *lse);

/// out[NH*HS] of one query, that of the last of shape.T keys, from q[NH*HS] and k, v[T, NKV*HS]. The query heads of a
/// key/value head read its keys and values once. The keys are cut where the shape alone says, and results of the parts
/// are merged by their sums, in their order: the bits do not depend on the number of threads. They are not those of the
/// drivers above, which add in another order.
lens_status lens_attention_decode(lens_context *context, lens_attention_shape shape, const float *q, const float *k,
                                  const float *v, float *out);

/// The queries that a backward pass is given: `count` rows, of the tokens at `positions`, ascending.
typedef struct lens_attention_queries {
    size_t count;
    const size_t *positions; // NULL: every token has one, and count is T
} lens_attention_queries;

/// dq[count, NH*HS], dk, dv[T, NKV*HS] (overwritten) from dout[count, NH*HS] and what the forward was given and gave:
/// q, out[count, NH*HS] and lse[NH, count] of the given queries, k and v of all tokens. A query that is not given is
/// one whose dout is zero. `delta[NH, count]` is scratch (rowsum of dout * out), which is computed first: `dq` may be
/// `out`. A sequence has the bits that it has alone; sequences are computed one after the other, each by all threads.
/// LENS_INVALID for spans that are not those of T rows.
lens_status lens_attention_backward(lens_context *context, lens_attention_shape shape, lens_spans spans,
                                    lens_attention_queries queries, const float *q, const float *k, const float *v,
                                    const float *out, const float *lse, const float *dout, float *delta, float *dq,
                                    float *dk, float *dv);

/// Scratch of forward and backward, for at most T tokens of any number of sequences; of lens_attention_forward_last for
/// as many queries, whatever the number of keys.
lens_scratch_need lens_attention_scratch(const lens_context *context, lens_attention_shape shape);

/// Scratch of lens_attention_decode, for any number of keys.
lens_scratch_need lens_attention_decode_scratch(const lens_context *context, lens_attention_shape shape);

LENS_END_C

#endif
