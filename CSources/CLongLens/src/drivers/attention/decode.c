// Attention of one token over a cache of keys and values: the time is that of reading them. A piece of work is a
// stretch of keys and one key/value head, whose query heads meet them together; its result, with the maximum of its
// scores and the sum of exp2(score - maximum), is kept until all are there. The stretches depend on the shape alone.
#include "drivers/attention/scratch.h"
#include "runtime/context.h"
#include "runtime/scratch.h"
#include "sizes.h"
#include <math.h>

enum {
    block_keys = 256,    // that scores exist of at a time, a multiple of every vector's width
    most_stretches = 64, // of long caches; what is kept of them stays small
};

typedef struct decode_job {
    const lens_context *context;
    const lens_attention_kernels *kernels;
    lens_attention_shape shape;
    size_t HSP, group;
    size_t first;     // key that is seen
    size_t stretch;   // keys of one
    size_t stretches; // that all seen keys are cut into
    const float *q, *k, *v;
    float *out;
    float *parts; // [stretches][NH] of [HSP] values, maximum, sum
} decode_job;

static size_t part_floats(const decode_job *job) { return round_up(job->HSP + 2, 16); }

static float *part_of(const decode_job *job, size_t stretch, size_t head) {
    return job->parts + (stretch * job->shape.NH + head) * part_floats(job);
}

static size_t parts_floats(const decode_job *job, size_t stretches) {
    return stretches * job->shape.NH * part_floats(job);
}

// Of one thread: queries, sums, maxima, scores.
static size_t own_floats(const decode_job *job) {
    return round_up(2 * job->group * job->HSP, 16) + round_up(2 * job->group, 16) + job->group * block_keys + 3 * 16;
}

static void decode_piece(void *argument, size_t index, size_t thread) {
    const decode_job *job = argument;
    const lens_attention_shape s = job->shape;
    size_t kv_head = index % s.NKV, stretch = index / s.NKV, group = job->group, HSP = job->HSP;
    // Thread 0 has the parts in front.
    float *own = lens_scratch_of(job->context, thread);
    if (thread == 0) own += parts_floats(job, job->stretches);
    float *q = lens_scratch_floats(&own, group * HSP), *out = lens_scratch_floats(&own, group * HSP);
    float *maximum = lens_scratch_floats(&own, group), *sum = lens_scratch_floats(&own, group);
    float *scores = lens_scratch_floats(&own, group * block_keys);
    const float *from = job->q + kv_head * group * s.HS, factor = s.scale * (float)M_LOG2E;
    for (size_t g = 0; g < group; g++) {
        for (size_t d = 0; d < HSP; d++) {
            q[g * HSP + d] = d < s.HS ? from[g * s.HS + d] * factor : 0;
            out[g * HSP + d] = 0;
        }
        maximum[g] = -INFINITY, sum[g] = 0;
    }
    size_t start = job->first + stretch * job->stretch, end = min(start + job->stretch, s.T);
    for (size_t key = start; key < end; key += block_keys) {
        size_t row = (key * s.NKV + kv_head) * s.HS;
        lens_attention_decode_tile t = {
            .q = q,
            .k = job->k + row,
            .v = job->v + row,
            .HS = s.HS,
            .HSP = HSP,
            .queries = group,
            .keys = min(block_keys, end - key),
            .stride = s.NKV * s.HS,
            .s = scores,
            .s_stride = block_keys,
            .maximum = maximum,
            .sum = sum,
            .out = out,
        };
        job->kernels->decode(&t);
    }
    for (size_t g = 0; g < group; g++) {
        float *part = part_of(job, stretch, kv_head * group + g);
        for (size_t d = 0; d < HSP; d++) part[d] = out[g * HSP + d];
        part[HSP] = maximum[g], part[HSP + 1] = sum[g];
    }
}

// One head's parts become its output.
static void merge(const decode_job *job, size_t head) {
    size_t HSP = job->HSP;
    float *result = part_of(job, 0, head), maximum = result[HSP], sum = 0;
    for (size_t i = 1; i < job->stretches; i++) maximum = fmaxf(maximum, part_of(job, i, head)[HSP]);
    for (size_t i = 0; i < job->stretches; i++) {
        const float *part = part_of(job, i, head);
        float factor = exp2f(part[HSP] - maximum);
        sum += part[HSP + 1] * factor;
        for (size_t d = 0; d < HSP; d++) result[d] = (i == 0 ? 0 : result[d]) + part[d] * factor;
    }
    float *out = job->out + head * job->shape.HS, factor = 1 / sum;
    for (size_t d = 0; d < job->shape.HS; d++) out[d] = result[d] * factor;
}

static decode_job plan(const lens_context *context, lens_attention_shape shape) {
    const lens_attention_kernels *kernels = &context->kernels->attention;
    return (decode_job){
        .context = context,
        .kernels = kernels,
        .shape = shape,
        // Whole cache lines, and whole vectors of all instruction sets.
        .HSP = round_up(shape.HS, 16),
        .group = shape.NH / shape.NKV,
    };
}

lens_scratch_need lens_attention_decode_scratch(const lens_context *context, lens_attention_shape shape) {
    decode_job job = plan(context, shape);
    size_t own = own_floats(&job) * sizeof(float);
    return (lens_scratch_need){parts_floats(&job, most_stretches) * sizeof(float) + own, own};
}

lens_status lens_attention_decode(lens_context *context, lens_attention_shape shape, const float *q, const float *k,
                                  const float *v, float *out) {
    if (shape.T == 0) return LENS_INVALID;
    if (shape.NH == 0) return LENS_OK;
    decode_job job = plan(context, shape);
    job.q = q, job.k = k, job.v = v, job.out = out;
    size_t seen = min(shape.T, (size_t)lens_attention_window(shape));
    job.first = shape.T - seen;
    job.stretch = block_keys * ceil_div(seen, block_keys * most_stretches);
    job.stretches = ceil_div(seen, job.stretch);
    lens_status status = lens_scratch_reserve(context, lens_attention_decode_scratch(context, shape));
    if (status != LENS_OK) return status;
    job.parts = lens_scratch_of(context, 0);
    lens_parallel_for(context, job.stretches * shape.NKV, decode_piece, &job);
    for (size_t head = 0; head < shape.NH; head++) merge(&job, head);
    return LENS_OK;
}
