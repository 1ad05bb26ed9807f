#include "memory/tracee/dead_stack.h"

#include <algorithm>

#include "memory/tracee/thread_stack.h"
#include "snapshot/stored_bytes.h"
#include "system/assert.h"

namespace pagestore {

namespace {

class CodeReader final : public MemoryReader {
 public:
  explicit CodeReader(const TracedProcess& process) : process_(process) {}
  bool read(uint64_t address, std::span<std::byte> bytes) override {
    return process_.read(RemoteAddress(address), bytes.data(), bytes.size()).is_ok();
  }

 private:
  const TracedProcess& process_;
};

// What was captured is here already; what was not reads as zero, which is no return address.
class CapturedReader final : public MemoryReader {
 public:
  CapturedReader(PageStores& stores, const PageTree& memory) : stores_(stores), memory_(memory) {}
  bool read(uint64_t address, std::span<std::byte> bytes) override {
    if (address + bytes.size() < address) return false;
    if (status_.is_ok()) status_ = read_memory(stores_, memory_, address, bytes);
    return status_.is_ok();
  }
  // Why a read failed.
  const Status& status() const { return status_; }

 private:
  PageStores& stores_;
  const PageTree& memory_;
  Status status_ = Status::ok();
};

uint64_t below(uint64_t stack_pointer) {
  return stack_pointer < Registers::kRedZone ? 0 : stack_pointer - Registers::kRedZone;
}

// The code before a thread's first function takes a few words of its stack, or none, or those that the C library put
// there for it: the function and its argument. And a frame ends where its return address would.
bool is_first_frame(uint64_t end, const AddressRange& stack) {
  constexpr uint64_t kMostBefore = 256, kMostBehind = 4 * sizeof(uint64_t);
  return end <= stack.end + kMostBehind && stack.end <= end + kMostBefore;
}

bool has(int signal, uint64_t signals) {
  return signal > 0 && signal <= 64 && (signals >> (signal - 1) & 1) != 0;
}

// Whether the signal cannot come again as long as its handler runs. A frame without SA_SIGINFO may name any signal, but
// hardly one that its handler began to block, or that is blocked where it ended a call.
bool is_kept_out(const SignalFrame& frame, uint64_t blocked) {
  return has(frame.signal, blocked) && (frame.ended_call || !has(frame.signal, frame.blocked));
}

// Decides what a walk proves, part for part from where the thread stopped.
class Proof {
 public:
  Proof(const StackWalk& walk, const AddressRange& stack, uint64_t blocked)
      : walk_(walk), stack_(stack), blocked_(blocked) {}

  bool is_complete() {
    if (!walk_.is_whole || walk_.count == 0) return false;
    const StackPart& last = walk_.last();
    if (!last.rises || !is_own(last) || !is_first_frame(last.end, stack_)) return false;
    lowest_ = last.stack;
    uint64_t run = walk_.parts[0].stack;  // the lowest stack pointer on the stack that the walk is on
    for (size_t i = 0; i + 1 < walk_.count; ++i) {
      const StackPart &part = walk_.parts[i], &next = walk_.parts[i + 1];
      if (!part.rises) return false;
      if (is_own(part)) lowest_ = std::min(lowest_, part.stack);
      const AddressRange& other = part.handled.alternate;
      const bool is_same_stack =
          next.stack > part.end && is_own(part) == is_own(next) && (is_own(part) || is_in(next, other));
      if (is_same_stack) continue;
      if (!is_in(part, other) || !is_kept_out(part.handled, blocked_)) return false;
      if (below(run) > other.start && !is_own(part)) {
        alternate_ = {other.start, below(run)};
        whole_alternate_ = other;
      }
      run = next.stack;
    }
    return true;
  }

  // What is dead of the thread's own stack, and of its alternate one.
  AddressRange own() const { return {stack_.start, std::max(below(lowest_), stack_.start)}; }
  const AddressRange& alternate() const { return alternate_; }
  const AddressRange& whole_alternate() const { return whole_alternate_; }

 private:
  static bool is_in(const StackPart& part, const AddressRange& range) {
    return range.start <= part.stack && part.end <= range.end;
  }
  bool is_own(const StackPart& part) const { return stack_.start <= part.stack && part.stack < stack_.end; }

