// The order in which the backward pass's chunks of queries meet its chunks of keys.
//
// With n chunks, query chunk i and key chunk j meet in round (i + j) mod n. The pieces of a round share neither queries
// nor keys, and a causal round has about half of the n possible pieces, the same in every round. With a window only the
// keys of so many chunks before the queries' own are met. A chunk's shares are added in the order of rounds. Pieces are
// handed out in that order too, so a thread seldom waits for its turn.
#ifndef LENS_ATTENTION_SCHEDULE_H
#define LENS_ATTENTION_SCHEDULE_H
#include <stdbool.h>
#include <stddef.h>

/// A chunk of queries of all heads of a group meets a chunk of keys.
typedef struct lens_attention_meeting {
    size_t kv_head, query_chunk, key_chunk;
} lens_attention_meeting;

typedef struct lens_attention_schedule {
    size_t chunks, NKV;
    size_t reach; // a chunk of queries meets the chunks of keys from `reach` before its own on
} lens_attention_schedule;

/// Number of meetings, among them those of queries with keys that they do not see, which have no work.
size_t lens_attention_meetings(lens_attention_schedule schedule);

/// Meeting number `index`; false where it has no work.
bool lens_attention_meeting_at(lens_attention_schedule schedule, size_t index, lens_attention_meeting *meeting);

/// How many meetings with work the query (key) chunk of this one has before it.
size_t lens_attention_query_turn(lens_attention_schedule schedule, lens_attention_meeting meeting);
size_t lens_attention_key_turn(lens_attention_schedule schedule, lens_attention_meeting meeting);

#endif
