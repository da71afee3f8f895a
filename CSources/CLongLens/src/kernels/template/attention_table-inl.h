// The table of the attention kernels, from the constants and functions of one instruction set. Include after LENS_END:
// tables are filled on every processor.

static void fill_table(lens_attention_kernels *table) {
    const lens_attention_forward_kernels in_f32 = {forward, pack_lanes, pack_rows, pack_rows};
    *table = (lens_attention_kernels){
        .lanes = tile_lanes,
        .rows = tile_rows,
        .head_multiple = HEAD_MULTIPLE,
        .forward_keys = FORWARD_KEYS,
        .backward_tiles = BACKWARD_TILES,
        .backward_queries = BACKWARD_QUERIES,
        .forward = in_f32,
        .forward_bf16 = in_f32,
        .backward = backward,
        .decode = decode,
        .pack_rows = pack_rows,
        .pack_lanes = pack_lanes,
        .unpack_rows = unpack_rows,
        .unpack_lanes = unpack_lanes,
        .dot = dot,
    };
}
