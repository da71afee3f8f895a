// Whole operations in plain loops and double precision: what the kernels compute, to read and to test against. Nothing
// is blocked, packed, fused or threaded. Tensors are row-major; arguments come as in the drivers: sizes, settings, what
// is read, what is written. Not part of the library.
#ifndef CLENS_REFERENCE_H
#define CLENS_REFERENCE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// C[M,N] = op(A)[M,K] · op(B)[K,N] (+ C when `accumulate`). A is stored as [M,K], or as [K,M] when `transpose_a`; B as
/// [K,N], or as [N,K] when `transpose_b`; lda, ldb, ldc are the distances of their rows.
void reference_gemm(size_t M, size_t N, size_t K, bool transpose_a, bool transpose_b, bool accumulate, const double *A,
                    size_t lda, const double *B, size_t ldb, double *C, size_t ldc);

/// out[T,C], rstd[T] from x[T,C], weight[C]: out = x * rstd * weight, rstd = 1 / sqrt(mean(x²) + epsilon).
void reference_rmsnorm_forward(size_t T, size_t C, double epsilon, const double *x, const double *weight, double *out,
                               double *rstd);
/// dx[T,C], dweight[C] (both overwritten) from dout[T,C] and what the forward was given and gave.
void reference_rmsnorm_backward(size_t T, size_t C, const double *dout, const double *x, const double *weight,
                                const double *rstd, double *dx, double *dweight);

/// Rotates, in each of the heads of x[T,heads,HS], the pairs (i, i + rotary/2) by the angles whose cos and sin
/// [T,rotary/2] are given.
void reference_rope_forward(size_t T, size_t heads, size_t HS, size_t rotary, const double *cos, const double *sin,
                            double *x);
/// Turns dx[T,heads,HS] back by them.
void reference_rope_backward(size_t T, size_t heads, size_t HS, size_t rotary, const double *cos, const double *sin,
                             double *dx);

/// out[n] = silu(gate) * up, silu(x) = x / (1 + exp(-x)).
void reference_swiglu_forward(size_t n, const double *gate, const double *up, double *out);
void reference_swiglu_backward(size_t n, const double *dout, const double *gate, const double *up, double *dgate,
                               double *dup);

/// nll[rows] = lse - logits[row, target], lse[rows] = log of the sum of exp of logits[rows,V].
void reference_cross_entropy_forward(size_t rows, size_t V, const double *logits, const int32_t *targets, double *nll,
                                     double *lse);
/// dlogits[rows,V] of the sum of weight[row] * nll[row].
void reference_cross_entropy_backward(size_t rows, size_t V, const double *logits, const int32_t *targets,
                                      const double *lse, const double *weight, double *dlogits);

/// out[T,C] = table[token,C]
void reference_embedding_forward(size_t T, size_t C, const double *table, const int32_t *tokens, double *out);
/// dtable[token,C] += dout[T,C]
void reference_embedding_backward(size_t T, size_t C, const double *dout, const int32_t *tokens, double *dtable);

/// Causal attention with grouped heads, of the last `window` keys (0: all): out[T,NH,HS], lse[NH,T] from q[T,NH,HS] and
/// k, v[T,NKV,HS].
void reference_attention_forward(size_t T, size_t NH, size_t NKV, size_t HS, double scale, size_t window,
                                 const double *q, const double *k, const double *v, double *out, double *lse);
/// The same of the queries of the last keys: q, out[queries,NH,HS], lse[NH,queries].
void reference_attention_forward_last(size_t T, size_t queries, size_t NH, size_t NKV, size_t HS, double scale,
                                      size_t window, const double *q, const double *k, const double *v, double *out,
                                      double *lse);
/// dq[T,NH,HS], dk, dv[T,NKV,HS] (overwritten) from dout[T,NH,HS] and what the forward was given and gave.
void reference_attention_backward(size_t T, size_t NH, size_t NKV, size_t HS, double scale, size_t window,
                                  const double *q, const double *k, const double *v, const double *out,
                                  const double *lse, const double *dout, double *dq, double *dk, double *dv);

/// The AdamW update number `step` (from 1) of n parameters p and their moments m, v from their gradients g.
void reference_adamw(size_t n, size_t step, double learning_rate, double beta1, double beta2, double epsilon,
                     double weight_decay, const double *g, double *m, double *v, double *p);

#ifdef __cplusplus
}
#endif

#endif
