// What attention on NEON has in every arithmetic.
enum { tile_rows = 8, tile_vectors = 3, tile_lanes = tile_vectors * VF_WIDTH, wide_rows = 4, wide_vectors = 4 };
enum { HEAD_MULTIPLE = tile_rows, FORWARD_KEYS = 96, BACKWARD_TILES = 6, BACKWARD_QUERIES = 64 };

#include "kernels/template/probability-inl.h"
