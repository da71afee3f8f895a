// The C face of the kernels. Every function that takes a context is a driver: it takes whole tensors, cuts the work by
// shape, spreads it over the context's threads, and gives the same bits for any number of threads on one instruction
// set.
//
// Arguments come in one order: the context, sizes, settings, what is read, what is written. Tensors are row-major fp32.
// B T C NH NKV HS V and M N K have their usual meanings. A driver says how it went; where it does not say LENS_OK,
// nothing was written.
#ifndef CLONGLENS_H
#define CLONGLENS_H

#include "lens/attention.h"
#include "lens/bf16.h"
#include "lens/context.h"
#include "lens/cpu.h"
#include "lens/embedding.h"
#include "lens/gemm.h"
#include "lens/loss.h"
#include "lens/memory.h"
#include "lens/norm.h"
#include "lens/optimizer.h"
#include "lens/peak.h"
#include "lens/quant.h"
#include "lens/rope.h"
#include "lens/scratch.h"
#include "lens/spans.h"
#include "lens/status.h"
#include "lens/vector.h"
#include "lens/weights.h"

#endif
