// What all memories have in common: the functions that each of the facade's classes calls, and the names
// of trackers.
#pragma once

#include <node_api.h>

#include <optional>

#include "memory/tracker.h"

namespace pagestore::binding {

class Addon;

const char* name_of(TrackerKind kind);

// `wanted` points to `kind`, or is null for undefined. False with an exception pending.
bool get_tracker(napi_env env, napi_value value, TrackerKind* kind, const TrackerKind** wanted);

inline std::optional<TrackerKind> optional_of(const TrackerKind* wanted) {
  return wanted == nullptr ? std::nullopt : std::optional(*wanted);
}

void add_memory(napi_env env, napi_value exports, Addon* addon);

}  // namespace pagestore::binding
