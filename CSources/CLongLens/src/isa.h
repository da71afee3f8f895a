// Function-scoped instruction sets: LENS_BEGIN_AVX2 ... LENS_END around kernel code, after all system headers
// (inline functions of a header must not take the attribute).
#ifndef LENS_ISA_H
#define LENS_ISA_H

#if defined(__x86_64__)
#define LENS_X86 1
#endif
#if defined(__aarch64__)
#define LENS_ARM64 1
#endif

#define LENS_BEGIN_AVX2 _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c\"))), apply_to = function)")
// evex512 is not named: compilers disagree on whether it exists, and avx512f implies it.
#define LENS_BEGIN_AVX512 \
    _Pragma("clang attribute push(__attribute__((target(\"avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512dq\"))), apply_to = function)")
#define LENS_END _Pragma("clang attribute pop")

#endif
