// Frames are undone as the tables say; whatever the tables say, a walk ends and nothing is harmed.
#include "linux/unwind/unwinder.h"

#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "linux/process_regions.h"
#include "linux/program_layout.h"
#include "linux/remote_memory.h"
#include "linux/unwind/frame_expression.h"
#include "linux/unwind/frame_rule.h"
#include "linux/unwind/frame_table.h"
#include "support.h"

namespace pagestore::test {
namespace {

using Kind = RegisterRule::Kind;
using Bytes = std::vector<uint8_t>;

constexpr uint64_t kFunction = 0x1000;

// An entry: its length, then `body`, filled up with instructions that do nothing.
Bytes entry(Bytes body) {
  while (body.size() % 8 != 4) body.push_back(0);
  const auto length = static_cast<uint32_t>(body.size());
  Bytes bytes(sizeof(length));
  memcpy(bytes.data(), &length, sizeof(length));
  bytes.insert(bytes.end(), body.begin(), body.end());
  return bytes;
}

// "zR", addresses of 8 bytes; the base is register 7 + 8, the return address lies below it.
const Bytes kCie = entry({0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0, 0x0c, 7, 8, 0x90, 1});

Bytes function(const Bytes& instructions, uint64_t length = 64) {
  Bytes body(4, 1);  // whichever CIE: the test says which
  for (const uint64_t value : {kFunction, length}) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(&value);
    body.insert(body.end(), bytes, bytes + sizeof(value));
  }
  body.push_back(0);
  body.insert(body.end(), instructions.begin(), instructions.end());
  return entry(body);
}

bool read_rule(const Bytes& cie, const Bytes& fde, uint64_t offset, FrameRule* rule) {
  const auto reader = [](const Bytes& bytes) { return DwarfReader(std::as_bytes(std::span(bytes)), 0x5000); };
  return read_frame_rule({reader(cie), reader(fde)}, kFunction + offset, rule);
}

TEST(FrameRules, AreThoseOfTheInstruction) {
  // push rbp at 1, mov rsp, rbp at 4, back at 20.
  const Bytes fde = function({0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x0a, 0x50, 0x0c, 7, 8, 0xc6, 0x44, 0x0b});
  FrameRule rule;
  ASSERT_TRUE(read_rule(kCie, fde, 0, &rule));
  EXPECT_EQ(rule.base_register, 7u);
  EXPECT_EQ(rule.base_offset, 8);
  EXPECT_EQ(rule.return_register, 16u);
  EXPECT_EQ(rule.registers[16].offset, -8);
  EXPECT_EQ(rule.registers[6].kind, Kind::same);
  ASSERT_TRUE(read_rule(kCie, fde, 1, &rule));
  EXPECT_EQ(rule.base_offset, 16);
  EXPECT_EQ(rule.registers[6].kind, Kind::at_offset);
  EXPECT_EQ(rule.registers[6].offset, -16);
  ASSERT_TRUE(read_rule(kCie, fde, 19, &rule));
  EXPECT_EQ(rule.base_register, 6u);
  EXPECT_EQ(rule.base_offset, 16);
  ASSERT_TRUE(read_rule(kCie, fde, 20, &rule));
  EXPECT_EQ(rule.base_register, 7u);
  EXPECT_EQ(rule.registers[6].kind, Kind::same);
  ASSERT_TRUE(read_rule(kCie, fde, 24, &rule));
  EXPECT_EQ(rule.base_register, 6u);
  EXPECT_FALSE(read_rule(kCie, fde, 64, &rule));
  EXPECT_FALSE(read_rule(kCie, function({}, 8), 8, &rule));
}

TEST(FrameRules, AreReadBehindWhatCPlusPlusNeeds) {
  // "zPLR": a routine of the language, whose address lies in memory, and how its data are written.
  const Bytes cie =
      entry({0, 0, 0, 0, 1, 'z', 'P', 'L', 'R', 0, 1, 0x78, 16, 7, 0x9b, 9, 9, 9, 9, 0x1b, 0x00, 0x0c, 7, 8, 0x90, 1});
  FrameRule rule;
  ASSERT_TRUE(read_rule(cie, function({0}), 0, &rule));
  EXPECT_EQ(rule.registers[16].offset, -8);
}

TEST(FrameRules, AreNoneWhereSomethingIsNotUnderstood) {
  FrameRule rule;
  EXPECT_TRUE(read_rule(kCie, function({0}), 0, &rule));
  for (const Bytes& instructions : {Bytes{0x3f}, Bytes{0x0b}, Bytes{0x0c, 99, 8}, Bytes{0x0a, 0x0a, 0x0a, 0x0a, 0x0a},
                                    Bytes{0x0f, 60}, Bytes{0x09, 3, 90}}) {
    EXPECT_FALSE(read_rule(kCie, function(instructions), 0, &rule)) << int{instructions[0]};
  }
  Bytes other = kCie;
  other[9] = 'q';  // an augmentation
  EXPECT_FALSE(read_rule(other, function({0}), 0, &rule));
  EXPECT_FALSE(read_rule({}, function({0}), 0, &rule));
  EXPECT_FALSE(read_rule(kCie, {}, 0, &rule));
}

class Values final : public FrameValues {
 public:
  std::optional<uint64_t> register_value(uint64_t number) override {
    return number < 17 ? std::optional(1000 * number) : std::nullopt;
  }
  std::optional<uint64_t> word_at(uint64_t address) override {
    return address != 0 ? std::optional(address + 1) : std::nullopt;
  }
};

std::optional<uint64_t> evaluated(const Bytes& bytes, std::optional<uint64_t> first = {}) {
  FrameExpression expression;
  expression.length = static_cast<uint8_t>(bytes.size());
  std::ranges::copy(std::as_bytes(std::span(bytes)), expression.bytes.begin());
  Values values;
  return evaluate(expression, first, values);
}

TEST(FrameExpressions, Compute) {
  EXPECT_EQ(evaluated({0x76, 0x78}), 6000u - 8);                                                  // breg6 -8
  EXPECT_EQ(evaluated({0x76, 0x78, 0x06}), 6000u - 7);                                            // and what lies there
  EXPECT_EQ(evaluated({0x23, 5}, 7), 12u);                                                        // plus 5
  EXPECT_EQ(evaluated({0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22}), 7008u + 0);  // of a PLT
  EXPECT_EQ(evaluated({0x31, 0x32, 0x14, 0x1c, 0x22}), 1u + (2 - 1));
  for (const Bytes& wrong : {Bytes{}, Bytes{0x22}, Bytes{0x2f, 0, 0}, Bytes{0x30, 0x06}, Bytes{0x08}, Bytes{0xff}}) {
    EXPECT_EQ(evaluated(wrong), std::nullopt);
  }
}

// The memory of this process, of which some bytes read otherwise.
class OwnMemory final : public MemoryReader {
 public:
  OwnMemory() { EXPECT_TRUE(ok(memory_.open(getpid()))); }
  void lie(uint64_t seed, unsigned one_in) { random_.seed(seed), one_in_ = one_in; }
  bool read(uint64_t address, std::span<std::byte> bytes) override {
    if (!memory_.read(RemoteAddress(address), bytes.data(), bytes.size()).is_ok()) return false;
    for (std::byte& byte : bytes) {
      if (one_in_ != 0 && random_() % one_in_ == 0) byte = static_cast<std::byte>(random_());
    }
    return true;
  }

