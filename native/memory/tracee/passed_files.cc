#include "memory/tracee/passed_files.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "linux/remote_descriptor.h"
#include "memory/tracee/descriptors/connection.h"

namespace pagestore {

namespace {

Status refused(const char* what, int64_t result) {
  return Status::system(Error::tracee, what, static_cast<int>(-result));
}

// What recvmsg wants, as it lies in the memory of the process.
struct Message {
  msghdr header;
  iovec part;
  size_t control_length;  // a cmsghdr, and what it announces
  int32_t level, type;
  int32_t number;
  char byte;
};
static_assert(offsetof(Message, number) - offsetof(Message, control_length) == sizeof(cmsghdr));

}  // namespace

// The kernel reads and writes what a call points to: `bytes` lie there during the call, and are as the call left them.
Status PassedFiles::exchange(const SystemCall& call, std::span<std::byte> bytes, int64_t* result) {
  return call_with_bytes(process_, {scratch_}, call, bytes, result);
}

// Where we may not take an end of the pair, the process connects to us.
Status PassedFiles::connect(int32_t number) {
  Connection connection(process_, scratch_);
  Status status = connection.open();
  int64_t moved = number;
  const SystemCall move{SYS_dup3,
                        {static_cast<uint64_t>(connection.theirs()), static_cast<uint64_t>(number), O_CLOEXEC}};
  if (status.is_ok() && connection.theirs() == number) {
    theirs_ = number;
    ours_ = connection.take_ours();
    return status;
  }
  if (status.is_ok()) status = process_.call(move, &moved);
  if (status.is_ok() && moved < 0) status = refused("dup3 in the process", moved);
  if (status.is_ok()) theirs_ = number;
  if (status.is_ok()) ours_ = connection.take_ours();
  const Status closed = connection.close();
  return status.is_ok() ? closed : status;
}

Status PassedFiles::open(int32_t number) {
  if (!may_get_descriptors()) return connect(number);
  int32_t pair[2] = {};
  int64_t result = 0, moved = 0, ignored = 0;
  const SystemCall make{SYS_socketpair, {AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, scratch_.value()}};
  if (Status status = exchange(make, std::as_writable_bytes(std::span(pair)), &result); !status.is_ok()) return status;
  if (result < 0) return refused("socketpair in the process", result);
  ours_ = copy_descriptor(process_.live_thread(), pair[0]);
  const int error_number = errno;
  // One of the pair may have that number already. Of our own end this process has a copy by now.
  const SystemCall move{SYS_dup3, {static_cast<uint64_t>(pair[1]), static_cast<uint64_t>(number), O_CLOEXEC}};
  if (pair[1] != number) {
    if (Status status = process_.call(move, &moved); !status.is_ok()) return status;
  }
  if (moved >= 0) theirs_ = number;
  for (const int32_t each : pair) {
    const SystemCall close{SYS_close, {static_cast<uint64_t>(each)}};
    if (each == theirs_) continue;
    if (Status status = process_.call(close, &ignored); !status.is_ok()) return status;
  }
  if (moved < 0) return refused("dup3 in the process", moved);
  return ours_.is_open() ? Status::ok() : refused("pidfd_getfd", -error_number);
}

Status PassedFiles::pass(int descriptor, int32_t* number) {
  char byte = 0;
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  if (sendmsg(ours_.get(), &message, MSG_NOSIGNAL) != 1) return refused("sendmsg to the process", -errno);

  Message theirs{};
  const auto at = [&](size_t offset) { return reinterpret_cast<void*>(scratch_.value() + offset); };
  theirs.header.msg_iov = static_cast<iovec*>(at(offsetof(Message, part)));
  theirs.header.msg_iovlen = 1;
  theirs.header.msg_control = at(offsetof(Message, control_length));
  theirs.header.msg_controllen = CMSG_LEN(sizeof(int));
  theirs.part = {at(offsetof(Message, byte)), 1};
  int64_t result = 0;
  const SystemCall receive{SYS_recvmsg,
                           {static_cast<uint64_t>(theirs_), scratch_.value(), MSG_CMSG_CLOEXEC | MSG_DONTWAIT}};
  const auto bytes = std::as_writable_bytes(std::span(&theirs, 1));
  if (Status status = exchange(receive, bytes, &result); !status.is_ok()) return status;
  if (result < 0) return refused("recvmsg in the process", result);
  if (theirs.type != SCM_RIGHTS || (theirs.header.msg_flags & MSG_CTRUNC) != 0) {
    return refused("a descriptor more in the process", -EMFILE);
  }
  *number = theirs.number;
  return Status::ok();
}

Status PassedFiles::close() {
  if (theirs_ < 0) return Status::ok();
  int64_t ignored = 0;
  const SystemCall close{SYS_close, {static_cast<uint64_t>(theirs_)}};
  theirs_ = -1;
  return process_.call(close, &ignored);
}

}  // namespace pagestore
