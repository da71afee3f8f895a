#include "drivers/attention/schedule.h"
#include "sizes.h"

size_t lens_attention_meetings(lens_attention_schedule schedule) {
    return schedule.chunks * schedule.chunks * schedule.NKV;
}

// Round by round; in a round the last chunk of queries comes first.
bool lens_attention_meeting_at(lens_attention_schedule schedule, size_t index, lens_attention_meeting *meeting) {
    size_t n = schedule.chunks, NKV = schedule.NKV, round = index / (n * NKV), i = n - 1 - index / NKV % n;
    size_t j = (round + n - i) % n;
    *meeting = (lens_attention_meeting){.kv_head = index % NKV, .query_chunk = i, .key_chunk = j};
    return j <= i && i - j <= schedule.reach;
}

// In round r query chunk i meets (r - i) mod n: of the keys that it sees first those from n - i on, if there are any,
// then those before.
size_t lens_attention_query_turn(lens_attention_schedule schedule, lens_attention_meeting meeting) {
    size_t n = schedule.chunks, i = meeting.query_chunk, j = meeting.key_chunk;
    size_t lowest = i > schedule.reach ? i - schedule.reach : 0, start = max(lowest, n - i);
    if (i + j >= n) return j - start;
    return (start <= i ? i - start + 1 : 0) + j - lowest;
}

// Key chunk j meets, of the queries that see it, first those from n - j on, then those before.
size_t lens_attention_key_turn(lens_attention_schedule schedule, lens_attention_meeting meeting) {
    size_t n = schedule.chunks, i = meeting.query_chunk, j = meeting.key_chunk;
    size_t highest = min(n - 1, j + min(schedule.reach, n)), start = max(n - j, j);
    if (i + j >= n) return i - start;
    return (start <= highest ? highest - start + 1 : 0) + i - j;
}
