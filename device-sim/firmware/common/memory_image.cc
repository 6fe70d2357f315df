#include "device-sim/firmware/common/memory_image.h"

#include <algorithm>
#include <cstdlib>

namespace cafe::firmware {

namespace {

// A range outside the memory is a bug of the firmware, which no device survives.
void require_inside(size_t offset, size_t length, size_t size) {
  if (offset > size || length > size - offset) std::abort();
}

}  // namespace

void MemoryImage::read(size_t offset, protocol::MutableByteView out) const {
  require_inside(offset, out.size(), bytes_.size());
  if (!power_) throw PowerLost{};
  std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
}

void MemoryImage::write(size_t offset, protocol::ByteView data) {
  require_inside(offset, data.size(), bytes_.size());
  if (!power_) throw PowerLost{};
  const size_t whole = static_cast<size_t>(std::min<uint64_t>(data.size(), bytes_until_cut_));
  std::copy_n(data.begin(), whole, bytes_.begin() + static_cast<ptrdiff_t>(offset));
  bytes_written_ += whole;
  if (bytes_until_cut_ != kNever) bytes_until_cut_ -= whole;
  if (whole < data.size()) {
    // The cell that was being programmed: some of its bits have changed, some have not.
    uint8_t& torn = bytes_[offset + whole];
    torn = static_cast<uint8_t>((torn & 0xA5) | (data[whole] & 0x5A));
    power_ = false;
    throw PowerLost{};
  }
  if (write_ends_ != nullptr) write_ends_->push_back(bytes_written_);
}

void MemoryImage::restore(protocol::ByteView content) {
  if (content.size() != bytes_.size()) std::abort();
  std::copy(content.begin(), content.end(), bytes_.begin());
}

void MemoryImage::restore_power() {
  power_ = true;
  bytes_until_cut_ = kNever;
}

}  // namespace cafe::firmware
