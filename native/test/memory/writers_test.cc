// No tracker assumes who writes to memory: a thread, the kernel for a system call of any thread, an io_uring, another
// process.
#include <fcntl.h>
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <thread>

#include "memory/tracker.h"
#include "support.h"
#include "system/scoped_fd.h"

namespace pagestore::test {
namespace {

constexpr size_t kPages = 256;

// One read at a time, by an io_uring that needs no library.
class Ring {
 public:
  Ring() {
    io_uring_params params{};
    ring_ = ScopedFd(static_cast<int>(syscall(SYS_io_uring_setup, 1, &params)));
    if (!ring_.is_open()) return;
    submitted_ = map(params.sq_off.array + params.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    completed_ = map(params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    entry_ = reinterpret_cast<io_uring_sqe*>(map(sizeof(io_uring_sqe), IORING_OFF_SQES));
    params_ = params;
  }
  bool is_open() const { return ring_.is_open(); }

  // From then on its pages are pinned: `read` with IORING_OP_READ_FIXED writes to them unseen.
  bool register_buffer(std::byte* data, size_t length) {
    const iovec buffer{data, length};
    return syscall(SYS_io_uring_register, ring_.get(), IORING_REGISTER_BUFFERS, &buffer, 1) == 0;
  }

  // How many bytes were read.
  int read(uint8_t operation, int file, std::byte* data, size_t length) {
    *entry_ = {};
    entry_->opcode = operation;
    entry_->fd = file;
    entry_->addr = reinterpret_cast<uint64_t>(data);
    entry_->len = static_cast<uint32_t>(length);
    *at(submitted_, params_.sq_off.array) = 0;
    std::atomic_ref(*at(submitted_, params_.sq_off.tail)).fetch_add(1);
    if (syscall(SYS_io_uring_enter, ring_.get(), 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) != 1) return -1;
    const auto* results = reinterpret_cast<const io_uring_cqe*>(completed_ + params_.cq_off.cqes);
    const uint32_t head = std::atomic_ref(*at(completed_, params_.cq_off.head)).fetch_add(1);
    return results[head & *at(completed_, params_.cq_off.ring_mask)].res;
  }

 private:
  static uint32_t* at(std::byte* ring, uint32_t offset) { return reinterpret_cast<uint32_t*>(ring + offset); }
  std::byte* map(size_t length, uint64_t offset) const {
    return static_cast<std::byte*>(mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_.get(),
                                        static_cast<off_t>(offset)));
  }

  ScopedFd ring_;
  io_uring_params params_{};
  std::byte* submitted_ = nullptr;
  std::byte* completed_ = nullptr;
  io_uring_sqe* entry_ = nullptr;
};

ScopedFd random_bytes() {
  return ScopedFd(open("/dev/urandom", O_RDONLY | O_CLOEXEC));
}

using Writer = std::function<bool(std::byte* page)>;
struct Means {
  const char* name;
  std::function<Writer()> make;  // no writer where this system has none
};

bool write_from_child(std::byte* page, const std::function<bool(pid_t, std::byte*)>& write) {
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child == 0) _exit(write(parent, page) ? 0 : 1);
  int status = 0;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Writer by_processor() {
  return [](std::byte* page) {
    static std::atomic<uint8_t> next = 0;
    page[123] = static_cast<std::byte>(++next);
    return true;
  };
}

Writer by_read() {
  return [file = std::make_shared<ScopedFd>(random_bytes())](std::byte* page) {
    return read(file->get(), page, page_size()) == static_cast<ssize_t>(page_size());
  };
}

Writer by_io_uring() {
  auto ring = std::make_shared<Ring>();
  if (!ring->is_open()) return {};
  return [ring, file = std::make_shared<ScopedFd>(random_bytes())](std::byte* page) {
    return ring->read(IORING_OP_READ, file->get(), page, page_size()) == static_cast<int>(page_size());
  };
}

Writer by_another_process() {
  return [](std::byte* page) {
    return write_from_child(page, [](pid_t pid, std::byte* there) {
      uint64_t value = static_cast<uint64_t>(getpid());
      const iovec from{&value, sizeof value}, to{there, sizeof value};
      return process_vm_writev(pid, &from, 1, &to, 1, 0) == sizeof value;
    });
  };
}

Writer by_file_of_the_process() {
  return [](std::byte* page) {
    return write_from_child(page, [](pid_t pid, std::byte* there) {
      char name[32];
      snprintf(name, sizeof name, "/proc/%d/mem", pid);
      const uint64_t value = static_cast<uint64_t>(getpid());
      return pwrite(open(name, O_RDWR), &value, sizeof value, reinterpret_cast<off_t>(there)) == sizeof value;
    });
  };
}

const Means kMeans[] = {{"processor", by_processor},
                        {"read", by_read},
                        {"io_uring", by_io_uring},
                        {"process_vm_writev", by_another_process},
                        {"proc_mem", by_file_of_the_process}};

// A copy of memory that only takes over what a tracker finds.
class TrackedCopy {
 public:
  explicit TrackedCopy(TrackerKind kind) : memory_(Mapping::anonymous(kPages * page_size())), copy_(memory_.bytes()) {
    memset(memory_.data(), 1, memory_.bytes());
    const auto start = reinterpret_cast<uint64_t>(memory_.data());
    EXPECT_TRUE(ok(Tracker::make(kind, &tracker_)));
    EXPECT_TRUE(ok(tracker_->register_range({start, start + memory_.bytes()})));
    update();
  }
  void update() {
    GrowingArray<AddressRange> runs;
    ASSERT_TRUE(ok(tracker_->scan(Protect::dirty, &runs)));
    for (const AddressRange& run : runs) {
      const size_t from = run.start - reinterpret_cast<uint64_t>(memory_.data());
      memcpy(copy_.data() + from, memory_.data() + from, run.length());
    }
  }
  bool is_equal() const { return memcmp(copy_.data(), memory_.data(), copy_.size()) == 0; }
  std::byte* page(size_t number) { return memory_.data() + number * page_size(); }

