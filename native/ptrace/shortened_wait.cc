#include "ptrace/shortened_wait.h"

#include <algorithm>
#include <cstring>

namespace pagestore {

namespace {

struct Time {
  int64_t seconds, rest;
};

Time time_of(int64_t nanoseconds, int64_t fraction) {
  constexpr int64_t kSecond = 1'000'000'000;
  return {nanoseconds / kSecond, (nanoseconds % kSecond + fraction - 1) / fraction};
}

// What the argument is to point to; false if there is no such thing.
bool fill(const RemoteMemory& memory, const WaitLimit& limit, int64_t left, uint64_t argument, ShortenedWait* wait) {
  Time time = time_of(left, limit.form == LimitForm::timeval ? 1'000 : 1);
  std::byte* to = wait->after.data();
  if (limit.form == LimitForm::ring) {
    constexpr size_t kStruct = 24, kPointer = 16;
    static_assert(kStruct + sizeof(time) <= std::tuple_size_v<ShortenedWait::Bytes>);
    if (!memory.read(RemoteAddress(argument), to, kStruct).is_ok()) return false;
    const uint64_t pointer = wait->address.value() + kStruct;
    memcpy(to + kPointer, &pointer, sizeof(pointer));
    to += kStruct;
  }
  memcpy(to, &time, sizeof(time));
  return true;
}

}  // namespace

bool shorten_wait(const RemoteMemory& memory, const WaitLimit& limit, int64_t left, Registers* registers,
                  ShortenedWait* shortened) {
  *shortened = {};
  if (limit.form == LimitForm::received || limit.form == LimitForm::sent) return false;
  const SystemCall call = registers->is_in_call() ? registers->call() : registers->next_call();
  shortened->argument = call.arguments[limit.argument];
  if (limit.form == LimitForm::milliseconds) {
    constexpr int64_t kMillisecond = 1'000'000;
    registers->set_argument(limit.argument, static_cast<uint64_t>((left + kMillisecond - 1) / kMillisecond));
    return true;
  }
  constexpr uint64_t kAlignment = 16;
  ShortenedWait wait = *shortened;
  wait.address = RemoteAddress((registers->stack() - Registers::kRedZone - wait.after.size()) & ~(kAlignment - 1));
  if (!memory.read(wait.address, wait.before.data(), wait.before.size()).is_ok()) return false;
  wait.after = wait.before;
  if (!fill(memory, limit, left, wait.argument, &wait)) return false;
  if (!memory.write(wait.address, wait.after.data(), wait.after.size()).is_ok()) return false;
  registers->set_argument(limit.argument, wait.address.value());
  *shortened = wait;
  return true;
}

void put_back(const RemoteMemory& memory, const ShortenedWait& shortened) {
  ShortenedWait::Bytes now;
  if (shortened.address.is_null() || !memory.read(shortened.address, now.data(), now.size()).is_ok()) return;
  if (now == shortened.after) {
    static_cast<void>(memory.write(shortened.address, shortened.before.data(), shortened.before.size()));
  }
}

}  // namespace pagestore
