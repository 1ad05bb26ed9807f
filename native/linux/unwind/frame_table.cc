#include "linux/unwind/frame_table.h"

#include <elf.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "system/growing_array.h"

namespace pagestore {

namespace {

constexpr size_t kMostEntryBytes = 64 << 10;
constexpr size_t kMostSearchedBytes = 4 << 20;
constexpr size_t kMostHeaders = 64;
// Units of cost: for finding the table and its entry, and for each byte of instructions that is carried out.
constexpr uint64_t kCostOfTable = 4096, kCostOfInstruction = 16;

// The table of a module, as its header describes it.
struct Table {
  uint64_t header = 0;   // what the entries are relative to
  uint64_t entries = 0;  // pairs of an address and where its FDE is, by rising address
  uint32_t count = 0;
};

struct TableEntry {
  int32_t function, fde;
};

bool is_elf(const Elf64_Ehdr& header) {
  return memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 && header.e_ident[EI_CLASS] == ELFCLASS64 &&
         header.e_phentsize == sizeof(Elf64_Phdr) && header.e_phnum > 0 && header.e_phnum <= kMostHeaders;
}

// How far the module lies from where it was linked to be: its header is the first byte of its file.
std::optional<uint64_t> find_bias(std::span<const Elf64_Phdr> headers, uint64_t module) {
  for (const Elf64_Phdr& each : headers) {
    if (each.p_type == PT_LOAD && each.p_offset == 0) return module - each.p_vaddr;
  }
  return {};
}

bool find_table(MemoryReader& memory, uint64_t module, Table* table) {
  Elf64_Ehdr elf;
  Elf64_Phdr headers[kMostHeaders];
  if (!memory.read_value(module, &elf) || !is_elf(elf)) return false;
  const std::span<Elf64_Phdr> all(headers, elf.e_phnum);
  if (!memory.read(module + elf.e_phoff, std::as_writable_bytes(all))) return false;
  const std::optional<uint64_t> bias = find_bias(all, module);
  if (!bias) return false;
  for (const Elf64_Phdr& each : all) {
    if (each.p_type != PT_GNU_EH_FRAME) continue;
    std::byte start[32];
    table->header = *bias + each.p_vaddr;
    if (!memory.read(table->header, start)) return false;
    DwarfReader reader(start, table->header);
    const auto version = reader.fixed<uint8_t>(), frames = reader.fixed<uint8_t>(), count = reader.fixed<uint8_t>(),
               entry = reader.fixed<uint8_t>();
    constexpr uint8_t kSignedRelative = 0x3b;
    reader.encoded(frames, table->header);
    const uint64_t entries = reader.encoded(count, table->header);
    table->entries = reader.address();
    table->count = static_cast<uint32_t>(std::min<uint64_t>(entries, UINT32_MAX));
    return !reader.has_failed() && version == 1 && entry == kSignedRelative;
  }
  return false;
}

// The entry of the last function that begins at or below `instruction`.
bool find_entry(MemoryReader& memory, const Table& table, uint64_t instruction, TableEntry* found) {
  uint32_t first = 0, end = table.count;
  bool has_found = false;
  while (first < end) {
    const uint32_t middle = first + (end - first) / 2;
    TableEntry entry;
    if (!memory.read_value(table.entries + uint64_t{middle} * sizeof(entry), &entry)) return false;
    const uint64_t function = table.header + static_cast<uint64_t>(int64_t{entry.function});
    if (function <= instruction) {
      *found = entry;
      has_found = true;
      first = middle + 1;
    } else {
      end = middle;
    }
  }
  return has_found;
}

// An entry with its length. False at the zero that ends all entries.
bool read_entry(MemoryReader& memory, uint64_t address, GrowingArray<std::byte>* bytes) {
  uint32_t length = 0;
  if (!memory.read_value(address, &length) || length == 0 || length > kMostEntryBytes) return false;
  return bytes->resize(sizeof(length) + length) && memory.read(address, {bytes->data(), bytes->size()});
}

// An FDE says how far before its second word its CIE is; of a CIE that word is zero.
uint32_t distance_to_cie(const GrowingArray<std::byte>& entry) {
  uint32_t distance = 0;
  if (entry.size() >= 2 * sizeof(distance)) memcpy(&distance, entry.data() + sizeof(distance), sizeof(distance));
  return distance;
}

bool read_rule(MemoryReader& memory, uint64_t address, const GrowingArray<std::byte>& fde, uint64_t instruction,
               FoundRule* found) {
  const uint32_t distance = distance_to_cie(fde);
  const uint64_t cie_address = address + sizeof(uint32_t) - distance;
  GrowingArray<std::byte> cie;
  if (distance == 0 || !read_entry(memory, cie_address, &cie)) return false;
  found->cost += (cie.size() + fde.size()) * kCostOfInstruction;
  const FrameEntry entry{DwarfReader({cie.data(), cie.size()}, cie_address),
                         DwarfReader({fde.data(), fde.size()}, address)};
  return read_frame_rule(entry, instruction, &found->rule);
}

bool read_file(int file, uint64_t offset, std::span<std::byte> bytes) {
  return pread(file, bytes.data(), bytes.size(), static_cast<off_t>(offset)) == static_cast<ssize_t>(bytes.size());
}

}  // namespace

bool find_frame_rule(MemoryReader& memory, uint64_t module, uint64_t instruction, FoundRule* found) {
  Table table;
  TableEntry entry;
  GrowingArray<std::byte> fde;
  found->cost += kCostOfTable;
  if (!find_table(memory, module, &table) || !find_entry(memory, table, instruction, &entry)) return false;
  const uint64_t address = table.header + static_cast<uint64_t>(int64_t{entry.fde});
  return read_entry(memory, address, &fde) && read_rule(memory, address, fde, instruction, found);
}

bool search_frame_rule(MemoryReader& memory, const AddressRange& entries, uint64_t instruction, FoundRule* found) {
  GrowingArray<std::byte> all;
  if (entries.length() == 0 || entries.length() > kMostSearchedBytes || !all.resize(entries.length())) return false;
  const std::span<std::byte> bytes(all.data(), all.size());
  found->cost += bytes.size();
  if (!memory.read(entries.start, bytes)) return false;
  uint32_t length = 0;
  for (size_t at = 0; at + 2 * sizeof(length) <= bytes.size(); at += sizeof(length) + length) {
    uint32_t distance = 0;
    memcpy(&length, &bytes[at], sizeof(length));
    memcpy(&distance, &bytes[at + sizeof(length)], sizeof(distance));
    if (length == 0 || length > kMostEntryBytes) return false;
    if (distance == 0 || distance > at + sizeof(length)) continue;
    const size_t cie = at + sizeof(length) - distance;
    const size_t most = std::min(bytes.size() - cie, kMostEntryBytes);
    const FrameEntry entry{DwarfReader(bytes.subspan(cie, most), entries.start + cie),
                           DwarfReader(bytes.subspan(at), entries.start + at)};
    if (!is_about(entry, instruction)) continue;
    uint32_t of_cie = 0;
    memcpy(&of_cie, &bytes[cie], std::min(most, sizeof(of_cie)));
    found->cost += (std::min<uint64_t>(of_cie, most) + length) * kCostOfInstruction;
    return read_frame_rule(entry, instruction, &found->rule);
  }
  return false;
}

std::optional<AddressRange> find_frame_entries(int file, uint64_t module) {
  Elf64_Ehdr elf;
  Elf64_Phdr headers[kMostHeaders];
  const auto bytes_of = [](auto& value) { return std::as_writable_bytes(std::span(&value, 1)); };
  if (!read_file(file, 0, bytes_of(elf)) || !is_elf(elf) || elf.e_shentsize != sizeof(Elf64_Shdr)) return {};
  const std::span<Elf64_Phdr> all(headers, elf.e_phnum);
  if (!read_file(file, elf.e_phoff, std::as_writable_bytes(all))) return {};
  const std::optional<uint64_t> bias = find_bias(all, module);
  const auto section_at = [&](uint32_t i, Elf64_Shdr* section) {
    return read_file(file, elf.e_shoff + i * sizeof(Elf64_Shdr), bytes_of(*section));
  };
  Elf64_Shdr names, section;
  if (!bias || !section_at(elf.e_shstrndx, &names)) return {};
  for (uint32_t i = 0; i < elf.e_shnum && section_at(i, &section); ++i) {
    constexpr std::string_view kName = ".eh_frame";
    char name[kName.size() + 1];
    const bool is_read = read_file(file, names.sh_offset + section.sh_name, std::as_writable_bytes(std::span(name)));
    if (!is_read || std::string_view(name, sizeof(name)) != std::string_view(".eh_frame\0", sizeof(name))) continue;
    AddressRange range;
    if (!range_of(*bias + section.sh_addr, section.sh_size, &range).is_ok()) return {};
    return range;
  }
  return {};
}

}  // namespace pagestore
