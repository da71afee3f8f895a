// The vector vocabulary on AVX-512; see avx2/vector.h.
#ifndef LENS_VECTOR_H
#define LENS_VECTOR_H
#if defined(__x86_64__)
#include <immintrin.h>
#include <stddef.h>

// evex512 is not named: compilers disagree on whether it exists. avx512f implies it, as it does avx2, fma and f16c.
#define LENS_BEGIN \
    _Pragma("clang attribute push(__attribute__((target(\"avx512f,avx512bw,avx512vl,avx512dq\"))), apply_to = function)")
#define LENS_END _Pragma("clang attribute pop")

LENS_BEGIN
#define VF_WIDTH 16
typedef __m512 vf;
typedef __m512i vi;
static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vf_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
static inline __mmask16 vf_first_mask(size_t n) { return (__mmask16)((1u << n) - 1u); }
static inline vf vf_load_first(const float *p, size_t n) { return _mm512_maskz_loadu_ps(vf_first_mask(n), p); }
static inline void vf_store_first(float *p, vf x, size_t n) { _mm512_mask_storeu_ps(p, vf_first_mask(n), x); }
static inline vf vf_first_or(vf x, size_t n, vf other) { return _mm512_mask_mov_ps(other, vf_first_mask(n), x); }
static inline vf vf_zero(void) { return _mm512_setzero_ps(); }
static inline vf vf_set1(float x) { return _mm512_set1_ps(x); }
static inline vf vf_add(vf a, vf b) { return _mm512_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm512_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm512_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm512_div_ps(a, b); }
static inline vf vf_sqrt(vf a) { return _mm512_sqrt_ps(a); }
static inline vf vf_max(vf a, vf b) { return _mm512_max_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm512_min_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm512_fnmadd_ps(a, b, c); }
static inline vf vf_round(vf a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
static inline vf vf_ldexp(vf x, vf n) { return _mm512_scalef_ps(x, n); }
static inline vf vf_minus_abs(vf x) { return _mm512_or_ps(x, _mm512_set1_ps(-0.0f)); }
static inline vf vf_where_negative(vf x, vf a, vf b) {
    return _mm512_mask_mov_ps(b, _mm512_movepi32_mask(_mm512_castps_si512(x)), a);
}
static inline vf vf_zero_below(vf value, vf x, vf limit) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, limit, _CMP_NLT_UQ), value);
}
static inline float vf_sum(vf x) { return _mm512_reduce_add_ps(x); }
static inline float vf_maximum(vf x) { return _mm512_reduce_max_ps(x); }
typedef __m512d vd;
static inline vd vd_zero(void) { return _mm512_setzero_pd(); }
static inline vd vd_low(vf x) { return _mm512_cvtps_pd(_mm512_castps512_ps256(x)); }
static inline vd vd_high(vf x) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(x, 1)); }
static inline vd vd_add(vd a, vd b) { return _mm512_add_pd(a, b); }
static inline vd vd_fma(vd a, vd b, vd c) { return _mm512_fmadd_pd(a, b, c); }
static inline double vd_sum(vd x) { return _mm512_reduce_add_pd(x); }
LENS_END

#endif
#endif
