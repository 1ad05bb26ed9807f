#include "memory/tracee/descriptors/connection.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "linux/proc_file.h"

namespace pagestore {

namespace {

Status refused(const char* what, int error_number) {
  return Status::system(Error::tracee, what, error_number);
}

// What sendmsg wants, as it lies in the memory of the process.
struct Message {
  msghdr header;
  iovec part;
  size_t control_length;  // a cmsghdr, and what it announces
  int32_t level, type;
  int32_t numbers[Connection::kMostAtOnce];
  char byte;
};
static_assert(offsetof(Message, numbers) - offsetof(Message, control_length) == sizeof(cmsghdr));

}  // namespace

Status Connection::open() {
  const ScopedFd listening(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  socklen_t length = sizeof(name);
  // Without a name it is given one that no file has.
  const bool is_listening =
      listening.is_open() && bind(listening.get(), reinterpret_cast<sockaddr*>(&name), sizeof(sa_family_t)) == 0 &&
      getsockname(listening.get(), reinterpret_cast<sockaddr*>(&name), &length) == 0 && listen(listening.get(), 8) == 0;
  if (!is_listening) return refused("a socket for the process", errno);
  int64_t result = 0;
  const SystemCall make{SYS_socket, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0}};
  if (Status status = process_.call(make, &result); !status.is_ok()) return status;
  if (result < 0) return refused("a socket in the process", static_cast<int>(-result));
  theirs_ = static_cast<int32_t>(result);
  const SystemCall connect{SYS_connect, {static_cast<uint64_t>(theirs_), scratch_.value(), length}};
  const auto bytes = std::as_writable_bytes(std::span(&name, 1)).first(length);
  if (Status status = call_with_bytes(process_, {scratch_}, connect, bytes, &result); !status.is_ok()) return status;
  if (result < 0) return refused("connecting a socket of the process", static_cast<int>(-result));
  return accept(listening);
}

Status Connection::accept(const ScopedFd& listening) {
  for (;;) {
    ScopedFd accepted(accept4(listening.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!accepted.is_open()) return refused("accepting a socket of the process", errno);
    ucred peer{};
    socklen_t length = sizeof(peer);
    const bool is_theirs =
        getsockopt(accepted.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 && peer.pid == process_.pid();
    if (!is_theirs) continue;
    ours_ = std::move(accepted);
    return Status::ok();
  }
}

Status Connection::copy(std::span<const int32_t> numbers, DescriptorCopies* copies) {
  PS_ASSERT(numbers.size() <= kMostAtOnce);
  Message message{};
  const size_t control = CMSG_LEN(numbers.size_bytes());
  const auto at = [&](size_t offset) { return reinterpret_cast<void*>(scratch_.value() + offset); };
  message.header.msg_iov = static_cast<iovec*>(at(offsetof(Message, part)));
  message.header.msg_iovlen = 1;
  message.header.msg_control = at(offsetof(Message, control_length));
  message.header.msg_controllen = control;
  message.part = {at(offsetof(Message, byte)), 1};
  message.level = SOL_SOCKET;
  message.type = SCM_RIGHTS;
  message.control_length = control;
  std::copy(numbers.begin(), numbers.end(), message.numbers);
  int64_t result = 0;
  const SystemCall send{SYS_sendmsg, {static_cast<uint64_t>(theirs_), scratch_.value(), MSG_NOSIGNAL | MSG_DONTWAIT}};
  const auto bytes = std::as_writable_bytes(std::span(&message, 1));
  if (Status status = call_with_bytes(process_, {scratch_}, send, bytes, &result); !status.is_ok()) return status;
  if (result != 1) return refused("sendmsg in the process", static_cast<int>(-result));
  return receive(numbers, copies);
}

Status Connection::receive(std::span<const int32_t> numbers, DescriptorCopies* copies) const {
  char byte;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(kMostAtOnce * sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  if (recvmsg(ours_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1) return refused("recvmsg", errno);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS) return Status::ok();
  const size_t got = std::min((header->cmsg_len - CMSG_LEN(0)) / sizeof(int), numbers.size());
  Status status = Status::ok();
  for (size_t i = 0; i < got; ++i) {
    int copy;
    memcpy(&copy, CMSG_DATA(header) + i * sizeof(int), sizeof(copy));
    const Status added = copies->add(numbers[i], copy);
    if (!added.is_ok()) status = added;
  }
  return status;
}

Status Connection::close() {
  ours_ = ScopedFd();
  if (theirs_ < 0) return Status::ok();
  int64_t ignored = 0;
  const SystemCall close{SYS_close, {static_cast<uint64_t>(theirs_)}};
  theirs_ = -1;
  return process_.call(close, &ignored);
}

Status copy_descriptors(TracedProcess& process, RemoteAddress scratch, DescriptorCopies* copies) {
  NumberDirectory directory;
  GrowingArray<int32_t> numbers;
  if (Status status = directory.open(process.live_thread(), "/proc/PID/fd"); !status.is_ok()) return status;
  for (int32_t number; directory.next(&number);) {
    if (!numbers.append(number)) return Status::no_memory(sizeof(number));
  }
  if (numbers.empty()) return Status::ok();
  std::sort(numbers.begin(), numbers.end());
  Connection connection(process, scratch);
  Status status = connection.open();
  for (size_t i = 0; status.is_ok() && i < numbers.size(); i += Connection::kMostAtOnce) {
    const size_t count = std::min(numbers.size() - i, Connection::kMostAtOnce);
    status = connection.copy({numbers.data() + i, count}, copies);
  }
  const Status closed = connection.close();
  return status.is_ok() ? closed : status;
}

}  // namespace pagestore
