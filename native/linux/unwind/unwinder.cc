#include "linux/unwind/unwinder.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "linux/proc_file.h"
#include "linux/unwind/frame_expression.h"
#include "linux/unwind/frame_table.h"
#include "system/old_glibc.h"

namespace pagestore {

namespace {

// In a walk. To look for a rule without a table takes a unit for each byte of all entries, which can be megabytes.
constexpr uint64_t kMostFrames = 16384, kMostCost = 128 << 20;
constexpr uint64_t kCostOfModule = 8, kCostOfExpression = 64;  // for each byte of an expression

#if defined(__x86_64__)

constexpr uint64_t without_signature(uint64_t address) {
  return address;
}
constexpr bool kCallUsesStack = true;

#else

// Addresses of programs have 48 bits; above them lies the signature.
constexpr uint64_t without_signature(uint64_t address) {
  return address & ((uint64_t{1} << 48) - 1);
}
constexpr bool kCallUsesStack = false;

#endif

}  // namespace

// Registers of a frame: their values, or where in memory they are, to be read if one is needed.
class Unwinder::Frame final : public FrameValues {
 public:
  Frame(const FrameRegisters& start, MemoryReader& stack) : stack_(stack), instruction_(start.instruction) {
    for (size_t i = 0; i < kFrameRegisters; ++i) slots_[i] = {Slot::Kind::value, start.values[i]};
  }

  uint64_t instruction() const { return instruction_; }
  uint64_t stack_pointer() const { return slots_[kStackRegister].value; }

  std::optional<uint64_t> register_value(uint64_t number) override {
    return number < kFrameRegisters ? value_of(slots_[number]) : std::nullopt;
  }
  std::optional<uint64_t> word_at(uint64_t address) override {
    uint64_t word;
    return stack_.read_value(address, &word) ? std::optional(word) : std::nullopt;
  }

  std::optional<uint64_t> base(const FrameRule& rule) {
    if (rule.base_expression.length > 0) return evaluate(rule.base_expression, {}, *this);
    const std::optional<uint64_t> value = register_value(rule.base_register);
    return value ? std::optional(*value + static_cast<uint64_t>(rule.base_offset)) : std::nullopt;
  }

  // Becomes the caller's frame. False if there is no caller.
  bool leave(const FrameRule& rule, uint64_t base) {
    std::array<Slot, kFrameRegisters> caller;
    for (size_t i = 0; i < kFrameRegisters; ++i) caller[i] = apply(rule.registers[i], slots_[i], base);
    const std::optional<uint64_t> address = value_of(caller[rule.return_register]);
    const bool is_same_stack = rule.registers[kStackRegister].kind == RegisterRule::Kind::same;
    if (is_same_stack) caller[kStackRegister] = {Slot::Kind::value, base};
    const std::optional<uint64_t> stack = value_of(caller[kStackRegister]);
    if (!address || *address == 0 || !stack) return false;
    slots_ = caller;
    slots_[kStackRegister] = {Slot::Kind::value, *stack};
    instruction_ = rule.is_signed ? without_signature(*address) : *address;
    return true;
  }

  // Becomes the frame that a signal interrupted.
  bool leave_signal(SignalFrame* signal) {
    if (!read_signal_frame(stack_pointer(), stack_, signal)) return false;
    for (size_t i = 0; i < kFrameRegisters; ++i) slots_[i] = {Slot::Kind::value, signal->interrupted.values[i]};
    instruction_ = signal->interrupted.instruction;
    return true;
  }

 private:
  struct Slot {
    enum class Kind : uint8_t { lost, value, in_memory };
    Kind kind = Kind::lost;
    uint64_t value = 0;
  };

  std::optional<uint64_t> value_of(const Slot& slot) {
    switch (slot.kind) {
      case Slot::Kind::lost:
        return {};
      case Slot::Kind::value:
        return slot.value;
      case Slot::Kind::in_memory:
        return word_at(slot.value);
    }
    return {};
  }

  static Slot slot(Slot::Kind kind, const std::optional<uint64_t>& value) {
    return value ? Slot{kind, *value} : Slot{};
  }

  Slot apply(const RegisterRule& rule, const Slot& now, uint64_t base) {
    using Kind = RegisterRule::Kind;
    const uint64_t at = base + static_cast<uint64_t>(rule.offset);
    switch (rule.kind) {
      case Kind::same:
        return now;
      case Kind::undefined:
        return {};
      case Kind::at_offset:
        return {Slot::Kind::in_memory, at};
      case Kind::base_offset:
        return {Slot::Kind::value, at};
      case Kind::in_register:
        return slots_[static_cast<size_t>(rule.offset)];
      case Kind::at_expression:
        return slot(Slot::Kind::in_memory, evaluate(rule.expression, base, *this));
      case Kind::expression:
        return slot(Slot::Kind::value, evaluate(rule.expression, base, *this));
    }
    return {};
  }

