// exp in the vector vocabulary: exp(x) = 2^n * exp(r), n = round(x / ln 2), |r| <= ln(2)/2,
// with a Cody-Waite reduction in two parts and the minimax polynomial of Cephes' expf. Within 2 ulp for every float:
// subnormal results are kept, overflow gives infinity, NaN stays NaN.
static inline vf vf_exp(vf x) {
    // Past these bounds the result is 0 or infinity. The order of the arguments lets NaN through.
    const vf low = vf_set1(-104.0f), high = vf_set1(89.0f);
    vf clamped = vf_min(high, vf_max(low, x));
    vf n = vf_round(vf_mul(clamped, vf_set1(1.44269504088896341f)));
    vf r = vf_fnma(n, vf_set1(0.693359375f), clamped);
    r = vf_fnma(n, vf_set1(-2.12194440e-4f), r);
    vf p = vf_set1(1.9875691500e-4f);
    p = vf_fma(p, r, vf_set1(1.3981999507e-3f));
    p = vf_fma(p, r, vf_set1(8.3334519073e-3f));
    p = vf_fma(p, r, vf_set1(4.1665795894e-2f));
    p = vf_fma(p, r, vf_set1(1.6666665459e-1f));
    p = vf_fma(p, r, vf_set1(5.0000001201e-1f));
    p = vf_add(vf_fma(p, vf_mul(r, r), r), vf_set1(1.0f));
    // Zeroed before the scaling: an underflow would cost a microcode assist for each masked (-infinity) score.
    return vf_ldexp(vf_zero_below(p, x, low), n);
}
