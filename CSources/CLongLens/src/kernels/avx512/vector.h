// The vector vocabulary on AVX-512; see avx2/vector.h.
#ifndef LENS_VECTOR_H
#define LENS_VECTOR_H
#if defined(__x86_64__)
#include <immintrin.h>
#include <stddef.h>

// evex512 is not named: compilers disagree on whether it exists. avx512f implies it, as it does avx2, fma and f16c.
#define LENS_BEGIN                                                                                                     \
    _Pragma(                                                                                                           \
        "clang attribute push(__attribute__((target(\"avx512f,avx512bw,avx512vl,avx512dq\"))), apply_to = function)")
#define LENS_END _Pragma("clang attribute pop")
#define VF_REGISTER "v"

LENS_BEGIN
enum { VF_WIDTH = 16 };
typedef __m512 vf;
typedef __mmask16 vmask;
static inline vf vf_load(const float *p) { return _mm512_loadu_ps(p); }
static inline void vf_store(float *p, vf x) { _mm512_storeu_ps(p, x); }
static inline vmask vf_first_mask(size_t n) { return (vmask)((1u << n) - 1u); }
static inline vf vf_load_mask(const float *p, vmask mask) { return _mm512_maskz_loadu_ps(mask, p); }
static inline void vf_store_mask(float *p, vf x, vmask mask) { _mm512_mask_storeu_ps(p, mask, x); }
static inline vf vf_load_first(const float *p, size_t n) { return vf_load_mask(p, vf_first_mask(n)); }
static inline void vf_store_first(float *p, vf x, size_t n) { vf_store_mask(p, x, vf_first_mask(n)); }
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
static inline void vf_transpose(vf x[VF_WIDTH]) {
    vf t[VF_WIDTH];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < VF_WIDTH; i += 4) { // 4x4 blocks inside every 128-bit lane
        vf ab = _mm512_unpacklo_ps(x[i], x[i + 1]), AB = _mm512_unpackhi_ps(x[i], x[i + 1]);
        vf cd = _mm512_unpacklo_ps(x[i + 2], x[i + 3]), CD = _mm512_unpackhi_ps(x[i + 2], x[i + 3]);
        t[i] = _mm512_shuffle_ps(ab, cd, 0x44), t[i + 1] = _mm512_shuffle_ps(ab, cd, 0xee);
        t[i + 2] = _mm512_shuffle_ps(AB, CD, 0x44), t[i + 3] = _mm512_shuffle_ps(AB, CD, 0xee);
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < 4; i++) { // then the 4x4 lanes themselves
        vf even01 = _mm512_shuffle_f32x4(t[i], t[i + 4], 0x88), odd01 = _mm512_shuffle_f32x4(t[i], t[i + 4], 0xdd);
        vf even23 = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0x88);
        vf odd23 = _mm512_shuffle_f32x4(t[i + 8], t[i + 12], 0xdd);
        x[i] = _mm512_shuffle_f32x4(even01, even23, 0x88);
        x[i + 4] = _mm512_shuffle_f32x4(odd01, odd23, 0x88);
        x[i + 8] = _mm512_shuffle_f32x4(even01, even23, 0xdd);
        x[i + 12] = _mm512_shuffle_f32x4(odd01, odd23, 0xdd);
    }
}
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
