// The integer vocabulary on AVX-512; see template/int8-inl.h. Include between LENS_BEGIN and LENS_END.
#ifndef LENS_INTEGERS_H
#define LENS_INTEGERS_H

typedef __m512i vi;
static inline vi vi_load(const void *p) { return _mm512_loadu_si512(p); }
static inline vi vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
static inline vf vf_from(vi x) { return _mm512_cvtepi32_ps(x); }
static inline float vf_minimum(vf x) { return _mm512_reduce_min_ps(x); }
static inline void vi_store_bytes(int8_t *to, vf x) {
    _mm_storeu_si128((__m128i *)(void *)to, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
}

#endif
