// The integer vocabulary on AVX-512; see template/int8-inl.h. Include between LENS_BEGIN and LENS_END.
#ifndef LENS_INTEGERS_H
#define LENS_INTEGERS_H

typedef __m512i vi;
static inline vi vi_load(const void *p) { return _mm512_loadu_si512(p); }
static inline vi vi_set1(int32_t x) { return _mm512_set1_epi32(x); }
static inline vi vi_add(vi a, vi b) { return _mm512_add_epi32(a, b); }
static inline vi vi_row(const int8_t rows[][4], size_t i) {
    int32_t word;
    memcpy(&word, rows[i], sizeof word);
    return vi_set1(word);
}
static inline vf vf_from(vi x) { return _mm512_cvtepi32_ps(x); }
static inline float vf_minimum(vf x) { return _mm512_reduce_min_ps(x); }
// The constants are 1 in the first of two halves and -1 in the second: exact, as adding and subtracting is.
static inline vf vf_butterfly(vf x, size_t stride) {
    const __mmask16 second = stride == 8 ? 0xFF00 : stride == 4 ? 0xF0F0 : stride == 2 ? 0xCCCC : 0xAAAA;
    vf other = stride == 8   ? _mm512_shuffle_f32x4(x, x, 0x4E)
               : stride == 4 ? _mm512_shuffle_f32x4(x, x, 0xB1)
               : stride == 2 ? _mm512_permute_ps(x, 0x4E)
                             : _mm512_permute_ps(x, 0xB1);
    return _mm512_fmadd_ps(x, _mm512_mask_blend_ps(second, vf_set1(1), vf_set1(-1)), other);
}
static inline void vi_store_bytes(int8_t *to, vf x) {
    _mm_storeu_si128((__m128i *)(void *)to, _mm512_cvtepi32_epi8(_mm512_cvtps_epi32(x)));
}

#endif
