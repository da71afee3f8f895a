// The table of the matrix product's kernels, from the constants and functions of one instruction set. Include after
// LENS_END: tables are filled on every processor.

static void fill_table(lens_gemm_kernels *table) {
    *table = (lens_gemm_kernels){
        .MR = MR,
        .NR = NR,
        .pack_b_from = PACK_B_FROM,
        .tile = tile,
        .edge_tile = edge_tile,
        .row = row,
        .pack_a = pack_a,
        .pack_b = pack_b,
    };
}
