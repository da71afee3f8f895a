// The probability of a score in the vector vocabulary, where no instruction scales by a power of two.

/// exp2(x) for x <= 0: 2^n * 2^(x - n), n = round(x), the second factor by a polynomial with relative error
/// 1.5 * 2^-24 on [-1/2, 1/2] that is exactly 1 at 0. Below 2^-126 the result is 0. NaN stays.
static inline vf probability(vf x) {
    // Adding it leaves n + 127 in the low bits; those, moved to the exponent, are 2^n, or 0 for n = -127.
    const vf magic = vf_set1(12582912.0f + 127.0f);
    x = vf_max(vf_set1(-127.0f), x); // in this order NaN stays
    vf shifted = vf_add(x, magic), r = vf_sub(x, vf_sub(shifted, magic));
    vf p = vf_set1(1.3264727247071489e-3f);
    p = vf_fma(p, r, vf_set1(9.671512688175565e-3f));
    p = vf_fma(p, r, vf_set1(5.550733743574546e-2f));
    p = vf_fma(p, r, vf_set1(2.4022242084634776e-1f));
    p = vf_fma(p, r, vf_set1(6.931469775987168e-1f));
    p = vf_fma(p, r, vf_set1(1.0f));
    return vf_mul(p, vf_exponent(shifted));
}
