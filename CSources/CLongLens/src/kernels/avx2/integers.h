// The integer vocabulary on AVX2; see template/int8-inl.h. Include between LENS_BEGIN and LENS_END.
#ifndef LENS_INTEGERS_H
#define LENS_INTEGERS_H

typedef __m256i vi;
static inline vi vi_load(const void *p) { return _mm256_loadu_si256((const __m256i *)p); }
static inline vi vi_set1(int32_t x) { return _mm256_set1_epi32(x); }
static inline vi vi_add(vi a, vi b) { return _mm256_add_epi32(a, b); }
static inline vi vi_row(const int8_t rows[][4], size_t i) {
    int32_t word;
    memcpy(&word, rows[i], sizeof word);
    return vi_set1(word);
}
static inline vf vf_from(vi x) { return _mm256_cvtepi32_ps(x); }
static inline float vf_minimum(vf x) { return -vf_maximum(vf_sub(vf_zero(), x)); }
// The constants are 1 in the first of two halves and -1 in the second: exact, as adding and subtracting is.
static inline vf vf_butterfly(vf x, size_t stride) {
    if (stride == 4)
        return _mm256_fmadd_ps(x, _mm256_setr_ps(1, 1, 1, 1, -1, -1, -1, -1), _mm256_permute2f128_ps(x, x, 1));
    if (stride == 2) return _mm256_fmadd_ps(x, _mm256_setr_ps(1, 1, -1, -1, 1, 1, -1, -1), _mm256_permute_ps(x, 0x4E));
    return _mm256_fmadd_ps(x, _mm256_setr_ps(1, -1, 1, -1, 1, -1, 1, -1), _mm256_permute_ps(x, 0xB1));
}
static inline void vi_store_bytes(int8_t *to, vf x) {
    __m256i integers = _mm256_cvtps_epi32(x);
    __m128i halves = _mm_packs_epi32(_mm256_castsi256_si128(integers), _mm256_extracti128_si256(integers, 1));
    _mm_storel_epi64((__m128i *)(void *)to, _mm_packs_epi16(halves, halves));
}

#endif