  const StackWalk& walk_;
  const AddressRange& stack_;
  const uint64_t blocked_;
  uint64_t lowest_ = 0;
  AddressRange alternate_{}, whole_alternate_{};
};

}  // namespace

void DeadStacks::set_mappings(const CurrentMappings& mappings) {
  mappings_ = &mappings;
  has_guard_ = false;
  if (readings_ == mappings.readings()) return;
  readings_ = mappings.readings();
  prepared_threads_ = 0;
  unwinder_.set_code(mappings.regions().bytes(), process_.live_thread());
  contexts_.set_code(mappings.regions().bytes());
}

// A stack that was not known makes all memory be searched, once for all that are new at the same time.
Status DeadStacks::prepare(std::span<const std::byte> threads, PageStores& stores, const PageTree& memory) {
  const size_t count = process_.threads().size();
  if (count < 2 || count == prepared_threads_) return Status::ok();
  CapturedReader captured(stores, memory);
  const StackSources sources{mappings_->regions(), mappings_->first_stack(), captured};
  for (ThreadReader reader(threads); reader.next();) {
    TracedThread* thread;
    const ThreadState& state = reader.state();
    if (Status status = process_.thread(state.thread, &thread); !status.is_ok()) return status;
    const bool is_first = state.thread == process_.pid();
    const std::optional<AddressRange> stack =
        find_thread_stack(sources, *thread, is_first, state.registers.thread_area());
    if (!captured.status().is_ok()) return captured.status();
    if (!stack) continue;
    if (Status status = contexts_.add_stack(*stack); !status.is_ok()) return status;
  }
  prepared_threads_ = count;
  return Status::ok();
}

Status DeadStacks::find(const ThreadState& state, PageStores& stores, const PageTree& memory, DeadStack* dead) {
  PS_ASSERT(mappings_ != nullptr);
  *dead = {};
  if (!has_guard_) {
    Status status = contexts_.set_guard(stores, memory, state.registers.thread_area());
    if (!status.is_ok()) return status;
  }
  has_guard_ = true;
  TracedThread* thread;
  CapturedReader captured(stores, memory);
  if (Status status = process_.thread(state.thread, &thread); !status.is_ok()) return status;
  const StackSources sources{mappings_->regions(), mappings_->first_stack(), captured};
  const bool is_first = state.thread == process_.pid();
  const std::optional<AddressRange> stack =
      find_thread_stack(sources, *thread, is_first, state.registers.thread_area());
  if (!captured.status().is_ok()) return captured.status();
  // The kernel makes one of the stack and another mapping that grows down to it.
  if (!stack || overlap(*stack, process_.growing())) return Status::ok();
  if (process_.last_stop().kind == StopKind::exit) {
    dead->own = *stack;
    return Status::ok();
  }
  CodeReader code(process_);
  FrameRegisters registers;
  registers.values = state.registers.by_dwarf_number();
  registers.instruction = Registers(state.registers).instruction_pointer();
  const StackWalk walk = unwinder_.walk(registers, code, captured);
  if (!captured.status().is_ok()) return captured.status();
  for (size_t i = 0; i < walk.count; ++i) dead->leftovers[i] = walk.parts[i].handled.leftovers;
  Proof proof(walk, *stack, state.blocked_signals);
  if (!proof.is_complete()) return Status::ok();
  dead->own = proof.own();
  dead->alternate = proof.alternate();
  Status status = leave_contexts(state, stores, memory, *stack, &dead->own);
  if (status.is_ok()) status = leave_contexts(state, stores, memory, proof.whole_alternate(), &dead->alternate);
  return status;
}

Status DeadStacks::leave_contexts(const ThreadState& state, PageStores& stores, const PageTree& memory,
                                  const AddressRange& whole, AddressRange* dead) {
  if (dead->length() == 0) return Status::ok();
  CodeReader code(process_);
  const auto kept = state.registers.kept_by_calls();
  const std::span all(reinterpret_cast<const uint64_t*>(&state.registers), sizeof(state.registers) / sizeof(uint64_t));
  const bool calls = state.question == question::Kind::choice;
  SearchedStack searched{whole, *dead, calls ? std::span<const uint64_t>(kept) : all};
  const Status status = contexts_.leave_in_use(stores, memory, code, &searched);
  *dead = searched.dead;
  return status;
}

}  // namespace pagestore
