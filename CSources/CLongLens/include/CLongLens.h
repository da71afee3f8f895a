// The C face of the kernels. Every function here is a driver: it takes whole tensors, cuts the work by shape,
// spreads it over the threads, and gives the same bits for any number of threads on one instruction set.
// Tensors are row-major fp32. B T C NH NKV HS V and M N K have their usual meanings.
#ifndef CLONGLENS_H
#define CLONGLENS_H

#include "attention.h"
#include "cpu.h"
#include "embedding.h"
#include "gemm.h"
#include "loss.h"
#include "memory.h"
#include "norm.h"
#include "optimizer.h"
#include "parallel.h"
#include "quant.h"
#include "rope.h"
#include "vector.h"

#endif
