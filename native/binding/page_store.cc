// What the facade's PageStore calls.
#include <cinttypes>
#include <cstdio>
#include <cstring>

#include "binding/external_buffer.h"
#include "binding/function.h"
#include "binding/tables.h"
#include "snapshot/page_stores.h"
#include "store/page_hash.h"
#include "store/page_memory.h"

namespace pagestore::binding {

namespace {

// (capacity, maxPages, memory kind) -> store
Handle open_store(const Arguments& arguments) {
  StoreOptions options;
  options.max_pages = arguments.page_count(1, "maxPages", kMostPages).value_or(kMostPages);
  options.capacity = arguments.page_count(0, "capacity", options.max_pages).value_or(1);
  char kind[8] = "";
  napi_get_value_string_utf8(arguments.env(), arguments[2], kind, sizeof(kind), nullptr);
  const MemoryChoice memory = strcmp(kind, "huge") == 0    ? MemoryChoice::huge
                              : strcmp(kind, "memfd") == 0 ? MemoryChoice::memfd
                                                           : MemoryChoice::any;
  SharedStore* store;
  check(SharedStore::create(options, memory, &store));
  return arguments.addon().add(store);
}

// (token) -> store
Handle open_shared(const Arguments& arguments) {
  char text[34];
  size_t length = 0;
  StoreToken token;
  if (napi_get_value_string_utf8(arguments.env(), arguments[0], text, sizeof(text), &length) != napi_ok ||
      length != 32 || sscanf(text, "%16" SCNx64 "%16" SCNx64, &token.high, &token.low) != 2) {
    fail(code::token, "not a token that share() gave");
  }
  SharedStore* store = SharedStore::open(token);
  if (store == nullptr) fail(Status::closed());
  return arguments.addon().add(store);
}

// (store): closing twice is no error
void close_store(const Arguments& arguments) {
  arguments.addon().close_store(arguments.handle(0));
}

// (store) -> token
napi_value token(const Arguments& arguments) {
  const StoreToken& token = arguments.store(0).token();
  return hexadecimal(arguments.env(), token.high, token.low);
}

// (store, page) -> number
uint32_t store_page(const Arguments& arguments) {
  const auto bytes = arguments.bytes(1);
  SharedStore& store = arguments.store(0);
  if (bytes.size() != page_size()) fail(code::page_size, "a page has %zu bytes, not %zu", page_size(), bytes.size());
  PageNumber number;
  check(store.store(bytes.data(), 1, &number));
  return static_cast<uint32_t>(number);
}

// (store, pages, numbers): fills the Uint32Array
void store_pages(const Arguments& arguments) {
  const auto bytes = arguments.bytes(1);
  const auto numbers = arguments.page_numbers(2);
  SharedStore& store = arguments.store(0);
  if (bytes.size() % page_size() != 0 || bytes.size() / page_size() != numbers.size()) {
    fail(code::page_size, "%zu bytes are not whole pages of %zu", bytes.size(), page_size());
  }
  check(store.store(bytes.data(), numbers.size(), numbers.data()));
}

using Change = Status (SharedStore::*)(const PageNumber*, size_t);

// (store, number)
template <Change change>
void change_one(const Arguments& arguments) {
  const PageNumber number{arguments.page_number(1)};
  check((arguments.store(0).*change)(&number, 1));
}

// (store, numbers)
template <Change change>
void change_many(const Arguments& arguments) {
  const PageNumbers numbers(arguments, 1);
  check((arguments.store(0).*change)(numbers.data(), numbers.count()));
}

// (store, number) -> count
size_t ref_count(const Arguments& arguments) {
  const uint32_t number = arguments.page_number(1);
  PageStore::Counts counts;
  check(arguments.store(0).counts_of(number, &counts));
  return counts.sum();
}

// (store, number): a view of the page is about to be given away
void hand_out(const Arguments& arguments) {
  const uint32_t number = arguments.page_number(1);
  check(arguments.store(0).hand_out(number));
}

// (store, number, page): fills the Uint8Array
void copy_page(const Arguments& arguments) {
  const uint32_t number = arguments.page_number(1);
  const auto page = arguments.bytes(2);
  SharedStore& store = arguments.store(0);
  if (page.size() != page_size()) fail(code::page_size, "a page has %zu bytes, not %zu", page_size(), page.size());
  check(store.copy_out(number, page.data()));
}

// (store, index) -> ArrayBuffer, or null where the runtime forbids it
napi_value open_window(const Arguments& arguments) {
  const uint32_t index = arguments.page_number(1);
  Window* window;
  check(Window::open(&arguments.store(0), index, &window));
  return wrap(arguments.env(), window);
}

// (store) -> pages
template <size_t (SharedStore::*figure)() const>
size_t figure_of(const Arguments& arguments) {
  return (arguments.store(0).*figure)();
}

// (store, statistics): fills the Float64Array
void stats(const Arguments& arguments) {
  const auto to = arguments.doubles(1, std::size(kStatistics));
  const SnapshotStats stats = stats_of(arguments.store(0));
  const uint64_t values[] = {stats.pages,
                             stats.capacity,
                             stats.references,
                             stats.duplicates,
                             stats.collisions,
                             stats.tables,
                             stats.keys,
                             stats.bookkeeping_bytes,
                             stats.growths,
                             stats.moves,
                             static_cast<uint64_t>(stats.memory)};
  static_assert(std::size(values) == std::size(kStatistics));
  for (size_t i = 0; i < std::size(values); ++i) to[i] = static_cast<double>(values[i]);
}

// (class)
void set_error_class(const Arguments& arguments) {
  arguments.addon().set_error_class(arguments[0]);
}

}  // namespace

void add_page_store(Exports& exports) {
  const Function functions[] = {
      {"setErrorClass", guarded<set_error_class>},
      {"open", guarded<open_store>},
      {"openShared", guarded<open_shared>},
      {"close", guarded<close_store>},
      {"token", guarded<token>},
      {"storePage", guarded<store_page>},
      {"storePages", guarded<store_pages>},
      {"refPage", guarded<change_one<&SharedStore::ref>>},
      {"refPages", guarded<change_many<&SharedStore::ref>>},
      {"unrefPage", guarded<change_one<&SharedStore::unref>>},
      {"unrefPages", guarded<change_many<&SharedStore::unref>>},
      {"refCount", guarded<ref_count>},
      {"handOut", guarded<hand_out>},
      {"copyPage", guarded<copy_page>},
      {"openWindow", guarded<open_window>},
      {"size", guarded<figure_of<&SharedStore::size>>},
      {"capacity", guarded<figure_of<&SharedStore::capacity>>},
      {"stats", guarded<stats>},
  };
  exports.add(functions);
  exports.add("pageSize", page_size());
  exports.add("windowPages", PageMemory::window_pages());
  exports.add("hash", hash_instructions());
  exports.add("statistics", kStatistics);
  exports.add("memoryKinds", kMemoryKinds);
}

}  // namespace pagestore::binding
