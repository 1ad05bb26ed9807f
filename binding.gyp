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
        "<(xxhash)",
        "<!(node -p \"require('node-addon-api').include_dir\")"
      ],
      "defines": [
        "NAPI_VERSION=9",
        "NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS",
        "NDEBUG"
      ],
      "cflags!": ["-O2"],
      "cflags": ["-O3", "-fvisibility=hidden"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-O2"],
      "cflags_cc": ["-std=c++20", "-O3", "-fno-exceptions", "-fno-rtti", "-Wall", "-Wextra"]
    }
  ]
}
