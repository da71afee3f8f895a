// Runs the kernels of every instruction set of the machine, with and without each feature that it has beside it, and
// holds their results to plain loops in double precision, and integers to those of plain C bit by bit. What the Swift
// tests check further on the machine at hand, this one checks on any that C is compiled for, emulated ones too.
#include "check.h"
#include <inttypes.h>
#include <stdio.h>

static lens_context *context_of(size_t threads, lens_isa isa, lens_features features) {
    lens_context *context;
    must(lens_context_create(threads, isa, features, LENS_CARRIER_POOL, &context));
    return context;
}

static contexts contexts_of(lens_isa isa, lens_features features) {
    return (contexts){context_of(1, isa, features), context_of(3, isa, features)};
}

static void destroy(contexts c) {
    lens_context_destroy(c.one);
    lens_context_destroy(c.three);
}

// The instruction set and its features by name, as scripts/kernels knows them.
static void print_set(const char *what, lens_isa isa, lens_features features) {
    printf("%s%s%s%s%s%s\n", what, lens_isa_name(isa), features & LENS_FEATURE_VNNI ? " vnni" : "",
           features & LENS_FEATURE_DOTPROD ? " dotprod" : "", features & LENS_FEATURE_I8MM ? " i8mm" : "",
           features & LENS_FEATURE_BF16 ? " bf16" : "");
    fflush(stdout);
}

int main(void) {
    lens_context *scalar = context_of(1, LENS_ISA_SCALAR, LENS_FEATURE_NONE);
    for (int set = LENS_ISA_SCALAR; set <= LENS_ISA_NEON; set++) {
        lens_isa isa = (lens_isa)set;
        if (!lens_isa_supported(isa)) continue;
        lens_features all = lens_isa_features(isa);
        print_set("on ", isa, all);
        contexts c = contexts_of(isa, all);
        check_vectors(c);
        check_rows(c);
        check_products(c);
        check_attention(c);
        destroy(c);
        // Every set of them.
        for (unsigned features = 0; features <= (unsigned)all; features++) {
            if ((features & ~(unsigned)all) != 0) continue;
            c = contexts_of(isa, (lens_features)features);
            check_features(c, scalar);
            destroy(c);
        }
    }
    print_set("best: ", lens_isa_best(), lens_isa_features(lens_isa_best()));
    printf("bits of products: %016" PRIx64 "\n", bits_of_products(scalar));
    lens_context_destroy(scalar);
    if (complaint_count() > 0) fprintf(stderr, "kernels: %zu complaints\n", complaint_count());
    return complaint_count() > 0;
}
