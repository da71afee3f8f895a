// One row of a register tile; see template/multiply_add-inl.h.
#ifndef LENS_MULTIPLY_ADD_H
#define LENS_MULTIPLY_ADD_H

// The factor stays a single number in its register: left to itself the compiler fills a vector with it, which costs an
// instruction of the pipes that multiply.
LENS_INLINE void multiply_add_row(const int V, const float *element, const vf *column, vf *acc) {
    float x = *element;
#pragma clang loop unroll(full)
    for (int v = 0; v < V; v++) __asm__("fmla %0.4s, %1.4s, %2.s[0]" : "+w"(acc[v]) : "w"(column[v]), "w"(x));
}

#endif
