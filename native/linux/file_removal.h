// Takes away the name of a file or folder that somebody made, where nobody else can miss it.
//
// It never takes away: what is not that file (file_facts.h), or may be another one since the file system does not say;
// a file with another name, with anything in it, or with another owner; a folder with anything in it. The name is
// looked up and taken away in a folder that we hold, so that what becomes of the path between does not matter. The
// kernel has no call that does both at once: what is moved to that name between the two is lost.
#pragma once

#include <string_view>

#include "linux/file_facts.h"

namespace pagestore {

// Whether the name is gone.
bool remove_empty_file(std::string_view path, const WhichFile& file, uint32_t owner);
bool remove_empty_folder(std::string_view path, const WhichFile& folder, uint32_t owner);

}  // namespace pagestore
