#include "linux/unwind/signal_frame.h"

#include <signal.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include "linux/unwind/saved_vectors.h"
#endif

namespace pagestore {

namespace {

// What a signal handler returns to, and what the kernel put above the stack pointer there.
#if defined(__x86_64__)

constexpr uint8_t kSignalReturn[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};  // mov $15, %rax; syscall
constexpr uint64_t kContext = 0, kRegisters = kContext + 40, kBlocked = kContext + 296, kSignal = kContext + 304;
constexpr size_t kSavedRegisters = 17;
// Of a fault: its error code and its number, then the address that it was about.
constexpr uint64_t kFault = kContext + 192, kFaultBytes = 16, kFaultAddress = kContext + 216;
// r8 to r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, and where the code goes on.
constexpr uint8_t kNumbers[kSavedRegisters] = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, UINT8_MAX};

#else

constexpr uint8_t kSignalReturn[] = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};  // mov x8, #139; svc #0
constexpr uint64_t kSignal = 0, kContext = 128, kBlocked = kContext + 40, kRegisters = kContext + 176 + 8;
constexpr size_t kSavedRegisters = 33;
constexpr uint64_t kFault = 0, kFaultBytes = 0, kFaultAddress = kContext + 176;
// x0 to x30, sp, and where the code goes on.
constexpr uint8_t kNumbers[kSavedRegisters] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,       16,
                                               17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, UINT8_MAX};

#endif

// Of what the kernel says about a signal.
struct SignalNote {
  int32_t signal, error, code;
};

// `stack_t`, of which four bytes are padding.
struct AlternateStack {
  uint64_t start;
  int32_t flags, padding;
  uint64_t length;
};
constexpr uint64_t kAlternate = kContext + 16, kPadding = kAlternate + offsetof(AlternateStack, padding);

// The kernel writes down a fault in each signal's frame, and keeps it until the thread's next one.
void add_earlier_fault(uint64_t at, const SignalNote& note, MemoryReader& stack, Leftovers* leftovers) {
  const bool is_of_fault = note.signal == SIGSEGV || note.signal == SIGBUS || note.signal == SIGFPE ||
                           note.signal == SIGILL || note.signal == SIGTRAP;
  const bool is_fault = is_of_fault && note.code > 0;
  constexpr uint64_t kPageFault = 14;
  uint64_t fault[2] = {0, kPageFault};
  if (kFaultBytes > 0) static_cast<void>(stack.read_value(at + kFault, &fault));
  if (!is_fault) leftovers->add(at + kFault, at + kFault + kFaultBytes);
  if (!is_fault || fault[1] != kPageFault) leftovers->add(at + kFaultAddress, at + kFaultAddress + sizeof(uint64_t));
}

#if defined(__x86_64__)

// Where the kernel began to go down with the frame.
uint64_t top_of_frame(uint64_t at, const SignalFrame& frame) {
  constexpr uint64_t kRedZone = 128;
  const uint64_t below = frame.interrupted.values[kStackRegister] - kRedZone;
  const auto is_on_alternate = [&](uint64_t pointer) {
    return frame.alternate.start < pointer && pointer <= frame.alternate.end;
  };
  return is_on_alternate(at) && !is_on_alternate(below) ? frame.alternate.end : below;
}

// Above the frame lie the registers of vectors.
void add_unwritten(uint64_t at, MemoryReader& stack, SignalFrame* frame) {
  constexpr uint64_t kVectors = kContext + 224, kReserved = kContext + 232, kEnd = kSignal + sizeof(siginfo_t);
  Leftovers& leftovers = frame->leftovers;
  leftovers.add(at + kReserved, at + kBlocked);
  uint64_t start;
  SavedVectors vectors;
  if (!stack.read_value(at + kVectors, &start) || !read_saved_vectors(start, stack, &vectors)) return;
  // So much is lost at most where the one and the other are aligned.
  constexpr uint64_t kMostBelow = 32, kMostAbove = 64;
  const uint64_t frame_end = at + kEnd, top = top_of_frame(at, *frame);
  const bool is_above = frame_end <= start && start - frame_end < kMostBelow;
  const bool is_below = vectors.end() <= top && top - vectors.end() < kMostAbove;
  if (!is_above || !is_below) return;
  leftovers.add(frame_end, start);
  vectors.add_unwritten(&leftovers);
  leftovers.add(vectors.end(), top);
}

#else

// Above the registers lie records, each of which begins with its kind and its length; the last one has neither.
void add_unwritten(uint64_t at, MemoryReader& stack, SignalFrame* frame) {
  constexpr uint64_t kEnd = kRegisters + (kSavedRegisters + 1) * sizeof(uint64_t);
  constexpr uint64_t kRecords = (kEnd + 15) / 16 * 16, kRecordBytes = 4096;
  Leftovers& leftovers = frame->leftovers;
  leftovers.add(at + kBlocked + sizeof(frame->blocked), at + kFaultAddress);
  leftovers.add(at + kEnd, at + kRecords);
  const uint64_t records_end = at + kRecords + kRecordBytes;
  // What does not fit among them (SVE, SME) lies behind the last one, wherever that is.
  constexpr uint32_t kRefersToMore = 0x4558'5401;
  uint32_t header[2];
  for (uint64_t record = at + kRecords; stack.read_value(record, &header); record += header[1]) {
    if (header[0] == 0) {
      leftovers.add(record + sizeof(header), records_end);
      return;
    }
    if (header[0] == kRefersToMore) return;
    if (header[1] < sizeof(header) || header[1] >= records_end - record - sizeof(header)) return;
  }
}

#endif

}  // namespace

bool is_signal_return(MemoryReader& code, uint64_t address) {
  uint8_t bytes[sizeof(kSignalReturn)];
  return code.read(address, std::as_writable_bytes(std::span(bytes))) &&
         memcmp(bytes, kSignalReturn, sizeof(bytes)) == 0;
}

bool read_signal_frame(uint64_t stack_pointer, MemoryReader& stack, SignalFrame* frame) {
  const uint64_t at = stack_pointer;
  AlternateStack alternate;
  uint64_t saved[kSavedRegisters];
  SignalNote note;
  if (!stack.read_value(at + kSignal, &note) || !stack.read_value(at + kAlternate, &alternate) ||
      !stack.read_value(at + kBlocked, &frame->blocked) ||
      !stack.read(at + kRegisters, std::as_writable_bytes(std::span(saved)))) {
    return false;
  }
  frame->signal = note.signal;
  constexpr int32_t kDisabled = 2;
  const bool is_disabled = (alternate.flags & kDisabled) != 0;
  if (is_disabled || !range_of(alternate.start, alternate.length, &frame->alternate).is_ok()) frame->alternate = {};
  for (size_t i = 0; i < kSavedRegisters; ++i) {
    if (kNumbers[i] < kFrameRegisters) frame->interrupted.values[kNumbers[i]] = saved[i];
  }
  frame->interrupted.instruction = saved[kSavedRegisters - 1];
  frame->ended_call = frame->interrupted.values[0] == static_cast<uint64_t>(int64_t{-EINTR});

  add_earlier_fault(at, note, stack, &frame->leftovers);
  frame->leftovers.add(at + kPadding, at + kPadding + sizeof(alternate.padding));
  add_unwritten(at, stack, frame);
  return true;
}

}  // namespace pagestore