 private:
  RemoteMemory memory_;
  std::mt19937_64 random_;
  unsigned one_in_ = 0;
};

#if defined(__x86_64__)

FrameRegisters registers_of(const ucontext_t& context) {
  constexpr int kOrder[] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
                            REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP};
  FrameRegisters registers;
  for (size_t i = 0; i < kFrameRegisters; ++i) {
    registers.values[i] = static_cast<uint64_t>(context.uc_mcontext.gregs[kOrder[i]]);
  }
  registers.instruction = registers.values[16];
  return registers;
}

#else

FrameRegisters registers_of(const ucontext_t& context) {
  FrameRegisters registers;
  for (size_t i = 0; i < 31; ++i) registers.values[i] = context.uc_mcontext.regs[i];
  registers.values[kStackRegister] = context.uc_mcontext.sp;
  // getcontext is in the place from which it will have returned.
  registers.instruction = registers.values[30];
  return registers;
}

#endif

class Walks : public testing::Test {
 protected:
  void SetUp() override {
    RegionList regions;
    ASSERT_TRUE(ok(read_regions_of(getpid(), &regions)));
    ASSERT_TRUE(ok(read_program_layout(getpid(), &layout_)));
    unwinder_.set_code(regions.bytes(), getpid());
    list_ = std::move(regions);
  }
  StackWalk walk() {
    ucontext_t context;
    getcontext(&context);
    return unwinder_.walk(registers_of(context), memory_, memory_);
  }
  ProgramLayout layout_;
  RegionList list_;
  OwnMemory memory_;
  Unwinder unwinder_;
};

