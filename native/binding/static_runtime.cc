// What GCC's runtime, once it is linked into the addon, would ask a newer glibc for, or bring along for nothing.
// Defined here, it is asked of nobody, and the addon loads where Node does (glibc 2.28). exports.ld keeps the
// definitions to the addon.
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>

#include <cerrno>
#include <cstdlib>

// What prints the name of an exception that nobody catches would bring a decoder of such names with it, 20 KB packed.
namespace __gnu_cxx {

void __verbose_terminate_handler() {
  abort();
}

}  // namespace __gnu_cxx

#if defined(DLFO_STRUCT_HAS_EH_DBASE)  // glibc 2.35: the compiler's runtime was made for it

extern "C" {

// glibc 2.32. Whether counts need no atomic operations: they do.
char __libc_single_threaded = 0;

// glibc 2.34, in that version. Nobody calls the second: that it is there says that there may be threads.
int pthread_once(pthread_once_t* control, void (*initialize)()) noexcept(false) {
  static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&mutex);
  if (*control == PTHREAD_ONCE_INIT) {
    initialize();
    *control = !PTHREAD_ONCE_INIT;
  }
  pthread_mutex_unlock(&mutex);
  return 0;
}
int __pthread_key_create(pthread_key_t*, void (*)(void*)) noexcept {
  return ENOSYS;
}

// The linker's name for the beginning of the addon.
extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));

// glibc 2.35. Finds the tables that say how to unwind the code at `address`. Exceptions never leave the addon, so
// nothing else is ever looked for.
int _dl_find_object(void* address, dl_find_object* result) noexcept {
  const auto base = reinterpret_cast<uintptr_t>(&__ehdr_start);
  const auto* header = reinterpret_cast<const ElfW(Phdr)*>(base + __ehdr_start.e_phoff);
  const auto offset = reinterpret_cast<uintptr_t>(address) - base;
  bool is_ours = false;
  *result = {};
  for (int i = 0; i < __ehdr_start.e_phnum; ++i, ++header) {
    if (header->p_type == PT_LOAD) is_ours |= offset - header->p_vaddr < header->p_memsz;
    if (header->p_type == PT_GNU_EH_FRAME) result->dlfo_eh_frame = reinterpret_cast<void*>(base + header->p_vaddr);
  }
  return is_ours && result->dlfo_eh_frame != nullptr ? 0 : -1;
}

}  // extern "C"

#endif
