#include "ptrace/control_calls.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>
#include <iterator>
#include <span>

#include "ptrace/descriptor_calls.h"

namespace pagestore {

namespace {

constexpr uint32_t kOwnerAsGroup = 15, kNotify = 1026;  // F_SETOWN_EX, F_NOTIFY

// Of fcntl: owners and signals, which nobody can read back, sizes of pipes and seals of memory.
constexpr uint32_t kChangingCommands[] = {F_SETOWN, kOwnerAsGroup,           10 /* F_SETSIG */,
                                          kNotify,  1031 /* F_SETPIPE_SZ */, 1033 /* F_ADD_SEALS */};

// Of ioctl, by the names in ioctl_list(2).
constexpr uint32_t kHarmlessRequests[] = {
    0x5401,       // TCGETS
    0x5405,       // TCGETA
    0x540f,       // TIOCGPGRP
    0x5411,       // TIOCOUTQ, SIOCOUTQ
    0x5413,       // TIOCGWINSZ
    0x5415,       // TIOCMGET
    0x5419,       // TIOCGSOFTCAR
    0x541b,       // FIONREAD, SIOCINQ
    0x5421,       // FIONBIO
    0x5424,       // TIOCGETD
    0x5429,       // TIOCGSID
    0x5450,       // FIONCLEX
    0x5451,       // FIOCLEX
    0x5452,       // FIOASYNC
    0x5456,       // TIOCGLCKTRMIOS
    0x5460,       // FIOQSIZE
    0x802c'542a,  // TCGETS2
    0x8004'5430,  // TIOCGPTN
    0x8004'5432,  // TIOCGDEV
    0x8004'5438,  // TIOCGPKT
    0x8004'5439,  // TIOCGPTLCK
    0x8004'5440,  // TIOCGEXCL
    0x8903,       // FIOGETOWN
    0x8904,       // SIOCGPGRP
    0x8905,       // SIOCATMARK
    0x8910,       // SIOCGIFNAME
    0x8912,       // SIOCGIFCONF
    0x8913,       // SIOCGIFFLAGS
    0x8915,       // SIOCGIFADDR
    0x8917,       // SIOCGIFDSTADDR
    0x8919,       // SIOCGIFBRDADDR
    0x891b,       // SIOCGIFNETMASK
    0x8921,       // SIOCGIFMTU
    0x8927,       // SIOCGIFHWADDR
    0x8933,       // SIOCGIFINDEX
    0x894b,       // SIOCOUTQNSD
    0x1,          // FIBMAP
    0x2,          // FIGETBSZ
    0xc020'660b,  // FS_IOC_FIEMAP
    0x8008'6601,  // FS_IOC_GETFLAGS
    0x801c'581f,  // FS_IOC_FSGETXATTR
    0xc018'9436,  // FIDEDUPERANGE
};

bool is_in(std::span<const uint32_t> numbers, uint64_t number) {
  return std::find(numbers.begin(), numbers.end(), static_cast<uint32_t>(number)) != numbers.end();
}

bool has_room_for_control(const RemoteMemory& memory, uint64_t address) {
  msghdr message{};
  const bool is_read = memory.read(RemoteAddress(address), &message, sizeof(message)).is_ok();
  return is_read && message.msg_control != nullptr && message.msg_controllen > 0;
}

}  // namespace

bool duplicates_by_control(const SystemCall& call) {
  const auto command = static_cast<int>(call.arguments[1]);
  return call.number == SYS_fcntl && (command == F_DUPFD || command == F_DUPFD_CLOEXEC);
}

bool takes_lock(const SystemCall& call) {
  constexpr uint64_t kSetLock = 37, kSetLockAndWait = 38, kSetLease = 1024;  // F_OFD_SETLK, F_OFD_SETLKW, F_SETLEASE
  if (call.number == SYS_flock) return (call.arguments[1] & LOCK_UN) == 0;
  const uint64_t command = static_cast<uint32_t>(call.arguments[1]);
  return call.number == SYS_fcntl && (command == kSetLock || command == kSetLockAndWait || command == kSetLease);
}

bool is_harmless_control(const SystemCall& call) {
  if (call.number == SYS_fcntl) return !is_in(kChangingCommands, call.arguments[1]);
  return is_in(kHarmlessRequests, call.arguments[1]);
}

bool gets_descriptors(const SystemCall& call, const RemoteMemory& memory) {
  constexpr uint64_t kMostMessages = 64;
  const auto& arguments = call.arguments;
  if (call.number == kPidfdGetfd) return true;
  if (call.number == SYS_recvmsg) return has_room_for_control(memory, arguments[1]);
  if (call.number != SYS_recvmmsg) return false;
  const uint64_t count = static_cast<uint32_t>(arguments[2]);
  for (uint64_t i = 0; i < std::min(count, kMostMessages); ++i) {
    if (has_room_for_control(memory, arguments[1] + i * sizeof(mmsghdr))) return true;
  }
  return count > kMostMessages;
}

}  // namespace pagestore
