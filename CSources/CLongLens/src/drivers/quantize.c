// Encoding of rows in number formats, all threads together.
#include "lens/quant.h"
#include "runtime/context.h"
#include "sizes.h"

enum { elements_of_piece = 4096 };

typedef struct encoding {
    size_t count, K, rows; // rows of a piece
    int type;
    const float *source;
    const size_t *order;
    char *destination;
} encoding;

static void piece(void *argument, size_t index, size_t thread) {
    (void)thread;
    const encoding *x = argument;
    size_t row_bytes = x->K / lens_type_block_elements(x->type) * lens_type_block_bytes(x->type);
    size_t end = min((index + 1) * x->rows, x->count);
    for (size_t row = index * x->rows; row < end; row++) {
        size_t from = x->order == NULL ? row : x->order[row];
        lens_quantize(x->K, x->type, x->source + from * x->K, x->destination + row * row_bytes);
    }
}

lens_status lens_quantize_rows(lens_context *context, size_t count, size_t K, int type, const float *source,
                               const size_t *order, void *destination) {
    // Of nothing, to ask whether the type can be written.
    if (!lens_quantize(0, type, source, destination) || K == 0 || K % lens_type_block_elements(type) != 0)
        return LENS_INVALID;
    encoding x = {count, K, max(1, elements_of_piece / K), type, source, order, destination};
    lens_parallel_for(context, ceil_div(count, x.rows), piece, &x);
    return LENS_OK;
}
