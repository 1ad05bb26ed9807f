{
  "includes": ["native/sources.gypi"],
  "variables": {
    "xxhash": "<!(node -p \"require('path').dirname(require.resolve('xxhash-addon/xxHash/xxhash.h'))\")"
  },
  "targets": [
    {
      "target_name": "pagestore",
      "sources": ["<@(core_sources)", "<@(binding_sources)"],
      "include_dirs": [
        "native",
        "<(xxhash)"
      ],
      "defines": [
        "NAPI_VERSION=9",
        "NDEBUG"
      ],
      # A signal handler of ours (native/ptrace/waiting.cc) must outlive the Worker that loaded it.
      "ldflags": ["-Wl,-z,nodelete"],
      "cflags!": ["-O2"],
      "cflags": ["-O3", "-fvisibility=hidden"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-O2"],
      "cflags_cc": ["-std=c++20", "-O3", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra"]
    }
  ]
}
