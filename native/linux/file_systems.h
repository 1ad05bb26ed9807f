// Which file systems keep the bytes that are written to a regular file, so that they can be read again and put back.
//
// Many files of the kernel (in /proc, /sys, a cgroup) are regular by their mode, and a write there is a command. It
// names those that keep bytes: any other, and one that nobody knows, does not.
#pragma once

#include <string_view>

namespace pagestore {

// Of the file at a path; false where the system does not say.
bool keeps_bytes(const char* path);
// Whether it is memory that only looks like a file.
bool is_memory_file(const char* path);
// Whether it lies over others, so that a file becomes another one when it is first written: only its inode may stay.
bool has_layers(std::string_view path);

}  // namespace pagestore