TEST_F(Walks, ComeFromHereToWhereTheProgramBegan) {
  for (int i = 0; i < 2; ++i) {
    const StackWalk walk = this->walk();
    EXPECT_TRUE(walk.is_whole);
    ASSERT_EQ(walk.count, 1u);
    EXPECT_TRUE(walk.last().rises);
    EXPECT_GT(walk.last().end, walk.last().stack);
    EXPECT_NEAR(static_cast<double>(walk.last().end), static_cast<double>(layout_.stack_start), 256);
  }
}

TEST_F(Walks, EndWhereverTablesAndStackLie) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  for (uint64_t round = 0; round < 2000; ++round) {
    memory_.lie(seed + round, 1u << (2 + round % 12));
    Unwinder fresh;
    std::swap(fresh, unwinder_);
    unwinder_.set_code(list_.bytes(), getpid());
    EXPECT_LE(walk().count, StackWalk::kMostParts);
  }
}

TEST_F(Walks, KnowNothingOfCodeThatIsNotMapped) {
  unwinder_.set_code({}, getpid());
  const StackWalk walk = this->walk();
  EXPECT_TRUE(walk.is_whole);
  EXPECT_EQ(walk.last().end, walk.last().stack);
}

TEST(FrameRules, OfRandomBytesHarmNothing) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  size_t understood = 0;
  for (int round = 0; round < 200'000; ++round) {
    Bytes instructions(random() % 24);
    for (uint8_t& each : instructions) each = static_cast<uint8_t>(random());
    Bytes cie = kCie, fde = function(instructions);
    for (Bytes* bytes : {&cie, &fde}) {
      if (random() % 4 == 0) (*bytes)[random() % bytes->size()] = static_cast<uint8_t>(random());
      if (random() % 16 == 0) bytes->resize(random() % bytes->size());
    }
    FrameRule rule;
    if (!read_rule(cie, fde, random() % 64, &rule)) continue;
    ++understood;
    Values values;
    static_cast<void>(evaluate(rule.base_expression, {}, values));
    EXPECT_LT(rule.base_register, kFrameRegisters);
    EXPECT_LT(rule.return_register, kFrameRegisters);
  }
  EXPECT_GT(understood, 1000u);
}

TEST(FrameRules, AreNoneWhereANumberOrAnAugmentationHasNoEnd) {
  FrameRule rule;
  Bytes body{0, 0, 0, 0, 1, 0};
  body.insert(body.end(), 40, 0x80);
  body.insert(body.end(), {1, 0x78, 16, 0x0c, 7, 8, 0x90, 1});
  EXPECT_FALSE(read_rule(entry(body), function({0}), 0, &rule));
  body = {0, 0, 0, 0, 1};
  body.insert(body.end(), 40, 'z');
  body.insert(body.end(), {0, 1, 0x78, 16, 1, 0, 0x0c, 7, 8, 0x90, 1});
  EXPECT_FALSE(read_rule(entry(body), function({0}), 0, &rule));
}

// Bytes at one address, with nothing around them.
class Bytewise final : public MemoryReader {
 public:
  Bytewise(uint64_t address, Bytes bytes) : address_(address), bytes_(std::move(bytes)) {}
  bool read(uint64_t address, std::span<std::byte> to) override {
    if (address < address_ || to.size() > bytes_.size() || address - address_ > bytes_.size() - to.size()) return false;
    memcpy(to.data(), bytes_.data() + (address - address_), to.size());
    return true;
  }

 private:
  uint64_t address_;
  Bytes bytes_;
};

constexpr uint64_t kEntries = 0x9000;

void append(Bytes* bytes, const Bytes& more) {
  bytes->insert(bytes->end(), more.begin(), more.end());
}

