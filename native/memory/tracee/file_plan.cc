#include "memory/tracee/file_plan.h"

#include <algorithm>

#include "system/assert.h"

namespace pagestore {

namespace {

// How many of the descriptors on `wanted` are on `now` too.
size_t shared_numbers(const FilePlan& plan, const OpenFile& wanted, const OpenFile& now) {
  size_t count = 0;
  for (const OpenFile& each : plan.wanted().all()) {
    if (each.leader != wanted.number) continue;
    const OpenFile* there = plan.now().find(each.number);
    if (there != nullptr && there->leader == now.number) ++count;
  }
  return count;
}

}  // namespace

Status FilePlan::match() {
  for (const OpenFile& file : wanted_.all()) {
    if (file.leader != file.number) continue;
    if (!sources_.append({&file, nullptr, -1})) return Status::no_memory(sizeof(FileSource));
    sources_[sources_.size() - 1].now = find_match(file);
  }
  return Status::ok();
}

bool FilePlan::is_taken(const OpenFile& now) const {
  return std::any_of(sources_.begin(), sources_.end(), [&](const FileSource& each) { return each.now == &now; });
}

const OpenFile* FilePlan::find_match(const OpenFile& wanted) const {
  const OpenFile* best = nullptr;
  size_t most = 0;
  for (const OpenFile& file : now_.all()) {
    if (file.leader != file.number || !(file.identity == wanted.identity) || is_taken(file)) continue;
    const size_t count = 1 + shared_numbers(*this, wanted, file);
    if (count <= most) continue;
    most = count;
    best = &file;
  }
  return best;
}

Status FilePlan::check() const {
  for (const FileSource& source : sources_) {
    const OpenFile& wanted = *source.wanted;
    if (source.now == nullptr && source.duplicate < 0) {
      return Status::files(wanted.number, "was closed since the snapshot, and cannot be opened again as it was");
    }
    const uint64_t detail = source.now != nullptr ? source.now->detail : wanted.detail;
    if (detail == wanted.detail) continue;
    return Status::files(wanted.number, "has another count, other members or other locks than at the snapshot");
  }
  return Status::ok();
}

const FileSource& FilePlan::source_of(const OpenFile& wanted) const {
  const auto* at = std::find_if(sources_.begin(), sources_.end(),
                                [&](const FileSource& each) { return each.wanted->number == wanted.leader; });
  PS_ASSERT(at != sources_.end());
  return *at;
}

bool FilePlan::is_right(const OpenFile& wanted) const {
  const FileSource& source = source_of(wanted);
  const OpenFile* there = now_.find(wanted.number);
  return there != nullptr && source.now != nullptr && there->leader == source.now->number;
}

const OpenFile* FilePlan::stable_descriptor(const FileSource& source) const {
  for (const OpenFile& each : wanted_.all()) {
    if (each.leader == source.wanted->number && is_right(each)) return now_.find(each.number);
  }
  return nullptr;
}

int32_t FilePlan::highest_number() const {
  int32_t highest = -1;
  for (const OpenFiles* files : {&now_, &wanted_}) {
    if (!files->all().empty()) highest = std::max(highest, files->all().back().number);
  }
  return highest;
}

}  // namespace pagestore
