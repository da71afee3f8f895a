// The table of the row kernels. Include after LENS_END: tables are filled on every processor.

static void fill_table(lens_row_kernels *table) {
    *table = (lens_row_kernels){
        .add = add,
        .exp = exponential,
        .swiglu = swiglu,
        .swiglu_backward = swiglu_backward,
        .sum_of_squares = sum_of_squares,
        .first_nonfinite = first_nonfinite,
        .rmsnorm = rmsnorm,
        .rmsnorm_backward = rmsnorm_backward,
        .rope = rope,
        .sum_exp = sum_exp,
        .scaled_softmax = scaled_softmax,
        .adamw = adamw,
    };
}
