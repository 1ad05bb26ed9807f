// Whether the filters that this process has let a kind of call live: a child makes one.
//
// Of filters nothing is known but how many there are. A process has those of its parent, and may add others; so one
// that has no more than we have is taken to have ours. The arguments of the call that is tried are such that the kernel
// refuses it in any case.
#pragma once

#include <cstdint>

namespace pagestore {

// Once for each number; later answers are those of the first.
bool survives_call(int64_t number);

}  // namespace pagestore
