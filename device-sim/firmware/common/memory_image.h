// A simulated non-volatile memory that can lose power at any byte of any write.
//
//   MemoryImage memory(64 * 1024);
//   memory.cut_power_after(17);            // the 18th byte from now on is left half written
//   try { firmware.run(); } catch (const PowerLost&) {}
//   memory.restore_power();
//   Firmware restarted(memory);
#pragma once

#include <cstdint>

#include "device-sim/firmware/common/nonvolatile.h"

namespace cafe::firmware {

class MemoryImage : public NonVolatileMemory {
 public:
  // `size` bytes of zero: a blank chip.
  explicit MemoryImage(size_t size) : bytes_(size) {}
  // A memory that was saved before (`snapshot`).
  explicit MemoryImage(protocol::Bytes bytes) : bytes_(std::move(bytes)) {}

  size_t size() const override { return bytes_.size(); }
  void read(size_t offset, protocol::MutableByteView out) const override;
  void write(size_t offset, protocol::ByteView data) override;

  // The whole content: to keep a device between runs, or to clone one (a broken guardian is a
  // guardian whose memory somebody copied and put back).
  protocol::Bytes snapshot() const { return bytes_; }
  // Puts `content`, of exactly size() bytes, back. Firmware that runs on this memory must be
  // started again.
  void restore(protocol::ByteView content);

  // Cuts the power once `bytes` more bytes were written: the next one becomes a mixture of old and
  // new, and write throws PowerLost, then and until restore_power().
  void cut_power_after(uint64_t bytes) { bytes_until_cut_ = bytes; }
  void restore_power();

  // Appends bytes_written() to `ends` after each whole write, so that a test can find every write
  // of a run. Null stops it.
  void log_writes(std::vector<uint64_t>* ends) { write_ends_ = ends; }
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  static constexpr uint64_t kNever = UINT64_MAX;
  protocol::Bytes bytes_;
  uint64_t bytes_until_cut_ = kNever;
  uint64_t bytes_written_ = 0;
  std::vector<uint64_t>* write_ends_ = nullptr;
  bool power_ = true;
};

}  // namespace cafe::firmware
