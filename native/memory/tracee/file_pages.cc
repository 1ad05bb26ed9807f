#include "memory/tracee/file_pages.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "snapshot/page_capture.h"
#include "system/old_glibc.h"
#include "system/page_size.h"

namespace pagestore {

namespace {

constexpr uint64_t kMostFilePages = uint64_t{1} << 16;  // of one file
constexpr VirtualPage kRoom = VirtualPage{1} << kFilePageBits;

VirtualPage last_of(const FilePart& part) {
  return part.first + (kRoom - 1);
}

// Reads the page, or as much of it as there is; what follows is zero.
bool read_page(int descriptor, uint64_t offset, std::byte* to) {
  size_t done = 0;
  while (done < page_size()) {
    const ssize_t got = pread(descriptor, to + done, page_size() - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  memset(to + done, 0, page_size() - done);
  return true;
}

bool write_bytes(int descriptor, uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return false;
    bytes = bytes.subspan(static_cast<size_t>(put));
    offset += static_cast<uint64_t>(put);
  }
  return true;
}

// A run of bytes that are no hole, from `at` on. Where the system knows no holes, all of the file is one.
bool next_data(int descriptor, uint64_t at, uint64_t length, uint64_t* start, uint64_t* end) {
  if (at >= length) return false;
  const off_t data = lseek(descriptor, static_cast<off_t>(at), SEEK_DATA);
  if (data < 0 && errno == ENXIO) return false;
  *start = data < 0 ? at : static_cast<uint64_t>(data);
  const off_t hole = lseek(descriptor, static_cast<off_t>(*start), SEEK_HOLE);
  *end = hole < 0 ? length : std::min(static_cast<uint64_t>(hole), length);
  return *start < length;
}

class FileWriter {
 public:
  // `present`: how long it is before.
  FileWriter(PageStores& stores, int descriptor, const FilePart& part, uint64_t present, uint64_t length)
      : stores_(stores), descriptor_(descriptor), part_(part), present_(present), length_(length) {}

  void put(VirtualPage virtual_page, Child page) {
    const uint64_t start = (virtual_page - part_.first) * page_size();
    const uint64_t from = std::max(start, part_.start), to = std::min(start + page_size(), length_);
    if (is_failed_ || from >= to) return;
    if (page == Child::absent) return put_zeroes(from, to);
    const std::byte* bytes = stores_.pages.bytes(number_of(page));
    is_failed_ = !write_bytes(descriptor_, from, {bytes + (from - start), to - from});
  }
  // What is there of the pages from one up to another becomes zero: a hole where the file system can make one.
  void clear(VirtualPage from_page, VirtualPage to_page) {
    const uint64_t from = std::max((from_page - part_.first) * page_size(), part_.start);
    const uint64_t to = std::min({(to_page - part_.first) * page_size(), present_, length_});
    if (is_failed_ || from >= to) return;
    constexpr int kHole = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
    if (fallocate(descriptor_, kHole, static_cast<off_t>(from), static_cast<off_t>(to - from)) != 0) {
      put_zeroes(from, to);
    }
  }
  bool is_failed() const { return is_failed_; }

 private:
  void put_zeroes(uint64_t from, uint64_t to) {
    static const std::byte zeroes[4096] = {};
    for (uint64_t at = from; at < to && !is_failed_; at += sizeof(zeroes)) {
      is_failed_ = !write_bytes(descriptor_, at, {zeroes, std::min<uint64_t>(sizeof(zeroes), to - at)});
    }
  }

  PageStores& stores_;
  int descriptor_;
  FilePart part_;
  uint64_t present_, length_;
  bool is_failed_ = false;
};

}  // namespace

Status read_file_pages(PageStores& stores, const FileToRead& file, const PageTree& from, OwnedTree* tree,
                       FileRead* result) {
  const FilePart& part = file.part;
  PageCapture capture(stores, from, 0);
  VirtualPage next = part.start / page_size();
  const uint64_t length = std::min(file.end, file.length);
  uint64_t start, end, count = 0, total;
  *result = FileRead::too_much;
  while (next_data(file.descriptor, next * page_size(), length, &start, &end)) {
    const VirtualPage page = start / page_size();
    if (Status status = capture.remove(part.first + next, part.first + page); !status.is_ok()) return status;
    next = (end + page_size() - 1) / page_size();
    if (count += next - page; count > kMostFilePages) return Status::ok();
    for (VirtualPage at = page; at < next; ++at) {
      OwnedBlank blank;
      bool is_same;
      if (Status status = OwnedBlank::borrow(stores.pages, &blank); !status.is_ok()) return status;
      *result = FileRead::refused;
      if (!read_page(file.descriptor, at * page_size(), blank.bytes())) return Status::ok();
      *result = FileRead::too_much;
      if (Status status = capture.capture(part.first + at, std::move(blank), &is_same); !status.is_ok()) return status;
    }
  }
  const VirtualPage last =
      file.end == FileRanges::kEnd ? last_of(part) + 1 : part.first + (file.end + page_size() - 1) / page_size();
  Status status = part.first + next < last ? capture.remove(part.first + next, last) : Status::ok();
  if (status.is_ok()) status = capture.finish(tree, &total);
  *result = FileRead::done;
  return status;
}

Status store_file_pages(PageStores& stores, const FilePart& part, std::span<const std::byte> bytes,
                        const PageTree& from, OwnedTree* tree) {
  PageCapture capture(stores, from, 0);
  uint64_t total;
  for (VirtualPage at = part.first; !bytes.empty(); ++at) {
    OwnedBlank blank;
    bool is_same;
    const size_t count = std::min(bytes.size(), page_size());
    if (Status status = OwnedBlank::borrow(stores.pages, &blank); !status.is_ok()) return status;
    memcpy(blank.bytes(), bytes.data(), count);
    memset(blank.bytes() + count, 0, page_size() - count);
    if (Status status = capture.capture(at, std::move(blank), &is_same); !status.is_ok()) return status;
    bytes = bytes.subspan(count);
  }
  return capture.finish(tree, &total);
}

Status remove_file_pages(PageStores& stores, const FilePart& part, const PageTree& from, OwnedTree* tree) {
  TreeEdit edit(stores, from, 0);
  uint64_t total;
  if (Status status = edit.remove(part.first, last_of(part) + 1); !status.is_ok()) return status;
  return edit.finish(tree, &total);
}

Status compare_file_pages(PageStores& stores, const FilePart& part, const PageTree& a, const PageTree& b,
                          bool* is_same) {
  *is_same = true;
  return PageTables(stores).differences(a, b, part.first, last_of(part), [&](VirtualPage, Child, Child) {
    *is_same = false;
    return Status::ok();
  });
}

// Its length is set last: somebody else may have it mapped, and this may fail midway. Pages in which something is not
// known are written whole.
Status write_file_pages(PageStores& stores, int descriptor, const FilePart& part, const FileWrite& write,
                        int* error_number) {
  struct stat facts;
  *error_number = 0;
  if (read_file_status(descriptor, &facts) != 0) {
    *error_number = errno;
    return Status::ok();
  }
  const auto present = static_cast<uint64_t>(facts.st_size);
  FileRanges unknown = write.unknown;
  unknown.add(present, FileRanges::kEnd);
  FileWriter writer(stores, descriptor, part, present, write.length);
  const PageTables tables(stores);
  VirtualPage next = part.first;  // what lies before is done
  errno = 0;
  for (const AddressRange& range : unknown.all()) {
    const VirtualPage first = std::max(part.first + range.start / page_size(), next);
    const VirtualPage end = range.end == FileRanges::kEnd
                                ? last_of(part) + 1
                                : std::max(part.first + (range.end + page_size() - 1) / page_size(), first);
    if (first > next) {
      const auto put = [&](VirtualPage at, Child, Child page) {
        writer.put(at, page);
        return Status::ok();
      };
      Status status = tables.differences(write.now, write.wanted, next, first - 1, put);
      if (!status.is_ok()) return status;
    }
    next = first;
    if (end == first) continue;
    const auto renew = [&](VirtualPage at, Child, Child page) {
      writer.clear(next, at);
      writer.put(at, page);
      next = at + 1;
      return Status::ok();
    };
    if (Status status = tables.differences({}, write.wanted, first, end - 1, renew); !status.is_ok()) return status;
    writer.clear(next, end);
    next = end;
  }
  const bool is_done =
      !writer.is_failed() && (present == write.length || ftruncate(descriptor, static_cast<off_t>(write.length)) == 0);
  if (!is_done) *error_number = errno != 0 ? errno : EIO;
  return Status::ok();
}

}  // namespace pagestore
