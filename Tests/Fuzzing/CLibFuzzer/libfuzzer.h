/* What libFuzzer gives to a mutator; the toolchain has the engine, but not its header. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/* One of libFuzzer's own mutations, in place: the new size, at most `max_size`. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
