#include "drivers/spans.h"
#include "sizes.h"

bool lens_spans_of_rows(lens_spans *spans, size_t T, size_t whole[2]) {
    if (spans->bounds == NULL) {
        whole[0] = 0, whole[1] = T;
        *spans = (lens_spans){1, whole};
        return true;
    }
    if (spans->bounds[0] != 0 || spans->bounds[spans->count] != T) return false;
    for (size_t i = 0; i < spans->count; i++)
        if (spans->bounds[i] > spans->bounds[i + 1]) return false;
    return true;
}

// The last sequence i with bounds[i] / size + i * step of at most `value`.
static size_t last_at_most(lens_spans spans, size_t size, size_t step, size_t value) {
    size_t low = 0, high = spans.count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (spans.bounds[middle] / size + middle * step <= value) low = middle;
        else high = middle;
    }
    return low;
}

size_t lens_span_of_row(lens_spans spans, size_t row) { return last_at_most(spans, 1, 0, row); }

// The number of a sequence's first block leaves room for those of all before, and needs no table: a sequence has at
// most one block more than there are multiples of `size` among its rows.
static size_t first_block(lens_spans spans, size_t size, size_t i) { return spans.bounds[i] / size + i; }

size_t lens_span_blocks(lens_spans spans, size_t size) { return first_block(spans, size, spans.count); }

lens_span_block lens_span_block_at(lens_spans spans, size_t size, size_t index) {
    size_t i = last_at_most(spans, size, 1, index);
    size_t first = spans.bounds[i], last = spans.bounds[i + 1];
    size_t start = min(first + (index - first_block(spans, size, i)) * size, last);
    return (lens_span_block){i, first, last, start, min(start + size, last)};
}
