#include "binding/page_store.h"

#include <cerrno>
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "binding/addon.h"
#include "binding/arguments.h"
#include "binding/errors.h"
#include "binding/external_buffer.h"
#include "binding/results.h"
#include "snapshot/page_stores.h"
#include "store/page_hash.h"
#include "store/page_memory.h"

namespace pagestore::binding {

namespace {

napi_value hold(napi_env env, Addon* addon, SharedStore* store) {
  Handle handle = Handle::none();
  const Status status = addon->hold(store, &handle);
  return status.is_ok() ? number_of(env, handle) : throw_failure(env, status);
}

// (capacity, maxPages, memory) -> handle
napi_value open_store(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  StoreOptions options;
  if (!get_page_count(env, arguments[1], "maxPages", kMostPages, kMostPages, &options.max_pages) ||
      !get_page_count(env, arguments[0], "capacity", options.max_pages, 1, &options.capacity)) {
    return nullptr;
  }
  char kind[8] = "";
  napi_get_value_string_utf8(env, arguments[2], kind, sizeof(kind), nullptr);
  const MemoryChoice memory = strcmp(kind, "huge") == 0    ? MemoryChoice::huge
                              : strcmp(kind, "memfd") == 0 ? MemoryChoice::memfd
                                                           : MemoryChoice::any;
  SharedStore* store;
  if (Status status = SharedStore::create(options, memory, &store); !status.is_ok()) {
    return throw_failure(env, status);
  }
  return hold(env, arguments.addon, store);
}

// (token) -> handle
napi_value open_shared(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  char text[34];
  size_t length = 0;
  StoreToken token;
  if (napi_get_value_string_utf8(env, arguments[0], text, sizeof(text), &length) != napi_ok || length != 32 ||
      sscanf(text, "%16" SCNx64 "%16" SCNx64, &token.high, &token.low) != 2) {
    return throw_error(env, code::token, "not a token that share() gave");
  }
  SharedStore* store = SharedStore::open(token);
  if (store == nullptr) return throw_failure(env, Status::closed());
  return hold(env, arguments.addon, store);
}

// (handle): closing twice is no error
napi_value close_store(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  arguments.addon->close_store(get_handle(env, arguments[0]));
  return nullptr;
}

// (handle) -> token
napi_value token(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  char text[33];
  snprintf(text, sizeof(text), "%016" PRIx64 "%016" PRIx64, store->token().high, store->token().low);
  napi_value result = nullptr;
  napi_create_string_latin1(env, text, 32, &result);
  return result;
}

// (handle, page) -> number
napi_value store_page(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  Bytes bytes;
  if (!get_bytes(env, arguments[1], &bytes)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  if (bytes.length != page_size()) {
    char message[80];
    snprintf(message, sizeof(message), "a page has %zu bytes, not %zu", page_size(), bytes.length);
    return throw_error(env, code::page_size, message);
  }
  PageNumber number;
  if (Status status = store->store(bytes.data, 1, &number); !status.is_ok()) {
    return throw_failure(env, status);
  }
  napi_value result = nullptr;
  napi_create_uint32(env, static_cast<uint32_t>(index_of(number)), &result);
  return result;
}

// (handle, pages, numbers): the array for the result is JavaScript's, which can tell when there is no
// memory for it
napi_value store_pages(napi_env env, napi_callback_info info) {
  const Arguments<3> arguments(env, info);
  Bytes bytes;
  Numbers numbers;
  if (!get_bytes(env, arguments[1], &bytes) || !get_numbers(env, arguments[2], &numbers)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  if (bytes.length % page_size() != 0 || bytes.length / page_size() != numbers.count) {
    char message[80];
    snprintf(message, sizeof(message), "%zu bytes are not whole pages of %zu", bytes.length, page_size());
    return throw_error(env, code::page_size, message);
  }
  return undefined_or_throw(env, store->store(bytes.data, numbers.count, numbers.data));
}

using Change = Status (SharedStore::*)(const PageNumber*, size_t);

// (handle, number)
template <Change change>
napi_value change_one(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  uint32_t index;
  if (!get_page_number(env, arguments[1], &index)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  const PageNumber number{index};
  return undefined_or_throw(env, (store->*change)(&number, 1));
}

// (handle, numbers)
template <Change change>
napi_value change_many(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  PageNumbers numbers;
  if (!numbers.read(env, arguments[1])) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  return undefined_or_throw(env, (store->*change)(numbers.data(), numbers.count()));
}

// (handle, number) -> count
napi_value ref_count(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  uint32_t number;
  if (!get_page_number(env, arguments[1], &number)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  PageStore::Count count;
  const Status status = store->count_of(number, &count);
  return status.is_ok() ? number_of(env, count) : throw_failure(env, status);
}

// (handle, number): a view of the page is about to be given away
napi_value hand_out(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  uint32_t number;
  if (!get_page_number(env, arguments[1], &number)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  return undefined_or_throw(env, store->hand_out(number));
}

// (handle, number) -> Buffer, a copy
napi_value copy_page(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  uint32_t number;
  if (!get_page_number(env, arguments[1], &number)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  void* bytes;
  napi_value result;
  if (napi_create_buffer(env, page_size(), &bytes, &result) != napi_ok) return nullptr;
  const Status status = store->copy_out(number, static_cast<std::byte*>(bytes));
  return status.is_ok() ? result : throw_failure(env, status);
}

// (handle, index) -> ArrayBuffer, or null where the runtime forbids it
napi_value open_window(napi_env env, napi_callback_info info) {
  const Arguments<2> arguments(env, info);
  uint32_t index;
  if (!get_page_number(env, arguments[1], &index)) return nullptr;
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  if (store == nullptr) return nullptr;
  Window* window;
  const Status status = Window::open(store, index, &window);
  return status.is_ok() ? wrap(env, window) : throw_failure(env, status);
}

// (handle) -> pages
template <size_t (SharedStore::*figure)() const>
napi_value figure_of(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  return store == nullptr ? nullptr : number_of(env, (store->*figure)());
}

// (handle) -> PageStoreStats
napi_value stats(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  SharedStore* store = get_store(env, arguments.addon, arguments[0]);
  napi_value result;
  if (store == nullptr || napi_create_object(env, &result) != napi_ok) return nullptr;
  const SnapshotStats stats = stats_of(*store);
  set(env, result, "pages", stats.pages);
  set(env, result, "capacity", stats.capacity);
  set(env, result, "references", stats.references);
  set(env, result, "duplicates", stats.duplicates);
  set(env, result, "collisions", stats.collisions);
  set(env, result, "tables", stats.tables);
  set(env, result, "keys", stats.keys);
  set(env, result, "bookkeepingBytes", stats.bookkeeping_bytes);
  set(env, result, "growths", stats.growths);
  set(env, result, "moves", stats.moves);
  set(env, result, "memory", stats.memory == MemoryKind::huge ? "huge" : "memfd");
  set(env, result, "hash", hash_instructions());
  return result;
}

// (class)
napi_value set_error_class(napi_env env, napi_callback_info info) {
  const Arguments<1> arguments(env, info);
  arguments.addon->set_error_class(arguments[0]);
  return nullptr;
}

}  // namespace

void add_page_store(napi_env env, napi_value exports, Addon* addon) {
  const Function functions[] = {
      {"setErrorClass", set_error_class},
      {"open", open_store},
      {"openShared", open_shared},
      {"close", close_store},
      {"token", token},
      {"storePage", store_page},
      {"storePages", store_pages},
      {"refPage", change_one<&SharedStore::ref>},
      {"refPages", change_many<&SharedStore::ref>},
      {"unrefPage", change_one<&SharedStore::unref>},
      {"unrefPages", change_many<&SharedStore::unref>},
      {"refCount", ref_count},
      {"handOut", hand_out},
      {"copyPage", copy_page},
      {"openWindow", open_window},
      {"size", figure_of<&SharedStore::size>},
      {"capacity", figure_of<&SharedStore::capacity>},
      {"stats", stats},
  };
  add_functions(env, exports, addon, functions);
  set(env, exports, "pageSize", page_size());
  set(env, exports, "windowPages", PageMemory::window_pages());
}

}  // namespace pagestore::binding
