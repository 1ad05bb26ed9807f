/* Two-phase commit with RMS resource managers (default 3), as the TLA+ specification TwoPhase has it (Lamport:
 * "Consensus on Transaction Commit"). One step: one of its actions that is enabled, also where it changes nothing.
 * Messages are a set and stay. */
#include "../../include/pagestore.h"

#ifndef RMS
#define RMS 3
#endif

enum { kWorking, kPrepared, kCommitted, kAborted };
enum { kInit, kTmCommitted, kTmAborted };

static struct { unsigned char manager[RMS], tm, heard[RMS], has_said[RMS], commit, abort; } all;

enum Action { kCommit, kAbort, kHear, kPrepare, kChooseToAbort, kToldToCommit, kToldToAbort };

static int is_enabled(enum Action action, int r) {
  switch (action) {
    case kCommit: {
      int count = 0;
      for (int i = 0; i < RMS; ++i) count += all.heard[i];
      return r == 0 && all.tm == kInit && count == RMS;
    }
    case kAbort:
      return r == 0 && all.tm == kInit;
    case kHear:
      return all.tm == kInit && all.has_said[r];
    case kPrepare:
    case kChooseToAbort:
      return all.manager[r] == kWorking;
    case kToldToCommit:
      return all.commit;
    case kToldToAbort:
      return all.abort;
  }
  return 0;
}

static void act(enum Action action, int r) {
  switch (action) {
    case kCommit:
      all.tm = kTmCommitted;
      all.commit = 1;
      break;
    case kAbort:
      all.tm = kTmAborted;
      all.abort = 1;
      break;
    case kHear:
      all.heard[r] = 1;
      break;
    case kPrepare:
      all.manager[r] = kPrepared;
      all.has_said[r] = 1;
      break;
    case kChooseToAbort:
      all.manager[r] = kAborted;
      break;
    case kToldToCommit:
      all.manager[r] = kCommitted;
      break;
    case kToldToAbort:
      all.manager[r] = kAborted;
      break;
  }
}

int main(void) {
  ps_state(&all, sizeof all);
  for (;;) {
    struct {
      enum Action action;
      int r;
    } able[7 * RMS];
    int count = 0;
    for (int action = kCommit; action <= kToldToAbort; ++action) {
      for (int r = 0; r < RMS; ++r) {
        if (!is_enabled((enum Action)action, r)) continue;
        able[count].action = (enum Action)action;
        able[count++].r = r;
      }
    }
    int choice = ps_choose(count);
    act(able[choice].action, able[choice].r);
  }
}
