// The vector vocabulary on NEON (AArch64, where every processor has it); see avx2/vector.h.
#ifndef LENS_VECTOR_H
#define LENS_VECTOR_H
#if defined(__aarch64__)
#include <arm_neon.h>
#include <stddef.h>

// Code between these may use the instruction set. All code may: nothing is to be said.
#define LENS_BEGIN
#define LENS_END
// Code between these may use what not every processor has: "dotprod", "i8mm", "bf16".
#define LENS_PRAGMA(words) _Pragma(#words)
#if defined(__clang__)
#define LENS_BEGIN_WITH(feature)                                                                                       \
    LENS_PRAGMA(clang attribute push(__attribute__((target(feature))), apply_to = function))
#define LENS_END_WITH LENS_PRAGMA(clang attribute pop)
#else
#define LENS_BEGIN_WITH(feature) LENS_PRAGMA(GCC push_options) LENS_PRAGMA(GCC target("arch=armv8.2-a+" feature))
#define LENS_END_WITH LENS_PRAGMA(GCC pop_options)
#endif
// The registers of vectors in assembler statements.
#define VF_REGISTER "w"

enum { VF_WIDTH = 4 };
typedef float32x4_t vf;
typedef size_t vmask; // the first so many lanes
static inline vf vf_load(const float *p) { return vld1q_f32(p); }
static inline void vf_store(float *p, vf x) { vst1q_f32(p, x); }
static inline vmask vf_first_mask(size_t n) { return n; }
static inline vf vf_load_first(const float *p, size_t n) {
    const float32x2_t none = vdup_n_f32(0);
    switch (n) {
    case 0: return vdupq_n_f32(0);
    case 1: return vcombine_f32(vld1_lane_f32(p, none, 0), none);
    case 2: return vcombine_f32(vld1_f32(p), none);
    case 3: return vcombine_f32(vld1_f32(p), vld1_lane_f32(p + 2, none, 0));
    default: return vld1q_f32(p);
    }
}
static inline void vf_store_first(float *p, vf x, size_t n) {
    if (n >= 4) {
        vst1q_f32(p, x);
        return;
    }
    if (n >= 2) vst1_f32(p, vget_low_f32(x));
    if (n == 1) vst1q_lane_f32(p, x, 0);
    if (n == 3) vst1q_lane_f32(p + 2, x, 2);
}
static inline vf vf_load_mask(const float *p, vmask mask) { return vf_load_first(p, mask); }
static inline void vf_store_mask(float *p, vf x, vmask mask) { vf_store_first(p, x, mask); }
static inline vf vf_first_or(vf x, size_t n, vf other) {
    const uint32x4_t lane = {0, 1, 2, 3};
    return vbslq_f32(vcltq_u32(lane, vdupq_n_u32((uint32_t)n)), x, other);
}
static inline vf vf_zero(void) { return vdupq_n_f32(0); }
static inline vf vf_set1(float x) { return vdupq_n_f32(x); }
static inline vf vf_add(vf a, vf b) { return vaddq_f32(a, b); }
static inline vf vf_sub(vf a, vf b) { return vsubq_f32(a, b); }
static inline vf vf_mul(vf a, vf b) { return vmulq_f32(a, b); }
static inline vf vf_div(vf a, vf b) { return vdivq_f32(a, b); }
static inline vf vf_sqrt(vf a) { return vsqrtq_f32(a); }
// fmax would give NaN where either is NaN, not `b`.
static inline vf vf_max(vf a, vf b) { return vbslq_f32(vcgtq_f32(a, b), a, b); }
static inline vf vf_min(vf a, vf b) { return vbslq_f32(vcltq_f32(a, b), a, b); }
static inline vf vf_fma(vf a, vf b, vf c) { return vfmaq_f32(c, a, b); }
static inline vf vf_fnma(vf a, vf b, vf c) { return vfmsq_f32(c, a, b); }
static inline vf vf_round(vf a) { return vrndnq_f32(a); }
static inline vf vf_exponent(vf x) { return vreinterpretq_f32_s32(vshlq_n_s32(vreinterpretq_s32_f32(x), 23)); }
static inline vf vf_ldexp(vf x, vf n) {
    int32x4_t whole = vcvtnq_s32_f32(n), half = vshrq_n_s32(whole, 1), rest = vsubq_s32(whole, half);
    int32x4_t bias = vdupq_n_s32(127);
    vf a = vf_exponent(vreinterpretq_f32_s32(vaddq_s32(half, bias)));
    vf b = vf_exponent(vreinterpretq_f32_s32(vaddq_s32(rest, bias)));
    return vmulq_f32(vmulq_f32(x, a), b);
}
static inline vf vf_minus_abs(vf x) { return vnegq_f32(vabsq_f32(x)); }
static inline vf vf_where_negative(vf x, vf a, vf b) { return vbslq_f32(vcltzq_s32(vreinterpretq_s32_f32(x)), a, b); }
static inline vf vf_zero_below(vf value, vf x, vf limit) {
    return vreinterpretq_f32_u32(vbicq_u32(vreinterpretq_u32_f32(value), vcltq_f32(x, limit)));
}
static inline float vf_sum(vf x) { return vaddvq_f32(x); }
static inline float vf_maximum(vf x) { return vmaxvq_f32(x); }
static inline void vf_transpose(vf x[VF_WIDTH]) {
    vf ab = vzip1q_f32(x[0], x[2]), AB = vzip2q_f32(x[0], x[2]);
    vf cd = vzip1q_f32(x[1], x[3]), CD = vzip2q_f32(x[1], x[3]);
    x[0] = vzip1q_f32(ab, cd), x[1] = vzip2q_f32(ab, cd);
    x[2] = vzip1q_f32(AB, CD), x[3] = vzip2q_f32(AB, CD);
}
typedef float64x2_t vd;
static inline vd vd_zero(void) { return vdupq_n_f64(0); }
static inline vd vd_low(vf x) { return vcvt_f64_f32(vget_low_f32(x)); }
static inline vd vd_high(vf x) { return vcvt_high_f64_f32(x); }
static inline vd vd_add(vd a, vd b) { return vaddq_f64(a, b); }
static inline vd vd_fma(vd a, vd b, vd c) { return vfmaq_f64(c, a, b); }
static inline double vd_sum(vd x) { return vaddvq_f64(x); }

#endif
#endif
