// The vector vocabulary on AVX2. Kernels written in it (kernels/template) compile for every instruction set from one
// text. Its arguments come as those of the instructions that it names.
#ifndef LENS_VECTOR_H
#define LENS_VECTOR_H
#if defined(__x86_64__)
#include <immintrin.h>
#include <stddef.h>

// Code between these two may use the instruction set, and no other code does. No header is included in between: its
// inline functions must not take the attribute.
#define LENS_BEGIN _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c\"))), apply_to = function)")
#define LENS_END _Pragma("clang attribute pop")
// The registers of vectors in assembler statements.
#define VF_REGISTER "x"

LENS_BEGIN
enum { VF_WIDTH = 8 };
typedef __m256 vf;
typedef __m256i vmask;
static inline vf vf_load(const float *p) { return _mm256_loadu_ps(p); }
static inline void vf_store(float *p, vf x) { _mm256_storeu_ps(p, x); }
/// The first n <= VF_WIDTH lanes.
static inline vmask vf_first_mask(size_t n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
/// The elements of the mask, the rest 0; nothing but these is touched.
static inline vf vf_load_mask(const float *p, vmask mask) { return _mm256_maskload_ps(p, mask); }
static inline void vf_store_mask(float *p, vf x, vmask mask) { _mm256_maskstore_ps(p, mask, x); }
/// The first n <= VF_WIDTH elements.
static inline vf vf_load_first(const float *p, size_t n) { return vf_load_mask(p, vf_first_mask(n)); }
static inline void vf_store_first(float *p, vf x, size_t n) { vf_store_mask(p, x, vf_first_mask(n)); }
/// Lanes at and past n replaced by `other`.
static inline vf vf_first_or(vf x, size_t n, vf other) {
    return _mm256_blendv_ps(other, x, _mm256_castsi256_ps(vf_first_mask(n)));
}
static inline vf vf_zero(void) { return _mm256_setzero_ps(); }
static inline vf vf_set1(float x) { return _mm256_set1_ps(x); }
static inline vf vf_add(vf a, vf b) { return _mm256_add_ps(a, b); }
static inline vf vf_sub(vf a, vf b) { return _mm256_sub_ps(a, b); }
static inline vf vf_mul(vf a, vf b) { return _mm256_mul_ps(a, b); }
static inline vf vf_div(vf a, vf b) { return _mm256_div_ps(a, b); }
static inline vf vf_sqrt(vf a) { return _mm256_sqrt_ps(a); }
/// The maximum and minimum give `b` where either is NaN.
static inline vf vf_max(vf a, vf b) { return _mm256_max_ps(a, b); }
static inline vf vf_min(vf a, vf b) { return _mm256_min_ps(a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }   // a*b + c
static inline vf vf_fnma(vf a, vf b, vf c) { return _mm256_fnmadd_ps(a, b, c); } // c - a*b
static inline vf vf_round(vf a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
/// The low bits of each number as an exponent: the number 2^(bits - 127).
static inline vf vf_exponent(vf x) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(x), 23)); }
/// x * 2^n for integral n in [-252, 254], by two exact products except where the result is subnormal.
static inline vf vf_ldexp(vf x, vf n) {
    __m256i whole = _mm256_cvtps_epi32(n), half = _mm256_srai_epi32(whole, 1), rest = _mm256_sub_epi32(whole, half);
    __m256i bias = _mm256_set1_epi32(127);
    vf a = vf_exponent(_mm256_castsi256_ps(_mm256_add_epi32(half, bias)));
    vf b = vf_exponent(_mm256_castsi256_ps(_mm256_add_epi32(rest, bias)));
    return _mm256_mul_ps(_mm256_mul_ps(x, a), b);
}
/// -|x|
static inline vf vf_minus_abs(vf x) { return _mm256_or_ps(x, _mm256_set1_ps(-0.0f)); }
/// `a` in lanes where x has its sign bit set, else `b`.
static inline vf vf_where_negative(vf x, vf a, vf b) { return _mm256_blendv_ps(b, a, x); }
/// `value`, but 0 in lanes where x < limit (and not where x is NaN).
static inline vf vf_zero_below(vf value, vf x, vf limit) {
    return _mm256_and_ps(value, _mm256_cmp_ps(x, limit, _CMP_NLT_UQ));
}
static inline float vf_sum(vf x) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
}
static inline float vf_maximum(vf x) {
    __m128 s = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    s = _mm_max_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_max_ss(s, _mm_movehdup_ps(s)));
}
/// Transposes the square of VF_WIDTH rows.
static inline void vf_transpose(vf x[VF_WIDTH]) {
    vf t[VF_WIDTH];
#pragma clang loop unroll(full)
    for (size_t i = 0; i < VF_WIDTH; i += 4) { // 4x4 blocks inside both 128-bit lanes
        vf ab = _mm256_unpacklo_ps(x[i], x[i + 1]), AB = _mm256_unpackhi_ps(x[i], x[i + 1]);
        vf cd = _mm256_unpacklo_ps(x[i + 2], x[i + 3]), CD = _mm256_unpackhi_ps(x[i + 2], x[i + 3]);
        t[i] = _mm256_shuffle_ps(ab, cd, 0x44), t[i + 1] = _mm256_shuffle_ps(ab, cd, 0xee);
        t[i + 2] = _mm256_shuffle_ps(AB, CD, 0x44), t[i + 3] = _mm256_shuffle_ps(AB, CD, 0xee);
    }
#pragma clang loop unroll(full)
    for (size_t i = 0; i < 4; i++) { // then the lanes themselves
        x[i] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x20);
        x[i + 4] = _mm256_permute2f128_ps(t[i], t[i + 4], 0x31);
    }
}
/// Half as many doubles, for sums that matter.
typedef __m256d vd;
static inline vd vd_zero(void) { return _mm256_setzero_pd(); }
static inline vd vd_low(vf x) { return _mm256_cvtps_pd(_mm256_castps256_ps128(x)); }
static inline vd vd_high(vf x) { return _mm256_cvtps_pd(_mm256_extractf128_ps(x, 1)); }
static inline vd vd_add(vd a, vd b) { return _mm256_add_pd(a, b); }
static inline vd vd_fma(vd a, vd b, vd c) { return _mm256_fmadd_pd(a, b, c); }
static inline double vd_sum(vd x) {
    __m128d s = _mm_add_pd(_mm256_castpd256_pd128(x), _mm256_extractf128_pd(x, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
}
LENS_END

#endif
#endif
