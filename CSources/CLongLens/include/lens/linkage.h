// C linkage of what stands between the two, for programs in C++.
#ifndef LENS_LINKAGE_H
#define LENS_LINKAGE_H

#ifdef __cplusplus
#define LENS_BEGIN_C extern "C" {
#define LENS_END_C }
#else
#define LENS_BEGIN_C
#define LENS_END_C
#endif

#endif
