// The order in which the backward pass's chunks of queries meet its chunks of keys.
//
// With n chunks, query chunk i and key chunk j meet in round (i + j) mod n. The pieces of a round share neither queries
// nor keys, and a causal round has about half of the n possible pieces, the same in every round. A chunk's shares are
// added in the order of rounds. Pieces are handed out in that order too, so a thread seldom waits for its turn.
#ifndef LENS_ATTENTION_SCHEDULE_H
#define LENS_ATTENTION_SCHEDULE_H
#include <stdbool.h>
#include <stddef.h>

/// A chunk of queries of all heads of a group meets a chunk of keys.
typedef struct lens_attention_meeting {
    size_t kv_head, query_chunk, key_chunk;
} lens_attention_meeting;

/// Number of meetings, among them those of queries with later keys, which have no work.
size_t lens_attention_meetings(size_t chunks, size_t NKV);

/// Meeting number `index`; false where it has no work.
bool lens_attention_meeting_at(size_t chunks, size_t NKV, size_t index, lens_attention_meeting *meeting);

/// How many meetings with work the query (key) chunk of this one has before it.
size_t lens_attention_query_turn(size_t chunks, lens_attention_meeting meeting);
size_t lens_attention_key_turn(size_t chunks, lens_attention_meeting meeting);

#endif
