// One thread that we trace, while it stands still: where in the kernel it stopped, its registers, and what
// it takes to let it run on as if nothing had been.
//
// Registers are read once a stop and written once before the thread runs, whatever changes in between:
// each costs a system call. What a thread is, as a value, is a `ThreadState`: taken from a thread at any
// stop, and put into it at any other one. So not its place in the kernel counts but the next instruction:
// whoever has entered a system call is about to make it, and one that was interrupted is to be made again.
//
// It leaves to its caller: to call from the thread that traces, and only while this one stands.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <cstddef>
#include <span>

#include "ptrace/registers.h"
#include "ptrace/stop.h"
#include "system/growing_array.h"
#include "system/status.h"

namespace pagestore {

// Where in the kernel a thread stands.
enum class Place : uint8_t {
  running,
  call_entry,  // before the call that it has made
  call_exit,   // behind it
  signal,      // about to receive one
  interrupted,
  inside,  // in the middle of a call that cannot be left: the parent in vfork
  ended,
};

// What it stopped for and waits to be answered.
enum class Offer : uint8_t {
  none,
  choice,  // among `ways`
  call,    // a system call that it is about to make, and that was told
  end_of_process,
  end_of_thread,
  signal,  // that it is about to receive
};

// All of a thread but its memory, and behind it the vector registers as the kernel packs them. Equal states
// are equal bytes.
struct ThreadState {
  Registers registers{};
  uint64_t blocked_signals = 0;
  uint64_t file = 0, line = 0;  // with Offer::choice, where; the file's name is at that address
  int32_t thread = 0;
  int32_t ways = 0;
  uint32_t vector_bytes = 0;
  Offer offer = Offer::none;
  uint8_t is_unreported = 0;
  uint8_t unused[2] = {};
  siginfo_t signal{};  // with Offer::signal
};

class TracedThread {
 public:
  explicit TracedThread(pid_t thread) : thread_(thread) {}

  pid_t id() const { return thread_; }
  // It is another program: nothing that was known of it holds.
  void begin_anew();

  // Whether it is about to make `call`: a state that was put into it since has taken that back.
  bool has_entered() const { return place == Place::call_entry && call >= 0; }
  bool stands() const { return place != Place::running && place != Place::ended; }

  // The thread's, kept until it runs. Whoever changes them says so.
  Status get_registers(Registers** registers);
  void changed() { must_write_ = true; }

  Status save(GrowingArray<std::byte>* bytes);
  // Of bytes that `save` gave, as many as it gave.
  Status load(const ThreadState& state, std::span<const std::byte> vectors);

  // Lets it run: `request` as PTRACE_CONT. A signal is received only from Place::signal.
  Status run(int request, int signal);

  // A call that was interrupted becomes one that is about to be made, so that registers can be changed. Not
  // before a signal, which decides whether it will be made again.
  Status settle();
  // It was interrupted by us, and not to be noticed: what fails when it is interrupted is made again unless a signal
  // comes.
  void was_interrupted();
  // The signal before which it stands does not come.
  Status miss_signal();

  // What it stands for, to be taken up again by a thread that made a call of ours in between.
  struct Standing {
    bool has_entered;
    Offer offer;
    int64_t call, swallowed_call;
    bool goes_on;
  };
  Standing standing() const { return {has_entered(), offer, call, swallowed_call, goes_on_}; }
  void stand_again(const Standing& standing);

  Status get_blocked(uint64_t* signals);
  Status block(uint64_t signals);

  Stop signal_stop() const;  // with Offer::signal

  // What it stopped for, which nobody has been told yet.
  bool has_news() const { return has_news_; }
  const Stop& news() const { return news_; }
  void tell_later(const Stop& stop) { news_ = stop, has_news_ = true; }
  void forget_news() { has_news_ = false; }

  TracedThread* next_dead = nullptr;  // see TracedProcess::bury
  Place place = Place::running;
  Offer offer = Offer::none;
  int ways = 0;                  // with Offer::choice
  uint64_t file = 0, line = 0;   // with Offer::choice
  int64_t call = -1;             // that it entered, until it is behind it
  int64_t swallowed_call = -1;   // whose entry comes next, and was told before
  bool swallows_filter = false;  // the filter will show what was looked at already
  siginfo_t signal{};            // with Offer::signal
  bool is_held = false;          // by job control, until somebody ends that
  bool is_in_vfork = false;      // and stands when that is over
  uint64_t id_address = 0;       // where in memory its number is noted; 0 for nowhere

  // Writes registers that were changed.
  Status flush();

 private:
  Status get_vectors();
  Status note_interrupted();
  Status refused(const char* what) const;

  pid_t thread_;
  bool has_registers_ = false, must_write_ = false, has_vectors_ = false, has_blocked_ = false;
  bool has_news_ = false;
  bool goes_on_ = false;           // its next call is the one that goes on with
  int64_t interrupted_call_ = -1;  // this one, of which the kernel tells when it is interrupted first
  Stop news_;
  Registers registers_{};
  uint64_t blocked_ = 0;
  GrowingArray<std::byte> vectors_;
};

}  // namespace pagestore
