// The loop of the multiply-add peak in the vector vocabulary: `chains` independent sums, in registers.
static void multiply_adds(size_t rounds) {
    vf sum[chains], factor = vf_set1(0.5f), term = vf_set1(1.0f);
    for (int i = 0; i < chains; i++) sum[i] = term;
    for (size_t r = 0; r < rounds; r++)
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++) sum[i] = vf_fma(sum[i], factor, term);
    for (int i = 0; i < chains; i++) __asm__ volatile("" : : VF_REGISTER(sum[i])); // kept alive without storing it
}
