// What a seccomp filter answers to a system call: the program of it, run by us as the kernel runs it.
//
// A value: nothing here asks the kernel. The program comes from another process; one that does what no filter may do
// (it reads outside of what it is given, jumps out of itself) has no answer, nor has one that asks where the call is
// made.
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>

#include <cstdint>
#include <optional>
#include <span>

#include "ptrace/system_call.h"

namespace pagestore {

// As a filter sees a call that is made in our interface.
seccomp_data filtered_call(const SystemCall& call);

// SECCOMP_RET_…, with its data.
std::optional<uint32_t> answer_of_filter(std::span<const sock_filter> program, const seccomp_data& call);

// Whether a thread that gets this answer lives on, and the call is either made or refused.
bool is_harmless(uint32_t answer);
// Whether the call is made.
bool is_made(uint32_t answer);

}  // namespace pagestore
