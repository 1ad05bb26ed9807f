#include "linux/file_removal.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "system/scoped_fd.h"

namespace pagestore {

namespace {

bool remove_name(std::string_view path, const WhichFile& file, uint32_t owner, bool is_folder) {
  char text[4096];
  const size_t end = path.rfind('/');
  if (end == std::string_view::npos || path.size() >= sizeof(text) || !file.is_certain()) return false;
  text[path.copy(text, sizeof(text) - 1)] = '\0';
  text[end] = '\0';
  const char* const name = text + end + 1;
  const ScopedFd folder(open(end == 0 ? "/" : text, O_PATH | O_DIRECTORY | O_CLOEXEC));
  FileFacts facts;
  if (!folder.is_open() || *name == '\0') return false;
  if (!read_file_facts(folder.get(), name, &facts, AT_SYMLINK_NOFOLLOW)) return false;
  if (facts.identity != file || facts.owner != owner || S_ISDIR(facts.mode) != is_folder) return false;
  if (!is_folder && (!S_ISREG(facts.mode) || facts.links != 1 || facts.length != 0)) return false;
  return unlinkat(folder.get(), name, is_folder ? AT_REMOVEDIR : 0) == 0;
}

}  // namespace

bool remove_empty_file(std::string_view path, const WhichFile& file, uint32_t owner) {
  return remove_name(path, file, owner, false);
}

bool remove_empty_folder(std::string_view path, const WhichFile& folder, uint32_t owner) {
  return remove_name(path, folder, owner, true);
}

}  // namespace pagestore
