#include "ptrace/register_cache.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <cerrno>
#include <cstring>

#include "ptrace/requests.h"

namespace pagestore {

namespace {

// Requests that some headers lack.
constexpr auto kGetSignalMask = static_cast<__ptrace_request>(0x420a),
               kSetSignalMask = static_cast<__ptrace_request>(0x420b);
constexpr size_t kMostVectorBytes = 16 << 10;

bool transfer(__ptrace_request request, pid_t thread, unsigned long kind, void* data, size_t* bytes) {
  iovec vector{data, *bytes};
  if (ptrace(request, thread, kind, &vector) != 0) return false;
  *bytes = vector.iov_len;
  return true;
}

#if defined(__x86_64__)

constexpr unsigned long kVectors = NT_X86_XSTATE;

// Where the register of protection keys lies in the vector registers, as the processor says (XSAVE component 9).
size_t offset_of_protection_keys() {
  unsigned size = 0, offset = 0, flags, unused;
  return __get_cpuid_count(0xd, 9, &size, &offset, &flags, &unused) != 0 && size >= sizeof(uint32_t) ? offset : 0;
}

bool read_registers(pid_t thread, X86Registers* registers) {
  if (ptrace(PTRACE_GETREGS, thread, nullptr, registers) != 0) return false;
  registers->clear_null_selectors();
  return true;
}
bool write_registers(pid_t thread, const X86Registers& registers) {
  return ptrace(PTRACE_SETREGS, thread, nullptr, &registers) == 0;
}

#else

constexpr unsigned long kVectors = NT_FPREGSET;

size_t offset_of_protection_keys() {
  return 0;
}

constexpr unsigned long kCallNumber = 0x404;  // NT_ARM_SYSTEM_CALL

bool read_registers(pid_t thread, Arm64Registers* registers) {
  size_t general = offsetof(Arm64Registers, call_number), tls = sizeof(registers->tpidr);
  int number = -1;
  size_t number_bytes = sizeof(number);
  if (!transfer(PTRACE_GETREGSET, thread, NT_PRSTATUS, registers, &general) ||
      !transfer(PTRACE_GETREGSET, thread, kCallNumber, &number, &number_bytes) ||
      !transfer(PTRACE_GETREGSET, thread, NT_ARM_TLS, &registers->tpidr, &tls)) {
    return false;
  }
  registers->call_number = static_cast<uint64_t>(int64_t{number});
  return true;
}
bool write_registers(pid_t thread, const Arm64Registers& registers) {
  Arm64Registers copy = registers;
  size_t general = offsetof(Arm64Registers, call_number), tls = sizeof(copy.tpidr);
  int number = static_cast<int>(copy.call_number);
  size_t number_bytes = sizeof(number);
  return transfer(PTRACE_SETREGSET, thread, NT_PRSTATUS, &copy, &general) &&
         transfer(PTRACE_SETREGSET, thread, kCallNumber, &number, &number_bytes) &&
         transfer(PTRACE_SETREGSET, thread, NT_ARM_TLS, &copy.tpidr, &tls);
}

#endif

}  // namespace

Status RegisterCache::get(Registers** registers) {
  *registers = &registers_;
  if (has_registers_) return Status::ok();
  if (Status status = read_present(); !status.is_ok()) return status;
  registers_ = present_;
  has_registers_ = true;
  return Status::ok();
}

Status RegisterCache::read_present() {
  if (has_present_) return Status::ok();
  if (!read_registers(thread_, &present_)) return refused_request(thread_, "reading registers (PTRACE_GETREGSET)");
  has_present_ = true;
  return Status::ok();
}

Status RegisterCache::check(const Registers& wanted) {
  if (Status status = read_present(); !status.is_ok()) return status;
  const char* obstacle = Registers::obstacle(present_, wanted);
  return obstacle == nullptr ? Status::ok() : Status::system(Error::tracee, obstacle, ENOTSUP);
}

void RegisterCache::set(const Registers& registers) {
  registers_ = registers;
  has_registers_ = is_dirty_ = are_set_ = true;
}

Status RegisterCache::flush(bool has_stepped_back) {
  if (owed_blocked_) {
    if (Status status = set_blocked_signals(*owed_blocked_); !status.is_ok()) return status;
  }
  if (!is_dirty_) return Status::ok();
  const Registers wanted = has_stepped_back ? registers_.stepped_back() : registers_;
  if (Status status = check(wanted); !status.is_ok()) return status;
  if (!write_registers(thread_, wanted)) {
    has_present_ = false;
    return refused_request(thread_, "writing registers (PTRACE_SETREGSET)");
  }
  present_ = wanted;
  is_dirty_ = false;
  return Status::ok();
}

Status RegisterCache::get_vectors(std::span<const std::byte>* vectors) {
  if (!has_vectors_) {
    if (!vectors_.resize(kMostVectorBytes)) return Status::no_memory(kMostVectorBytes);
    size_t bytes = kMostVectorBytes;
    if (!transfer(PTRACE_GETREGSET, thread_, kVectors, vectors_.data(), &bytes)) {
      return refused_request(thread_, "reading vector registers (PTRACE_GETREGSET)");
    }
    static_cast<void>(vectors_.resize(bytes));
    has_vectors_ = true;
  }
  *vectors = {vectors_.data(), vectors_.size()};
  return Status::ok();
}

Status RegisterCache::set_vectors(std::span<const std::byte> vectors) {
  const bool is_same =
      has_vectors_ && vectors.size() == vectors_.size() && memcmp(vectors.data(), vectors_.data(), vectors.size()) == 0;
  if (is_same) return Status::ok();
  has_vectors_ = false;
  if (!vectors_.resize(vectors.size())) return Status::no_memory(vectors.size());
  memcpy(vectors_.data(), vectors.data(), vectors.size());
  size_t bytes = vectors_.size();
  if (!transfer(PTRACE_SETREGSET, thread_, kVectors, vectors_.data(), &bytes)) {
    return refused_request(thread_, "writing vector registers (PTRACE_SETREGSET)");
  }
  has_vectors_ = true;
  return Status::ok();
}

Status RegisterCache::get_blocked_signals(uint64_t* signals) {
  if (owed_blocked_) {
    *signals = *owed_blocked_;
    return Status::ok();
  }
  if (!has_blocked_ && ptrace(kGetSignalMask, thread_, sizeof(blocked_), &blocked_) != 0) {
    return refused_request(thread_, "reading blocked signals (PTRACE_GETSIGMASK)");
  }
  has_blocked_ = true;
  *signals = blocked_;
  return Status::ok();
}

Status RegisterCache::set_blocked_signals(uint64_t signals) {
  if (has_blocked_ && signals == blocked_) return Status::ok();
  has_blocked_ = false;
  owed_blocked_ = signals;
  if (ptrace(kSetSignalMask, thread_, sizeof(signals), &signals) != 0) {
    return refused_request(thread_, "blocking signals (PTRACE_SETSIGMASK)");
  }
  blocked_ = signals;
  has_blocked_ = true;
  owed_blocked_.reset();
  return Status::ok();
}

uint64_t protection_keys(std::span<const std::byte> vectors) {
  static const size_t offset = offset_of_protection_keys();
  uint32_t keys = 0;
  if (offset != 0 && offset + sizeof(keys) <= vectors.size()) memcpy(&keys, vectors.data() + offset, sizeof(keys));
  return keys;
}

}  // namespace pagestore
