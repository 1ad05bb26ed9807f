// A traced process by itself, without anything that captures it.
#include "ptrace/traced_process.h"

#include <signal.h>
#include <sys/syscall.h>

#include <string>
#include <vector>

#include "ptrace/launch.h"
#include "support.h"

namespace pagestore::test {
namespace {

class TracedProcesses : public testing::TestWithParam<bool> {
 protected:
  void start(const std::string& program, std::vector<std::string> args) {
    std::string file = std::string(PAGESTORE_PROGRAMS) + "/" + program;
    std::vector<char*> list = {file.data()};
    for (std::string& arg : args) list.push_back(arg.data());
    list.push_back(nullptr);
    char* env[] = {nullptr};
    LaunchOptions options;
    options.file = file.c_str();
    options.args = list.data();
    options.env = env;
    options.streams = {std::nullopt, std::nullopt, 2};
    options.has_filter = GetParam();
    ASSERT_TRUE(ok(launch(options, &process_)));
  }
  Stop resume(const RunOptions& options = {}) {
    Stop stop;
    EXPECT_TRUE(ok(process_.resume(options, &stop)));
    EXPECT_TRUE(process_.thread_table().is_valid());
    return stop;
  }

  TracedProcess process_;
};
INSTANTIATE_TEST_SUITE_P(, TracedProcesses, testing::Bool(),
                         [](const auto& info) { return info.param ? "filter" : "every_call"; });

TEST_P(TracedProcesses, RunToTheirEnd) {
  start("stops", {"exit", "3"});
  Stop stop = resume();
  EXPECT_EQ(stop.kind, StopKind::exit);
  EXPECT_EQ(stop.value, 3);
  EXPECT_FALSE(stop.has_ended);
  stop = resume();
  EXPECT_EQ(stop.kind, StopKind::exit);
  EXPECT_TRUE(stop.has_ended);
  EXPECT_TRUE(process_.has_ended());
  EXPECT_TRUE(refused(process_.check(), Error::process_gone));
}

TEST_P(TracedProcesses, MakeCallsForUsAndDoNotNotice) {
  start("stops", {"choice"});
  ASSERT_EQ(resume().kind, StopKind::choice);
  TracedThread* thread;
  Registers* registers;
  ASSERT_TRUE(ok(process_.thread({}, &thread)));
  ASSERT_TRUE(ok(thread->get_registers(&registers)));
  const Registers before = *registers;
  for (int i = 0; i < 5; ++i) {
    int64_t result = 0;
    ASSERT_TRUE(ok(process_.call({SYS_getpid, {}}, &result)));
    EXPECT_EQ(result, process_.pid());
    // An error is a result.
    ASSERT_TRUE(ok(process_.call({SYS_close, {UINT64_MAX}}, &result)));
    EXPECT_EQ(result, -EBADF);
  }
  ASSERT_TRUE(ok(thread->get_registers(&registers)));
  EXPECT_EQ(memcmp(registers, &before, sizeof(before)), 0);
  EXPECT_TRUE(thread->asks(question::Kind::choice));
  RunOptions options;
  options.choose = 2;
  EXPECT_EQ(resume(options).kind, StopKind::choice);
}

TEST_P(TracedProcesses, KeepAValidTableWhileThreadsComeAndGo) {
  start("stops", {"threads-spin"});
  for (int i = 0; i < 200; ++i) {
    const Stop stop = resume();
    ASSERT_TRUE(stop.kind == StopKind::clone || stop.kind == StopKind::thread_exit);
    for (const TracedThread* thread : process_.threads()) EXPECT_FALSE(thread->is_running());
  }
  process_.kill();
  EXPECT_TRUE(process_.thread_table().is_valid());
}

TEST_P(TracedProcesses, NoteWhatChangesTheirMemory) {
  start("stops", {"choice"});
  process_.mark_known();
  EXPECT_FALSE(process_.has_run());
  const uint64_t value = 1;
  TracedThread* thread;
  Registers* registers;
  ASSERT_TRUE(ok(process_.thread({}, &thread)));
  ASSERT_TRUE(ok(thread->get_registers(&registers)));
  ASSERT_TRUE(ok(process_.write(RemoteAddress(registers->stack()) - 512, &value, sizeof(value))));
  EXPECT_TRUE(process_.has_run());
  EXPECT_FALSE(process_.has_changed_mappings());
  uint64_t got = 0;
  ASSERT_TRUE(ok(process_.read(RemoteAddress(registers->stack()) - 512, &got, sizeof(got))));
  EXPECT_EQ(got, value);
}

}  // namespace
}  // namespace pagestore::test
