#include "memory/tracee/file_plan.h"

#include <algorithm>

#include "system/assert.h"

namespace pagestore {

// What is one open file for certain is paired first, else one that is like another could serve for two. Then a file
// that shares most numbers with one of the snapshot's is taken for it, then any that is like it.
Status FilePlan::match(FileDuplicates& duplicates, const PageTree& needed) {
  GrowingArray<Candidate> candidates;
  if (!users_.resize(now_.all().size())) return Status::no_memory(now_.all().size() * sizeof(uint32_t));
  std::fill(users_.begin(), users_.end(), kNobody);
  uint32_t wanted = 0;
  for (const OpenFile& file : wanted_.all()) {
    if (file.leader != file.number) continue;
    const uint32_t wanted_index = FileDuplicates::is_wanted(file) ? wanted++ : FileDuplicates::kNone;
    if (!sources_.append({&file, nullptr, -1, nullptr, wanted_index})) return Status::no_memory(sizeof(FileSource));
  }
  if (Status status = pair_same(duplicates, needed); !status.is_ok()) return status;
  if (Status status = find_candidates(&candidates); !status.is_ok()) return status;
  for (const Candidate& each : candidates) {
    if (sources_[each.source].now == nullptr && users_[each.now] == kNobody) pair(each.source, each.now);
  }
  pair_rest();
  for (const OpenFile& file : wanted_.all()) {
    FileSource& source = const_cast<FileSource&>(source_of(file));
    if (source.stable == nullptr && is_right(file)) source.stable = now_.find(file.number);
  }
  return Status::ok();
}

// There is one duplicate of each open file: by its number the file of the present list is found.
Status FilePlan::pair_same(FileDuplicates& duplicates, const PageTree& needed) {
  struct Present {
    int duplicate;
    uint32_t now;
  };
  GrowingArray<Present> present;
  const auto is_before = [](const Present& a, const Present& b) { return a.duplicate < b.duplicate; };
  for (uint32_t now = 0; now < now_.all().size(); ++now) {
    const int duplicate = duplicates.present(now);
    if (duplicate >= 0 && !present.append({duplicate, now})) return Status::no_memory(sizeof(Present));
  }
  std::sort(present.begin(), present.end(), is_before);
  for (uint32_t source = 0; source < sources_.size(); ++source) {
    const int duplicate = duplicates.find(needed, sources_[source].wanted_index);
    const auto* const at = std::lower_bound(present.begin(), present.end(), Present{duplicate, 0}, is_before);
    if (duplicate >= 0 && at != present.end() && at->duplicate == duplicate && users_[at->now] == kNobody) {
      pair(source, at->now);
    }
  }
  return Status::ok();
}

Status FilePlan::find_candidates(GrowingArray<Candidate>* candidates) const {
  for (const OpenFile& file : wanted_.all()) {
    const FileSource& source = source_of(file);
    const OpenFile* there = now_.find(file.number);
    if (there == nullptr || !(there->identity == source.wanted->identity)) continue;
    const auto index = static_cast<uint32_t>(&source - sources_.data());
    if (!candidates->append({index, index_of(*now_.find(there->leader)), 1}))
      return Status::no_memory(sizeof(Candidate));
  }
  const auto pair_of = [](const Candidate& each) { return uint64_t{each.source} << 32 | each.now; };
  std::sort(candidates->begin(), candidates->end(),
            [&](const Candidate& a, const Candidate& b) { return pair_of(a) < pair_of(b); });
  size_t count = 0;
  for (size_t i = 0; i < candidates->size(); ++i) {
    if (count > 0 && pair_of((*candidates)[count - 1]) == pair_of((*candidates)[i])) {
      ++(*candidates)[count - 1].numbers;
    } else {
      (*candidates)[count++] = (*candidates)[i];
    }
  }
  static_cast<void>(candidates->resize(count));
  std::sort(candidates->begin(), candidates->end(), [&](const Candidate& a, const Candidate& b) {
    return a.numbers != b.numbers ? a.numbers > b.numbers : pair_of(a) < pair_of(b);
  });
  return Status::ok();
}

void FilePlan::pair(uint32_t source, uint32_t now) {
  sources_[source].now = &now_.all()[now];
  users_[now] = source;
}

void FilePlan::pair_rest() {
  for (uint32_t source = 0; source < sources_.size(); ++source) {
    if (sources_[source].now != nullptr) continue;
    for (const OpenFile& file : now_.all()) {
      const bool is_free = file.leader == file.number && users_[index_of(file)] == kNobody;
      if (!is_free || !(file.identity == sources_[source].wanted->identity)) continue;
      pair(source, index_of(file));
      break;
    }
  }
}

Status FilePlan::check() const {
  for (const FileSource& source : sources_) {
    const OpenFile& wanted = *source.wanted;
    if (source.now == nullptr && source.duplicate < 0) {
      const bool may_have_duplicate = can_be_duplicated(wanted.identity.kind) && wanted.has_lock == 0;
      return Status::files(wanted.number,
                           may_have_duplicate
                               ? "was closed since the snapshot, and this process could not keep a duplicate of it"
                               : "was closed since the snapshot, and cannot be opened again as it was");
    }
    const uint64_t detail = source.now != nullptr ? source.now->detail : wanted.detail;
    if (detail != wanted.detail) {
      return Status::files(wanted.number, "has another count, other members or other locks than at the snapshot");
    }
    if (loses_lock(wanted)) {
      return Status::files(wanted.number, "has a lock that is lost when what was opened since on that file is closed");
    }
  }
  return Status::ok();
}

// A lock of a process ends as soon as any of its descriptors on that file is closed.
bool FilePlan::loses_lock(const OpenFile& wanted) const {
  if (wanted.has_lock == 0) return false;
  const auto now = now_.all();
  const auto is_on_it = [&](const OpenFile& file) {
    return file.identity.inode == wanted.identity.inode && file.identity.device == wanted.identity.device;
  };
  const bool moves = std::any_of(sources_.begin(), sources_.end(), [&](const FileSource& each) {
    return each.stable == nullptr && is_on_it(*each.wanted);
  });
  return moves || std::any_of(now.begin(), now.end(), [&](const OpenFile& file) {
           const OpenFile* stays = is_on_it(file) ? wanted_.find(file.number) : nullptr;
           return is_on_it(file) && (stays == nullptr || !is_right(*stays));
         });
}

const FileSource& FilePlan::source_of(const OpenFile& wanted) const {
  const auto* at =
      std::lower_bound(sources_.begin(), sources_.end(), wanted.leader,
                       [](const FileSource& each, int32_t leader) { return each.wanted->number < leader; });
  PS_ASSERT(at != sources_.end() && at->wanted->number == wanted.leader);
  return *at;
}

bool FilePlan::is_right(const OpenFile& wanted) const {
  const FileSource& source = source_of(wanted);
  const OpenFile* there = now_.find(wanted.number);
  return there != nullptr && source.now != nullptr && there->leader == source.now->number;
}

const FileSource* FilePlan::user_of(const OpenFile& now) const {
  const uint32_t user = users_[index_of(*now_.find(now.leader))];
  return user == kNobody ? nullptr : &sources_[user];
}

int32_t FilePlan::highest_number() const {
  int32_t highest = -1;
  for (const OpenFiles* files : {&now_, &wanted_}) {
    if (!files->all().empty()) highest = std::max(highest, files->all().back().number);
  }
  return highest;
}

}  // namespace pagestore
