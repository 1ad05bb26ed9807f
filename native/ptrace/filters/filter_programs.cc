#include "ptrace/filters/filter_programs.h"

#include <cstring>

#include "ptrace/filters/filter_program.h"

namespace pagestore {

Status FilterPrograms::add(std::span<const sock_filter> program) {
  for (size_t i = 0; i < ends_.size(); ++i) {
    const std::span<const sock_filter> each = this->program(i);
    if (each.size() == program.size() && memcmp(each.data(), program.data(), program.size_bytes()) == 0) {
      return Status::ok();
    }
  }
  if (!steps_.append(program) || !ends_.append(steps_.size())) return Status::no_memory(program.size_bytes());
  return Status::ok();
}

Status FilterPrograms::add_all(const FilterPrograms& other) {
  for (size_t i = 0; i < other.ends_.size(); ++i) {
    if (Status status = add(other.program(i)); !status.is_ok()) return status;
  }
  return Status::ok();
}

void FilterPrograms::clear() {
  steps_.clear();
  ends_.clear();
}

std::span<const sock_filter> FilterPrograms::program(size_t i) const {
  const size_t start = i == 0 ? 0 : ends_[i - 1];
  return {steps_.data() + start, ends_[i] - start};
}

bool FilterPrograms::allow(const SystemCall& call, CallNeed need) const {
  const seccomp_data data = filtered_call(call);
  for (size_t i = 0; i < ends_.size(); ++i) {
    const auto answer = answer_of_filter(program(i), data);
    if (!answer || !(need == CallNeed::is_made ? is_made(*answer) : is_harmless(*answer))) return false;
  }
  return true;
}

}  // namespace pagestore
