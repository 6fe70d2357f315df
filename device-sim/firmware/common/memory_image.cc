#include "device-sim/firmware/common/memory_image.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

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

void MemoryImage::cut_power_at(uint64_t write, PowerCut where) {
  cut_write_ = writes_ + write;
  cut_where_ = where;
}

void MemoryImage::lose_power(size_t offset, protocol::ByteView data, size_t whole, bool torn) {
  std::copy_n(data.begin(), whole, bytes_.begin() + static_cast<ptrdiff_t>(offset));
  bytes_written_ += whole;
  if (torn) {
    // The cell that was being programmed: some of its bits have changed, some have not.
    uint8_t& cell = bytes_[offset + whole];
    cell = static_cast<uint8_t>((cell & 0xA5) | (data[whole] & 0x5A));
  }
  power_ = false;
  throw PowerLost{};
}

void MemoryImage::write(size_t offset, protocol::ByteView data) {
  require_inside(offset, data.size(), bytes_.size());
  if (!power_) throw PowerLost{};
  if (writes_++ == cut_write_) {
    cut_write_ = kNever;
    if (cut_where_ == PowerCut::kMiddle) lose_power(offset, data, data.size() / 2, true);
    lose_power(offset, data, cut_where_ == PowerCut::kAfter ? data.size() : 0, false);
  }
  if (data.size() > bytes_until_cut_) {
    lose_power(offset, data, static_cast<size_t>(std::exchange(bytes_until_cut_, 0)), true);
  }
  std::copy(data.begin(), data.end(), bytes_.begin() + static_cast<ptrdiff_t>(offset));
  bytes_written_ += data.size();
  if (bytes_until_cut_ != kNever) bytes_until_cut_ -= data.size();
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