  MemoryReader& stack_;
  std::array<Slot, kFrameRegisters> slots_{};
  uint64_t instruction_;
};

void Unwinder::set_code(std::span<const std::byte> regions, pid_t pid) {
  GrowingArray<Module> modules;
  RegionReader reader(regions);
  Region region;
  Module module{};
  bool fits = true;
  while (reader.next(&region)) {
    // Without a name nothing says that it is a module.
    if (region.path.empty()) continue;
    if (region.offset == 0 && region.file != module.file) module = {{}, region.start, region.file};
    if (region.path == "[vdso]") module = {{}, region.start, region.file};
    if (region.permissions[2] != 'x' || region.file != module.file) continue;
    module.code = {region.start, region.end};
    fits = fits && modules.append(module);
  }
  if (!fits) modules.clear();
  const bool is_same = std::equal(modules.begin(), modules.end(), modules_.begin(), modules_.end());
  if (is_same) return;
  modules_ = std::move(modules);
  rules_.clear();
  find_executable(pid);
}

// A program that is linked statically has no table in memory, but its entries; its file says where.
void Unwinder::find_executable(pid_t pid) {
  executable_ = 0;
  ScopedFd file;
  struct stat status;
  if (!open_proc_file(pid, "/proc/PID/exe", O_RDONLY, &file).is_ok() || read_file_status(file.get(), &status) != 0)
    return;
  const auto* module = std::find_if(modules_.begin(), modules_.end(),
                                    [&](const Module& each) { return each.file.inode == status.st_ino; });
  if (module == modules_.end()) return;
  if (const auto entries = find_frame_entries(file.get(), module->start)) {
    executable_ = module->start;
    executable_entries_ = *entries;
  }
}

void Unwinder::find_rule(MemoryReader& code, Rule* rule) {
  const uint64_t instruction = rule->instruction;
  rule->cost = modules_.size() * kCostOfModule;
  const auto* module = std::find_if(modules_.begin(), modules_.end(), [&](const Module& each) {
    return each.code.start <= instruction && instruction < each.code.end;
  });
  if (module == modules_.end()) return;
  if (is_signal_return(code, instruction)) {
    rule->kind = Rule::Kind::signal_return;
    return;
  }
  // A call may be the last instruction of its function.
  const uint64_t within = instruction - (rule->is_call ? 1 : 0);
  FoundRule found;
  const bool is_found = find_frame_rule(code, module->start, within, &found) ||
                        (module->start == executable_ && search_frame_rule(code, executable_entries_, within, &found));
  rule->cost += found.cost;
  if (!is_found) return;
  rule->kind = Rule::Kind::frame;
  rule->frame = found.rule;
  uint64_t expressions = found.rule.base_expression.length;
  for (const RegisterRule& each : found.rule.registers) expressions += each.expression.length;
  rule->cost_of_frame = expressions * kCostOfExpression;
}

const Unwinder::Rule* Unwinder::rule_at(uint64_t instruction, bool is_call, MemoryReader& code) {
  if (rules_.empty()) {
    if (!rules_.resize(kRules)) return nullptr;
    std::fill(rules_.begin(), rules_.end(), Rule{});
  }
  Rule& rule = rules_[(instruction * 0x9e37'79b9'7f4a'7c15) >> 57];
  static_assert(kRules == size_t{1} << (64 - 57));
  if (rule.instruction != instruction || rule.is_call != is_call) {
    rule = {};
    rule.instruction = instruction;
    rule.is_call = is_call;
    find_rule(code, &rule);
  }
  // Each walk is charged for what it needs, whether that was kept or not.
  if (rule.walk != walk_) cost_ += rule.cost;
  rule.walk = walk_;
  cost_ += rule.cost_of_frame;
  return cost_ <= kMostCost ? &rule : nullptr;
}

// Up to the next signal frame, which is left, or to the end. False at the end.
bool Unwinder::walk_part(Frame* frame, MemoryReader& code, StackWalk* walk) {
  StackPart& part = walk->parts[walk->count++];
  part.stack = part.end = frame->stack_pointer();
  bool is_call = false;
  while (frames_++ < kMostFrames) {
    const Rule* rule = rule_at(frame->instruction(), is_call, code);
    if (rule == nullptr) return false;
    if (rule->kind == Rule::Kind::none) {
      walk->is_whole = true;
      return false;
    }
    if (rule->kind == Rule::Kind::signal_return) return frame->leave_signal(&part.handled);
    const std::optional<uint64_t> base = frame->base(rule->frame);
    if (!base) return false;
    const uint64_t stack = frame->stack_pointer();
    const bool has_caller = frame->leave(rule->frame, *base);
    // Where a call does not use the stack, functions need not have a frame: one that was just entered, one that keeps
    // nothing there, and the first of all, which goes back to nobody.
    const bool may_be_empty = !kCallUsesStack && (!is_call || !has_caller);
    part.rises = part.rises && (*base > stack || (may_be_empty && *base == stack));
    part.end = *base;
    if (!has_caller) {
      walk->is_whole = true;
      return false;
    }
    is_call = true;
  }
  return false;
}

StackWalk Unwinder::walk(const FrameRegisters& start, MemoryReader& code, MemoryReader& stack) {
  StackWalk walk;
  Frame frame(start, stack);
  ++walk_;
  frames_ = cost_ = 0;
  while (walk.count < StackWalk::kMostParts && walk_part(&frame, code, &walk)) continue;
  return walk;
}

}  // namespace pagestore
