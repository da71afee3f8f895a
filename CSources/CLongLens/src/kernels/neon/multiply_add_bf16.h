// One row of a register tile of bf16, two numbers in a word; see neon/multiply_add.h.
#ifndef LENS_MULTIPLY_ADD_BF16_H
#define LENS_MULTIPLY_ADD_BF16_H

LENS_INLINE void multiply_add_row(const int V, const float *element, const vf *column, vf *acc) {
    float x = *element;
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) __asm__("bfdot %0.4s, %1.8h, %2.2h[0]" : "+w"(acc[v]) : "w"(column[v]), "w"(x));
}

LENS_INLINE uint16x4_t to_bf16(vf x) { return vreinterpret_u16_bf16(vcvt_bf16_f32(x)); }

#endif
