{
  "variables": {
    "core_sources": [
      "native/store/backing_file.cc",
      "native/store/hash_index.cc",
      "native/store/page_hash.cc",
      "native/store/page_memory.cc",
      "native/store/page_store.cc",
      "native/store/shared_store.cc",
      "native/store/xxhash_dispatch.c",
      "native/system/mapping.cc",
      "native/system/shared_lock.cc"
    ],
    "binding_sources": [
      "native/binding/addon.cc",
      "native/binding/arguments.cc",
      "native/binding/errors.cc",
      "native/binding/page_store.cc",
      "native/binding/window.cc"
    ]
  }
}
