// The integer vocabulary on NEON; see template/int8-inl.h.
#ifndef LENS_INTEGERS_H
#define LENS_INTEGERS_H

typedef int32x4_t vi;
static inline vi vi_load(const void *p) { return vld1q_s32(p); }
static inline vi vi_set1(int32_t x) { return vdupq_n_s32(x); }
static inline vi vi_add(vi a, vi b) { return vaddq_s32(a, b); }
// Rows are loaded four at a time, and multiplied from where they lie in the register.
LENS_INLINE vi vi_row(const int8_t rows[][4], size_t i) { return vdupq_n_s32(vi_load(rows[i / 4 * 4])[i % 4]); }
/// The bytes 0 to 255 less 128.
static inline vi vi_signed(vi x) { return veorq_s32(x, vdupq_n_s32((int32_t)0x80808080u)); }
static inline vf vf_from(vi x) { return vcvtq_f32_s32(x); }
static inline float vf_minimum(vf x) { return vminvq_f32(x); }
static inline vf vf_butterfly(vf x, size_t stride) {
    const vf halves = {1, 1, -1, -1}, pairs = {1, -1, 1, -1};
    return stride == 2 ? vfmaq_f32(vextq_f32(x, x, 2), x, halves) : vfmaq_f32(vrev64q_f32(x), x, pairs);
}
static inline void vi_store_bytes(int8_t *to, vf x) {
    int16x4_t halves = vqmovn_s32(vcvtnq_s32_f32(x));
    vst1_lane_s32((void *)to, vreinterpret_s32_s8(vqmovn_s16(vcombine_s16(halves, halves))), 0);
}

#endif
