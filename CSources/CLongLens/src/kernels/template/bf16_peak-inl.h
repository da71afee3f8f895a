// The peak of sums of products of bf16 in the vector vocabulary; needs `multiply_add`.

// What the sums of products alone reach: more chains than latency times ports.
static double multiply_adds(size_t rounds) {
    enum { chains = 24 };
    vf sum[chains], x = vf_set1(0.5f);
    for (int i = 0; i < chains; i++) sum[i] = vf_zero();
    for (size_t r = 0; r < rounds; r++)
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++) {
            sum[i] = multiply_add(x, x, sum[i]);
            __asm__("" : "+" VF_REGISTER(sum[i])); // each of its own
        }
    for (int i = 0; i < chains; i++) __asm__ volatile("" : : VF_REGISTER(sum[i])); // kept alive without storing it
    return 2.0 * 2 * VF_WIDTH * chains * (double)rounds;
}
