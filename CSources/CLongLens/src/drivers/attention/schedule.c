#include "drivers/attention/schedule.h"
#include "sizes.h"

size_t lens_attention_meetings(size_t chunks, size_t NKV) { return chunks * chunks * NKV; }

// Round by round; in a round the last chunk of queries comes first.
bool lens_attention_meeting_at(size_t chunks, size_t NKV, size_t index, lens_attention_meeting *meeting) {
    size_t n = chunks, round = index / (n * NKV), i = n - 1 - index / NKV % n, j = (round + n - i) % n;
    *meeting = (lens_attention_meeting){.kv_head = index % NKV, .query_chunk = i, .key_chunk = j};
    return j <= i;
}

// In round r query chunk i meets (r - i) mod n: first the keys n - i ... i, if there are any, then 0 ... n - i - 1.
size_t lens_attention_query_turn(size_t chunks, lens_attention_meeting meeting) {
    size_t n = chunks, i = meeting.query_chunk, j = meeting.key_chunk;
    if (i + j >= n) return i + j - n;
    return (2 * i >= n ? 2 * i + 1 - n : 0) + j;
}

// Key chunk j meets first the queries max(n - j, j) ... n - 1, then j ... n - j - 1.
size_t lens_attention_key_turn(size_t chunks, lens_attention_meeting meeting) {
    size_t n = chunks, i = meeting.query_chunk, j = meeting.key_chunk, start = max(n - j, j);
    if (i + j >= n) return i - start;
    return n - start + i - j;
}
