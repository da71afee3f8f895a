// The peak of products of bytes, in the vocabulary of int8-inl.h; vi_dot adds 4 * WORDS products to an integer.

// What the products of bytes alone reach: as many chains as latency times ports, and no more than registers hold.
static double multiply_bytes(size_t rounds) {
    enum { chains = 10 };
    vi sum[chains], weights = vi_weights(vi_set1(0x01020304));
    for (int i = 0; i < chains; i++) sum[i] = vi_set1(i);
    for (size_t r = 0; r < rounds; r++) {
        vi x = vi_set1((int32_t)(r & 0x7f7f));
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++) {
            __asm__ volatile("" : "+" VF_REGISTER(x)); // each of another number, for all the compiler knows
            sum[i] = vi_dot(sum[i], weights, x);
        }
    }
    for (int i = 0; i < chains; i++) __asm__ volatile("" : : VF_REGISTER(sum[i])); // kept alive without storing it
    return 2.0 * 4 * WORDS * VF_WIDTH * chains * (double)rounds;
}
