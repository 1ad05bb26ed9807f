// Names that one process at a time can have, and loses when it ends, however that happens.
//
// Each is the name of a socket without a file, and is known within a network namespace: to all but those in other
// containers.
#pragma once

#include "system/scoped_fd.h"

namespace pagestore {

// The name is ours until the socket is closed. Not open, with errno, where somebody has it (EADDRINUSE), or the system
// allows no such socket.
ScopedFd claim_name(const char* name);

}  // namespace pagestore
