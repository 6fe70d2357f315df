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

// Where in a write the power fails.
enum class PowerCut {
  kBefore,  // nothing of it is there
  kMiddle,  // half of it, and a byte that is neither old nor new
  kAfter,   // all of it; whoever wrote never hears of it
};

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
  // The same for the write-th write from now on (0: the next one). Stays armed while the power
  // comes and goes for other reasons.
  void cut_power_at(uint64_t write, PowerCut where);
  bool cut_armed() const { return cut_write_ != kNever; }  // no longer once it has happened
  // Disarms cut_power_at.
  void keep_power() { cut_write_ = kNever; }
  void restore_power();
  bool has_power() const { return power_; }

  // Appends bytes_written() to `ends` after each whole write, so that a test can find every write
  // of a run. Null stops it.
  void log_writes(std::vector<uint64_t>* ends) { write_ends_ = ends; }
  uint64_t bytes_written() const { return bytes_written_; }
  // How many writes there were, one that was cut included.
  uint64_t writes() const { return writes_; }

 private:
  static constexpr uint64_t kNever = UINT64_MAX;
  // Writes the first `whole` bytes of `data`, tears the next one where `torn`, and the power is
  // gone.
  [[noreturn]] void lose_power(size_t offset, protocol::ByteView data, size_t whole, bool torn);

  protocol::Bytes bytes_;
  uint64_t bytes_until_cut_ = kNever;
  uint64_t bytes_written_ = 0;
  uint64_t writes_ = 0;
  uint64_t cut_write_ = kNever;
  PowerCut cut_where_ = PowerCut::kBefore;
  std::vector<uint64_t>* write_ends_ = nullptr;
  bool power_ = true;
};

}  // namespace cafe::firmware
