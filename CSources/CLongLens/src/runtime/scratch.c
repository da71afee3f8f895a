#include "runtime/scratch.h"
#include "lens/memory.h"
#include "runtime/context.h"
#include "runtime/memory.h"
#include <assert.h>
#include <stdint.h>

static size_t rounded(size_t bytes) { return round_up(bytes, 4096); }

static bool grow(lens_context *context, size_t thread, size_t bytes) {
    lens_scratch_block *block = &context->scratch[thread];
    if (block->bytes >= bytes) return true;
    if (bytes > SIZE_MAX - 4095) return false;
    context->counters.scratch_bytes -= lens_allocated_size(block->bytes);
    lens_free(block->memory, block->bytes);
    block->memory = lens_allocate(rounded(bytes));
    block->bytes = block->memory == NULL ? 0 : rounded(bytes);
    context->counters.scratch_bytes += lens_allocated_size(block->bytes);
    context->counters.scratch_growths++;
    return block->memory != NULL;
}

bool lens_scratch_take(lens_context *context, size_t threads, size_t bytes) {
    for (size_t thread = 0; thread < threads && thread < context->threads; thread++)
        if (!grow(context, thread, bytes)) return false;
    return true;
}

void *lens_scratch_of(const lens_context *context, size_t thread) {
    assert(thread < context->threads);
    return context->scratch[thread].memory;
}

lens_scratch_need lens_scratch_either(lens_scratch_need a, lens_scratch_need b) {
    return (lens_scratch_need){max(a.first, b.first), max(a.other, b.other)};
}

size_t lens_scratch_need_bytes(lens_scratch_need need, size_t threads) {
    return lens_allocated_size(rounded(need.first)) +
           (min(threads, lens_max_threads) - 1) * lens_allocated_size(rounded(need.other));
}

lens_status lens_scratch_reserve(lens_context *context, lens_scratch_need need) {
    if (!lens_scratch_take(context, 1, need.first)) return LENS_NO_MEMORY;
    for (size_t thread = 1; thread < context->threads; thread++)
        if (!grow(context, thread, need.other)) return LENS_NO_MEMORY;
    return LENS_OK;
}
