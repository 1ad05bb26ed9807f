#include "ptrace/stub/stub_slots.h"

#include <elf.h>

#include <algorithm>

#include "system/page_size.h"

namespace pagestore {

namespace {

constexpr std::byte kZeroes[Stub::kBytes] = {};

bool is_code(const Region& region) {
  return memcmp(region.permissions, "r-xp", 4) == 0;
}

bool is_kernels_code(const Region& region) {
  return region.path == "[vdso]";
}

// Whether a word of the stack, from the thread's frame on, is an address in one of two slots. A handler's frame may be
// far down, so that all is read up to a limit that no usual handler comes near.
bool refers_to(const RemoteMemory& memory, const RegionList& regions, TracedThread& thread, RemoteAddress slot) {
  constexpr uint64_t kMost = 1 << 20;
  constexpr size_t kWords = 512;
  Registers* registers;
  if (thread.has_ended()) return false;
  if (!thread.get_registers(&registers).is_ok()) return true;
  uint64_t words[kWords];
  const uint64_t start = registers->stack() & ~uint64_t{7};
  RegionReader reader(regions.bytes());
  for (Region region; reader.next(&region);) {
    if (start < region.start || start >= region.end) continue;
    const uint64_t end = std::min(region.end, start + kMost);
    for (uint64_t at = start; at < end; at += sizeof(words)) {
      const size_t count = std::min<uint64_t>(kWords, (end - at) / sizeof(uint64_t));
      if (!memory.read(RemoteAddress(at), words, count * sizeof(uint64_t)).is_ok()) return true;
      const bool is_found =
          std::any_of(words, words + count, [slot](uint64_t word) { return word - slot.value() < Stub::kBytes; });
      if (is_found) return true;
    }
  }
  return false;
}

}  // namespace

// Behind it is padding up to the end of a page.
uint64_t StubSlots::end_of_image(const Region& region, uint64_t image) const {
  Elf64_Ehdr header;
  if (!memory_.read(RemoteAddress(image), &header, sizeof(header)).is_ok()) return UINT64_MAX;
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_phentsize != sizeof(Elf64_Phdr)) return UINT64_MAX;
  if (is_kernels_code(region)) {
    // It has all of the file, with the table of its sections at the end.
    const uint64_t sections = header.e_shoff + uint64_t{header.e_shnum} * header.e_shentsize;
    if (sections > region.end - region.start) return UINT64_MAX;
    uint64_t end = image + sections;
    for (size_t i = 0; i < header.e_phnum; ++i) {
      Elf64_Phdr part;
      const RemoteAddress from(image + header.e_phoff + i * sizeof(part));
      if (!memory_.read(from, &part, sizeof(part)).is_ok()) return UINT64_MAX;
      end = std::max(end, image + part.p_offset + part.p_filesz);
    }
    return end;
  }
  for (size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr part;
    const RemoteAddress from(image + header.e_phoff + i * sizeof(part));
    if (!memory_.read(from, &part, sizeof(part)).is_ok()) return UINT64_MAX;
    const uint64_t first = part.p_offset / page_size() * page_size();
    if (part.p_type != PT_LOAD || (part.p_flags & PF_X) == 0 || first != region.offset) continue;
    return region.start + part.p_offset - first + std::max(part.p_filesz, part.p_memsz);
  }
  return UINT64_MAX;
}

Status StubSlots::add_slots_of(const Region& region, uint64_t image, GrowingArray<Slot>* slots) const {
  const uint64_t end = end_of_image(region, image);
  if (end > region.end || region.end - end > page_size()) return Status::ok();
  for (uint64_t at = region.end - Stub::kBytes; at >= end; at -= Stub::kBytes) {
    Stub found;
    if (!memory_.read(RemoteAddress(at), &found, sizeof(found)).is_ok()) break;
    const bool is_free = memcmp(&found, kZeroes, sizeof(found)) == 0;
    if (!is_free && !found.is_stub()) break;
    if (!slots->append({RemoteAddress(at), !is_free})) return Status::no_memory(sizeof(Slot));
  }
  return Status::ok();
}

// Two that are free, else those that nobody refers to any more.
Status StubSlots::choose(const RegionList& regions, const ThreadTable& threads, const GrowingArray<Slot>& slots) {
  size_t count = 0;
  for (const bool is_used : {false, true}) {
    for (const Slot& slot : slots) {
      if (count == 2 || slot.is_used != is_used) continue;
      const bool is_in_use =
          is_used && std::any_of(threads.all().begin(), threads.all().end(),
                                 [&](TracedThread* each) { return refers_to(memory_, regions, *each, slot.address); });
      if (!is_in_use) slots_[count++] = slot.address;
    }
  }
  are_found_ = count == 2;
  return Status::ok();
}

Status StubSlots::find(const ThreadTable& threads) {
  RegionList regions;
  const TracedThread* live = threads.first_live();
  if (live == nullptr) return Status::process_gone(0, "has ended");
  if (Status status = read_regions_of(live->id(), &regions); !status.is_ok()) return status;
  for (const bool is_kernels : {true, false}) {
    RegionReader reader(regions.bytes());
    uint64_t image = 0;
    for (Region region; !are_found_ && reader.next(&region);) {
      if (region.offset == 0) image = region.start;
      if (!is_code(region) || is_kernels_code(region) != is_kernels || (!is_kernels && region.file.inode == 0))
        continue;
      GrowingArray<Slot> slots;
      if (Status status = add_slots_of(region, image, &slots); !status.is_ok()) return status;
      if (Status status = choose(regions, threads, slots); !status.is_ok()) return status;
    }
  }
  next_ = 0;
  if (are_found_) return Status::ok();
  return Status::call_forbidden(live->id(), "there is no padding behind its code, for what lets it outlive us");
}

Status StubSlots::free_threads(const RegionList& regions, const ThreadTable& threads) const {
  for (TracedThread* thread : threads.all()) {
    Registers* registers;
    if (!thread->is_stopped()) continue;
    if (Status status = thread->get_registers(&registers); !status.is_ok()) return status;
    const uint64_t here = registers->instruction_pointer();
    RegionReader reader(regions.bytes());
    for (Region region; reader.next(&region);) {
      if (here < region.start || here >= region.end || !is_code(region) || region.end - here > page_size()) continue;
      Stub stub;
      const RemoteAddress slot(region.end - (region.end - here + Stub::kBytes - 1) / Stub::kBytes * Stub::kBytes);
      if (!memory_.read(slot, &stub, sizeof(stub)).is_ok() || !stub.is_stub()) continue;
      stub.put_back(registers);
      thread->mark_registers_dirty();
      if (Status status = thread->set_blocked_signals(stub.data.blocked); !status.is_ok()) return status;
      if (Status status = thread->flush_registers(); !status.is_ok()) return status;
    }
  }
  return Status::ok();
}

Status StubSlots::write(const Stub& stub, const ThreadTable& threads, RemoteAddress* slot) {
  if (!are_found_) {
    if (Status status = find(threads); !status.is_ok()) return status;
  }
  *slot = slots_[next_];
  next_ = 1 - next_;
  return memory_.write(*slot, &stub, sizeof(stub));
}

void StubSlots::clear() {
  if (!are_found_) return;
  for (const RemoteAddress slot : slots_) static_cast<void>(memory_.write(slot, kZeroes, sizeof(kZeroes)));
  are_found_ = false;
}

}  // namespace pagestore
