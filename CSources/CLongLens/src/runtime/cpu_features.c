#include "lens/cpu.h"
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#if defined(__aarch64__) && defined(__linux__)
#include <sys/auxv.h>
#endif

#if defined(__x86_64__)
#include <cpuid.h>

static uint64_t extended_control_register(void) {
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return ((uint64_t)high << 32) | low;
}

static lens_features avx2_features, avx512_features;

static void detect_features(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return;
    if ((c >> 11) & 1) avx512_features = LENS_FEATURE_VNNI;
    if (a < 1 || !__get_cpuid_count(7, 1, &a, &b, &c, &d)) return;
    if ((a >> 4) & 1) avx2_features = LENS_FEATURE_VNNI;
    if ((a >> 5) & 1) avx512_features |= LENS_FEATURE_BF16;
}

static lens_isa detect(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return LENS_ISA_SCALAR;
    bool os_saves = (c >> 27) & 1, avx = (c >> 28) & 1, fma = (c >> 12) & 1, f16c = (c >> 29) & 1;
    if (!os_saves || !avx || !fma || !f16c) return LENS_ISA_SCALAR;
    uint64_t saved = extended_control_register();
    if ((saved & 0x6) != 0x6) return LENS_ISA_SCALAR; // XMM and YMM state
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !((b >> 5) & 1)) return LENS_ISA_SCALAR;
    bool f = (b >> 16) & 1, dq = (b >> 17) & 1, bw = (b >> 30) & 1, vl = (b >> 31) & 1;
    bool wide_state = (saved & 0xe6) == 0xe6; // and opmask, upper ZMM, ZMM16-31
    return f && dq && bw && vl && wide_state ? LENS_ISA_AVX512 : LENS_ISA_AVX2;
}

static lens_features features_of(lens_isa isa) {
    return isa == LENS_ISA_AVX512 ? avx512_features : isa == LENS_ISA_AVX2 ? avx2_features : LENS_FEATURE_NONE;
}
#elif defined(__aarch64__)
// Every AArch64 processor has it, multiply-adds among it.
static lens_isa detect(void) { return LENS_ISA_NEON; }

static lens_features neon_features;

// What the system tells of the processor, where we know how to ask.
static void detect_features(void) {
#ifdef __linux__
    enum { dotprod = 20, i8mm = 13, bf16 = 14 }; // HWCAP_ASIMDDP, HWCAP2_I8MM, HWCAP2_BF16
    unsigned long first = getauxval(AT_HWCAP), second = getauxval(AT_HWCAP2);
    if ((first >> dotprod) & 1) neon_features = LENS_FEATURE_DOTPROD;
    if ((second >> i8mm) & 1) neon_features |= LENS_FEATURE_I8MM;
    if ((second >> bf16) & 1) neon_features |= LENS_FEATURE_BF16;
#endif
}

static lens_features features_of(lens_isa isa) { return isa == LENS_ISA_NEON ? neon_features : LENS_FEATURE_NONE; }
#else
static lens_isa detect(void) { return LENS_ISA_SCALAR; }
static void detect_features(void) {}
static lens_features features_of(lens_isa isa) {
    (void)isa;
    return LENS_FEATURE_NONE;
}
#endif

static lens_isa best;
static pthread_once_t best_once = PTHREAD_ONCE_INIT;
static void find_best(void) {
    best = detect();
    detect_features();
}

lens_isa lens_isa_best(void) {
    pthread_once(&best_once, find_best);
    return best;
}

lens_features lens_isa_features(lens_isa isa) { return lens_isa_supported(isa) ? features_of(isa) : LENS_FEATURE_NONE; }

bool lens_isa_supported(lens_isa isa) {
    if (isa == LENS_ISA_SCALAR) return true;
    if (isa == LENS_ISA_NEON) return lens_isa_best() == LENS_ISA_NEON;
    return (isa == LENS_ISA_AVX2 || isa == LENS_ISA_AVX512) && lens_isa_best() != LENS_ISA_NEON &&
           isa <= lens_isa_best();
}

const char *lens_isa_name(lens_isa isa) {
    switch (isa) {
    case LENS_ISA_SCALAR: return "scalar";
    case LENS_ISA_AVX2: return "avx2";
    case LENS_ISA_AVX512: return "avx512";
    case LENS_ISA_NEON: return "neon";
    }
    return "unknown";
}

static lens_caches caches;
static pthread_once_t caches_once = PTHREAD_ONCE_INIT;

static void ask_system_configuration(void) {
#ifdef _SC_LEVEL1_DCACHE_SIZE
    long l1 = sysconf(_SC_LEVEL1_DCACHE_SIZE), l2 = sysconf(_SC_LEVEL2_CACHE_SIZE), l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
    caches = (lens_caches){l1 > 0 ? (size_t)l1 : 0, l2 > 0 ? (size_t)l2 : 0, l3 > 0 ? (size_t)l3 : 0};
#endif
}

#ifdef __linux__
// One word of /sys/devices/system/cpu/cpu0/cache/index<index>/<name>.
static bool read_cache_word(int index, const char *name, char word[32]) {
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu0/cache/index%d/%s", index, name);
    FILE *file = fopen(path, "r");
    if (file == NULL) return false;
    bool got = fscanf(file, "%31s", word) == 1;
    fclose(file);
    return got;
}

// The kernel says what one instance of a cache holds; the C library may count all instances of a processor.
static void read_system_files(void) {
    char level[32], type[32], size[32], unit;
    for (int index = 0; read_cache_word(index, "level", level); index++) {
        size_t amount;
        if (!read_cache_word(index, "type", type) || !read_cache_word(index, "size", size)) continue;
        if (strcmp(type, "Instruction") == 0 || sscanf(size, "%zu%c", &amount, &unit) != 2) continue;
        amount <<= unit == 'K' ? 10 : unit == 'M' ? 20 : 0;
        if (level[0] == '1') caches.l1_data = amount;
        if (level[0] == '2') caches.l2 = amount;
        if (level[0] == '3') caches.l3 = amount;
    }
}
#else
static void read_system_files(void) {}
#endif

static void find_caches(void) {
    ask_system_configuration();
    read_system_files();
}

lens_caches lens_cache_sizes(void) {
    pthread_once(&caches_once, find_caches);
    return caches;
}
