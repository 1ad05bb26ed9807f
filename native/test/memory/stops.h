// What tests of stops share: the program that stops in all ways, and tests that run twice.
#pragma once

#include "tracing.h"

namespace pagestore::test {

// native/test/programs/stops.c
inline std::vector<std::string> stops(const std::string& what, const std::string& value = "") {
  if (value.empty()) return {program("stops"), what};
  return {program("stops"), what, value};
}

inline std::string text_at(Program& program, RemoteAddress address) {
  const Bytes bytes = program.read(address, 64);
  return {reinterpret_cast<const char*>(bytes.data())};
}

// It ends with that code: about to at first, then it has.
inline void expect_end(Program& program, int64_t code) {
  Stop stop = program.resume();
  EXPECT_TRUE(stopped(stop, StopKind::exit, code));
  EXPECT_FALSE(stop.has_ended);
  stop = program.resume();
  EXPECT_TRUE(stopped(stop, StopKind::exit, code));
  EXPECT_TRUE(stop.has_ended);
  EXPECT_TRUE(refused(program->resume({}, &stop), Error::process_gone));
}

// Each test runs with the system call filter, and without it: then every call stops the program.
class WithAndWithoutFilter : public testing::TestWithParam<bool> {
 protected:
  static Wishes wishes() {
    Wishes wishes;
    wishes.has_filter = GetParam();
    return wishes;
  }
};

inline std::string filter_name(const testing::TestParamInfo<bool>& info) {
  return info.param ? "filter" : "every_call";
}

}  // namespace pagestore::test
