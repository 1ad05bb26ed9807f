#include "snapshot/page_capture.h"

#include "store/page_copy.h"

namespace pagestore {

Status PageCapture::is_absent(VirtualPage virtual_page, bool* is_absent) {
  Child known;
  if (Status status = known_.page_at(virtual_page, &known); !status.is_ok()) return status;
  *is_absent = known == Child::absent;
  return Status::ok();
}

Status PageCapture::is_absent(VirtualPage first, VirtualPage end, bool* is_absent) const {
  *is_absent = true;
  return PageTables(stores_).differences({}, from_, first, end - 1, [&](VirtualPage, Child, Child) {
    *is_absent = false;
    return Status::ok();
  });
}

Status PageCapture::remove(VirtualPage virtual_page) {
  bool is_absent;
  if (Status status = this->is_absent(virtual_page, &is_absent); !status.is_ok() || is_absent) return status;
  return edit_.set(virtual_page, {});
}

Status PageCapture::capture(VirtualPage virtual_page, OwnedBlank blank, bool* is_same) {
  Child known;
  if (Status status = known_.page_at(virtual_page, &known); !status.is_ok()) return status;
  *is_same = known != Child::absent && pages_equal(blank.bytes(), stores_.pages.bytes(number_of(known)), page_size());
  if (*is_same) return Status::ok();
  OwnedPage kept;
  if (Status status = OwnedPage::keep(std::move(blank), &kept); !status.is_ok()) return status;
  *is_same = kept.get() == known;
  return *is_same ? Status::ok() : edit_.set(virtual_page, std::move(kept));
}

}  // namespace pagestore
