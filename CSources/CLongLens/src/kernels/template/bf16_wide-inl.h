// Weights of 16 bits made fp32 in the register tile, for processors that do not multiply them; see bf16-inl.h.
enum { PARTS = 2 };

static inline void round_halves(size_t n, const char *restrict x, uint16_t *restrict to) {
    for (size_t i = 0; i < n; i++) to[i] = float_to_bfloat(load_half_as_float(x + 2 * i));
}

// Never called: A stays fp32.
static inline void round_floats(size_t n, const float *x, uint16_t *to) { (void)n, (void)x, (void)to; }