 private:
  Mapping memory_;
  Bytes copy_;
  std::unique_ptr<Tracker> tracker_;
};

class Writers : public testing::TestWithParam<std::tuple<TrackerKind, Means>> {
 protected:
  void SetUp() override {
    const auto& [kind, means] = GetParam();
    if (!Tracker::is_supported(kind)) GTEST_SKIP() << "this kernel has no such tracker";
    write_ = means.make();
    if (!write_) GTEST_SKIP() << "this system allows no " << means.name;
    Bytes page(page_size());
    if (!write_(page.data())) GTEST_SKIP() << "this system allows no " << means.name;
  }
  static TrackerKind kind() { return std::get<0>(GetParam()); }
  Writer write_;
};
std::string name_of(const testing::TestParamInfo<Writers::ParamType>& info) {
  const char* kinds[] = {"write_protect", "soft_dirty", "none"};
  const auto& [kind, means] = info.param;
  return std::string(kinds[static_cast<int>(kind)]) + "_by_" + means.name;
}
constexpr TrackerKind kKinds[] = {TrackerKind::write_protect, TrackerKind::soft_dirty, TrackerKind::none};
INSTANTIATE_TEST_SUITE_P(, Writers, testing::Combine(testing::ValuesIn(kKinds), testing::ValuesIn(kMeans)), name_of);

TEST_P(Writers, AreNoticedBetweenTwoScans) {
  TrackedCopy copy(kind());
  for (size_t round = 0; round < 20; ++round) {
    ASSERT_TRUE(write_(copy.page(round * 31 % kPages)));
    ASSERT_TRUE(write_(copy.page(round * 7 % kPages)));
    copy.update();
    ASSERT_TRUE(copy.is_equal()) << "after round " << round;
  }
}

TEST_P(Writers, AreNoticedWhileScansGoOn) {
  if (kind() == TrackerKind::soft_dirty) GTEST_SKIP() << "soft-dirty promises nothing here";
  const std::string means = std::get<1>(GetParam()).name;
  const bool pins = means == "process_vm_writev" || means == "proc_mem";
#ifdef __SANITIZE_THREAD__
  GTEST_SKIP() << "the race is meant";
#endif
  TrackedCopy copy(kind());
  std::atomic<bool> is_done = false, has_written = true;
  std::thread writer([&] {
    for (size_t i = 0; i < 300; ++i) {
      if (!write_(copy.page(i * 31 % kPages))) has_written = false;
    }
    is_done = true;
  });
  while (!is_done) copy.update();
  writer.join();
  // A page that is pinned is written unseen, but not any longer.
  const bool may_miss = kind() == TrackerKind::write_protect && pins;
  for (size_t i = 0; may_miss && i < kPages; ++i) ASSERT_TRUE(write_(copy.page(i)));
  copy.update();
  EXPECT_TRUE(has_written);
  EXPECT_TRUE(copy.is_equal());
}

TEST(PinnedPages, AreNoticedWithoutATracker) {
  TrackedCopy copy(TrackerKind::none);
  Ring ring;
  if (!ring.is_open() || !ring.register_buffer(copy.page(0), kPages * page_size())) {
    GTEST_SKIP() << "this system allows no io_uring";
  }
  const ScopedFd file = random_bytes();
  copy.update();
  ASSERT_EQ(ring.read(IORING_OP_READ_FIXED, file.get(), copy.page(9), page_size()), static_cast<int>(page_size()));
  EXPECT_FALSE(copy.is_equal());
  copy.update();
  EXPECT_TRUE(copy.is_equal());
}

}  // namespace
}  // namespace pagestore::test