// A function whose CIE lies at the start of all entries.
Bytes function_at(size_t at, const Bytes& instructions) {
  Bytes made = function(instructions);
  const auto distance = static_cast<uint32_t>(at + sizeof(uint32_t));
  memcpy(made.data() + sizeof(uint32_t), &distance, sizeof(distance));
  return made;
}

bool search(const Bytes& entries, uint64_t instruction, FoundRule* found) {
  Bytewise memory(kEntries, entries);
  return search_frame_rule(memory, {kEntries, kEntries + entries.size()}, instruction, found);
}

TEST(FrameEntries, AreSearchedForTheFunction) {
  Bytes entries = kCie;
  append(&entries, function_at(entries.size(), {0x0e, 32}));
  FoundRule found;
  ASSERT_TRUE(search(entries, kFunction + 1, &found));
  EXPECT_EQ(found.rule.base_offset, 32);
  EXPECT_GE(found.cost, entries.size());
  EXPECT_FALSE(search(entries, kFunction + 64, &found));
}

// The first entry about an instruction decides, or else each of very many could be long to carry out.
TEST(FrameEntries, AreNotTriedOneByOneWhereTheyAreAboutTheSame) {
  Bytes cie{0, 0, 0, 0, 1, 'z', 'R', 0, 1, 0x78, 16, 1, 0};
  cie.insert(cie.end(), 60'000, 0x0a);
  for (size_t i = 14; i < cie.size(); i += 2) cie[i] = 0x0b;  // remembers, goes back, and so on
  Bytes entries = entry(cie);
  while (entries.size() < (3 << 20)) append(&entries, function_at(entries.size(), {0x3f}));
  FoundRule found;
  EXPECT_FALSE(search(entries, kFunction, &found));
  EXPECT_LT(found.cost, entries.size() + (2 << 20));
}

// A section as a linker writes it, damaged.
TEST(FrameEntries, MayBeDamaged) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  size_t understood = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes entries = kCie;
    for (uint64_t i = 0; i < 1 + random() % 4; ++i) {
      append(&entries, function_at(entries.size(), {0x41, 0x0e, 16, 0x86, 2, 0x10, 3, 2, 0x76, 0x78}));
    }
    for (uint64_t damages = random() % 6; damages > 0; --damages) {
      entries[random() % entries.size()] = static_cast<uint8_t>(random());
    }
    if (random() % 8 == 0) entries.resize(random() % entries.size());
    FoundRule found;
    if (!search(entries, kFunction + random() % 64, &found)) continue;
    ++understood;
    EXPECT_LT(found.rule.base_register, kFrameRegisters);
    EXPECT_LT(found.rule.return_register, kFrameRegisters);
  }
  EXPECT_GT(understood, 1000u);
}

// An executable's header, its program headers and its `.eh_frame_hdr`, as they lie in this process, damaged.
TEST_F(Walks, EndWhereTablesAreDamaged) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  RegionReader reader(list_.bytes());
  size_t modules = 0;
  for (Region region; reader.next(&region);) {
    if (region.offset != 0 || !region.path.starts_with('/')) continue;
    ++modules;
    for (int round = 0; round < 40; ++round) {
      memory_.lie(random(), 1u << (4 + round % 10));
      FoundRule found;
      find_frame_rule(memory_, region.start, region.start + random() % (1 << 20), &found);
      EXPECT_LE(found.cost, 4u << 20);
    }
  }
  EXPECT_GT(modules, 0u);
}

// A stack on which each frame is the next one's caller, for ever.
TEST_F(Walks, EndHoweverDeepTheyGo) {
  class Endless final : public MemoryReader {
   public:
    explicit Endless(uint64_t address) : address_(address) {}
    bool read(uint64_t, std::span<std::byte> bytes) override {
      for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(address_ >> (i % 8 * 8));
      return true;
    }

   private:
    uint64_t address_;
  };
  ucontext_t context;
  getcontext(&context);
  FrameRegisters registers = registers_of(context);
  Endless stack(registers.instruction + 1);
  const StackWalk first = unwinder_.walk(registers, memory_, stack), again = unwinder_.walk(registers, memory_, stack);
  EXPECT_FALSE(first.is_whole);
  EXPECT_EQ(first.last().end, again.last().end);
}

}  // namespace
}  // namespace pagestore::test
