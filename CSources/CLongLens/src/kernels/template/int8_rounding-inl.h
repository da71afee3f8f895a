// Rotation and rounding of what integer products take, in the vector vocabulary; needs, beside what int8-inl.h names,
//   vf_butterfly(vf, stride)      x[i] + x[i + stride] in place of x[i], x[i] - x[i + stride] in place of x[i + stride]
//   vf_minimum(vf)                the least element
//   vi_store_bytes(to, vf)        the VF_WIDTH nearest integers, as bytes
enum { GROUP_VECTORS = lens_group / VF_WIDTH };

typedef struct rounded_group {
    int8_t integers[lens_group_words / WORDS][MR][4 * WORDS]; // WORDS are side by side
    float scale[MR];
    int32_t bias[MR];
} rounded_group;

// 8 times the rotation. Distances fall from 32 to 1 on every instruction set: the order decides about the bits.
LENS_INLINE void rotate(vf x[GROUP_VECTORS]) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < GROUP_VECTORS; i++) x[i] = vf_mul(x[i], vf_load(lens_signs + i * VF_WIDTH));
#pragma clang loop unroll(full)
    for (size_t stride = GROUP_VECTORS / 2; stride > 0; stride /= 2) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < GROUP_VECTORS; i++) {
            if (i & stride) continue;
            vf difference = vf_sub(x[i], x[i + stride]);
            x[i] = vf_add(x[i], x[i + stride]);
            x[i + stride] = difference;
        }
    }
#pragma clang loop unroll(full)
    for (size_t stride = VF_WIDTH / 2; stride > 0; stride /= 2) {
#pragma clang loop unroll(full)
        for (size_t i = 0; i < GROUP_VECTORS; i++) x[i] = vf_butterfly(x[i], stride);
    }
}

// Negated, the largest magnitude so far; not a number where something is not finite.
typedef struct range {
    vf least, defect;
} range;

LENS_INLINE range extend(range r, const vf x[GROUP_VECTORS]) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < GROUP_VECTORS; i++) {
        r.least = vf_min(vf_minus_abs(x[i]), r.least);
        r.defect = vf_fma(x[i], vf_zero(), r.defect);
    }
    return r;
}

// The scale with the rotation's 1/8; `inverse` makes integers.
LENS_INLINE float scale_of(range r, float *inverse) {
    float largest = -vf_minimum(r.least), wrong = vf_sum(r.defect);
    *inverse = largest >= 0x1p-100f && wrong == 0.0f ? 127.0f / largest : 0.0f;
    return largest / 127.0f * 0.125f + wrong;
}

// The sum of the integers; 0 where there are none to be had, as something is not finite or nothing is large enough.
LENS_INLINE int32_t to_integers(const vf x[GROUP_VECTORS], float inverse, int8_t integers[lens_group]) {
    vf sum = vf_zero();
#pragma clang loop unroll(full)
    for (size_t i = 0; i < GROUP_VECTORS; i++) {
        vf whole = vf_round(vf_mul(x[i], vf_set1(inverse)));
        sum = vf_add(sum, whole); // exact
        vi_store_bytes(integers + i * VF_WIDTH, whole);
    }
    return inverse == 0.0f ? 0 : (int32_t)vf_sum(sum);
}

LENS_INLINE void load_group(const float *from, vf x[GROUP_VECTORS]) {
#pragma clang loop unroll(full)
    for (size_t i = 0; i < GROUP_VECTORS; i++) x[i] = vf_load(from + i * VF_WIDTH);
}

LENS_INLINE void round_group(const float *from, size_t i, rounded_group *to) {
    vf x[GROUP_VECTORS];
    load_group(from, x);
    rotate(x);
    float inverse;
    to->scale[i] = scale_of(extend((range){vf_zero(), vf_zero()}, x), &inverse);
    int8_t integers[lens_group];
    to->bias[i] = -128 * to_integers(x, inverse, integers);
#pragma clang loop unroll(full)
    for (size_t k = 0; k < lens_group_words; k++)
        memcpy(to->integers[k / WORDS][i] + k % WORDS * 4, integers + 4 * k, 4);
}

static void round_rows(size_t m, size_t K, const float *a, size_t lda, void *rounded) {
    rounded_group *groups = rounded;
    size_t whole = K / lens_group, rest = K % lens_group;
    if (m < MR) memset(groups, 0, lens_group_count(K) * sizeof *groups);
    for (size_t i = 0; i < m; i++) {
        const float *row = a + i * lda;
        for (size_t g = 0; g < whole; g++) round_group(row + g * lens_group, i, &groups[g]);
        if (rest > 0) {
            float last[lens_group] = {0};
            memcpy(last, row + whole * lens_group, rest * sizeof(float));
            round_group(last, i, &groups[whole]);
        }
    }
}

static void pack_row(size_t K, float *row, size_t lane, void *panel) {
    lens_panel_group *groups = panel;
    size_t count = lens_group_count(K);
    vf x[GROUP_VECTORS];
    range all = {vf_zero(), vf_zero()};
    for (size_t g = 0; g < count; g++) {
        load_group(row + g * lens_group, x);
        rotate(x);
        all = extend(all, x);
#pragma clang loop unroll(full)
        for (size_t i = 0; i < GROUP_VECTORS; i++) vf_store(row + g * lens_group + i * VF_WIDTH, x[i]);
    }
    float inverse;
    ((float *)(groups + count))[lane] = scale_of(all, &inverse);
    for (size_t g = 0; g < count; g++) {
        load_group(row + g * lens_group, x);
        uint32_t words[lens_group_words];
        to_integers(x, inverse, (int8_t *)words);
#pragma clang loop unroll(full)
        for (size_t k = 0; k < lens_group_words; k++) {
            uint32_t word = words[k] ^ 0x80808080u; // plus 128
            memcpy(groups[g][k][lane], &word, sizeof word);
        }
    }
}
