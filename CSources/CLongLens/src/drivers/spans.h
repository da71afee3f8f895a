// Which rows are whose, where several sequences lie in one tensor.
#ifndef LENS_DRIVERS_SPANS_H
#define LENS_DRIVERS_SPANS_H
#include "lens/spans.h"
#include <stdbool.h>

/// Whether the spans are those of T rows. NULL bounds become `whole`, which lives as long as they are used.
bool lens_spans_of_rows(lens_spans *spans, size_t T, size_t whole[2]);

/// The sequence that holds `row`.
size_t lens_span_of_row(lens_spans spans, size_t row);

/// Blocks of `size` rows, of which none holds rows of two sequences: as many as lens_span_blocks, some of them empty.
size_t lens_span_blocks(lens_spans spans, size_t size);

/// Rows [start, end) of block `index`, which lie in the sequence of rows [first, last).
typedef struct lens_span_block {
    size_t sequence, first, last, start, end;
} lens_span_block;

lens_span_block lens_span_block_at(lens_spans spans, size_t size, size_t index);

#endif
