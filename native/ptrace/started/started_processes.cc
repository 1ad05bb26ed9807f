#include "ptrace/started/started_processes.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "linux/proc_file.h"
#include "ptrace/register_cache.h"

namespace pagestore {

StartCall read_start_call(pid_t caller) {
  constexpr uint64_t kUnknown = CLONE_VM | CLONE_FILES;
  uint64_t flags = kUnknown;
  RegisterCache cache(caller);
  Registers* registers;
  if (!cache.get(&registers).is_ok()) return {{true, true}, false};
  const SystemCall call = registers->call();
  if (call.number == SYS_clone) flags = call.arguments[0];
  if (call.number == SYS_clone3) {
    ScopedFd memory;
    const auto at = static_cast<off_t>(call.arguments[0]);
    const bool is_read = open_proc_file(caller, "/proc/PID/mem", O_RDONLY, &memory).is_ok() &&
                         pread(memory.get(), &flags, sizeof(flags), at) == sizeof(flags);
    if (!is_read) flags = kUnknown;
  }
#if defined(SYS_fork)
  if (call.number == SYS_fork) flags = 0;
  if (call.number == SYS_vfork) flags = CLONE_VM;
#endif
  return {{(flags & CLONE_VM) != 0, (flags & CLONE_FILES) != 0}, (flags & CLONE_THREAD) != 0};
}

bool StartedProcesses::add(const StartedProcess& process) {
  if (process.start.shared.any() && !process.is_traced) has_unseen_sharers_ = true;
  return all_.append(process);
}

StartedProcess* StartedProcesses::find_entry(pid_t id) {
  auto* const found =
      std::find_if(all_.begin(), all_.end(), [id](const StartedProcess& each) { return each.id == id; });
  return found != all_.end() ? found : nullptr;
}

const StartedProcess* StartedProcesses::find(pid_t id) const {
  return const_cast<StartedProcesses*>(this)->find_entry(id);
}

void StartedProcesses::remove(pid_t id) {
  for (size_t i = all_.size(); i-- > 0;) {
    if (all_[i].id == id) all_.erase(i, 1);
  }
}

void StartedProcesses::on_exec(pid_t id) {
  if (StartedProcess* process = find_entry(id); process != nullptr) process->start.shared = {};
}

void StartedProcesses::on_parting() {
  for (StartedProcess& each : all_) each.start.shared = {};
  has_unseen_sharers_ = false;
}

bool StartedProcesses::has_sharers() const {
  return has_unseen_sharers_ ||
         std::any_of(all_.begin(), all_.end(), [](const StartedProcess& each) { return each.start.shared.any(); });
}

}  // namespace pagestore
