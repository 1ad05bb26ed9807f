// Whether the filters that this process has let a kind of call live: a child makes one.
//
// Of filters nothing is known but how many there are. A process has those of its parent, and may add others; so one
// that has no more than we have, and lives in our container, is taken to have ours. The arguments of the call that is
// tried are such that the kernel refuses it in any case.
#pragma once

#include <cstdint>

namespace pagestore {

// Tried once for each number; later answers are those of the first. False, and tried again, where the system had
// nothing left for a child.
bool survives_call(int64_t number);

}  // namespace pagestore
