{
  "includes": ["native/sources.gypi"],
  "variables": {
    "xxhash": "<!(node -p \"require('path').dirname(require.resolve('xxhash-addon/xxHash/xxhash.h'))\")",
    "node_addon_api": "<!(node -p \"require('node-addon-api').targets\"):node_addon_api_except_all",
    # A path where the C++ library can be linked statically. Some systems have it as a package of its own.
    "static_libstdcxx": "<!(${CXX:-g++} -print-file-name=libstdc++.a)"
  },
  "target_defaults": {
    "include_dirs": ["native", "<(xxhash)"],
    "defines": ["NDEBUG"],
    "cflags": ["-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"],
    "cflags_cc!": ["-std=gnu++17", "-std=gnu++20"],
    "cflags_cc": ["-std=c++20", "-Wall", "-Wextra"]
  },
  "targets": [
    {
      # What runs once for each page is made fast; the rest waits for the kernel, and is made smaller at no cost.
      "target_name": "pagestore_pages",
      "type": "static_library",
      "sources": ["<@(core_sources)"],
      "sources/": [["exclude", "^native/(linux|ptrace|memory/tracee)/"]],
      "cflags!": ["-O2"],
      "cflags": ["-O3", "-fno-asynchronous-unwind-tables"],
      "cflags_cc": ["-fno-exceptions", "-fno-rtti"]
    },
    {
      "target_name": "pagestore_core",
      "type": "static_library",
      "dependencies": ["pagestore_pages"],
      "sources": ["<@(core_sources)"],
      "sources/": [["exclude", "."], ["include", "^native/(linux|ptrace|memory/tracee)/"]],
      "cflags!": ["-O3"],
      "cflags": ["-O2", "-fno-asynchronous-unwind-tables"],
      "cflags_cc": ["-fno-exceptions", "-fno-rtti"]
    },
    {
      # The one part with C++ exceptions, which never leave it.
      "target_name": "pagestore",
      "dependencies": ["pagestore_core", "<(node_addon_api)"],
      "sources": ["<@(binding_sources)"],
      # Each call passes here once, and what it converts takes no longer made small.
      "cflags!": ["-O2", "-O3"],
      "cflags": ["-Os"],
      "defines": ["NAPI_VERSION=9", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "ldflags": [
        # A signal handler of ours (native/ptrace/waiter.cc) must outlive the Worker that loaded it.
        "-Wl,-z,nodelete",
        # The linker must not join what is linked statically here with the same in the runtime or in another copy of
        # the addon.
        "-Wl,--version-script=<(module_root_dir)/native/binding/exports.ld"
      ],
      "conditions": [
        # Of the library only what is used: the rest would ask for a newer glibc.
        ["static_libstdcxx!='libstdc++.a'", { "ldflags": ["-static-libstdc++", "-static-libgcc", "-Wl,--gc-sections"] }]
      ]
    }
  ]
}
