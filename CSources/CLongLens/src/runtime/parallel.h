// What drivers need of parallel regions beside `lens_parallel_for`.
#ifndef LENS_RUNTIME_PARALLEL_H
#define LENS_RUNTIME_PARALLEL_H
#include "lens/context.h"
#include <stdatomic.h>

/// Ordered hand-over: pieces that add to the same place take turns. A turn counter counts the pieces that have had
/// theirs; a piece waits until its number comes up, adds, and passes the turn on.
///
/// A piece may wait only for pieces of lower index. Those were handed out before it, so the wait ends.
typedef _Atomic size_t lens_turn;

void lens_await_turn(const lens_turn *turn, size_t number);
void lens_pass_turn(lens_turn *turn);

#endif
