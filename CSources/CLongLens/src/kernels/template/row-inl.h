// The row kernels in the vector vocabulary.
#include "exp-inl.h"

#include "elementwise-inl.h"
#include "loss-inl.h"
#include "norm-inl.h"
#include "optimizer-inl.h"
