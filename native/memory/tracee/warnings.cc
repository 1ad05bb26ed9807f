#include "memory/tracee/warnings.h"

#include <bit>
#include <cstdarg>
#include <cstdio>

namespace pagestore {

void Warnings::add(WarningKind kind, const char* format, ...) {
  if (had(kind)) return;
  had_ |= bit_of(kind);
  waiting_ |= bit_of(kind);
  char* const text = texts_[static_cast<size_t>(kind)];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(text, sizeof(texts_[0]), format, arguments);
  va_end(arguments);
}

std::optional<Warnings::Warning> Warnings::take() {
  if (waiting_ == 0) return std::nullopt;
  const auto kind = static_cast<WarningKind>(std::countr_zero(waiting_));
  waiting_ &= waiting_ - 1;
  return Warning{kind, texts_[static_cast<size_t>(kind)]};
}

}  // namespace pagestore
