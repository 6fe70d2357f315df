// A record of fixed size that changes as a whole, whatever byte the power fails at. No heap.
//
// Format: two copies, one after the other, each payload ‖ u32 CRC-32 (big-endian) over
// u32 tag ‖ payload, where the tag names the record's place, so that a copy never passes for
// another record's.
//
// A write goes to copy 0 first, then to copy 1; it has taken effect once copy 0 is whole. Reading
// takes copy 0 where its CRC fits (the newest state), else copy 1 (copy 0 was torn: the state
// before the write). `recover`, at every start, makes both copies equal again. So
//   - a power cut leaves the old state or the new one, never anything else;
//   - once `store` has returned, no trace of the old payload is left: secrets are erased for good;
//   - one damaged copy never brings an older state back.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "device-sim/firmware/common/crc32.h"
#include "device-sim/firmware/common/nonvolatile.h"
#include "libs/protocol/frame.h"

namespace cafe::firmware {

enum class RecordState {
  kValid,
  kBlank,    // never written: copy 1 is all zero and copy 0 holds nothing whole
  kDamaged,  // both copies fail, which no power cut does
};

template <size_t N>
class MirroredRecord {
 public:
  using Payload = std::array<uint8_t, N>;
  static constexpr size_t kCopySize = N + 4;
  static constexpr size_t kSize = 2 * kCopySize;  // in the memory

  MirroredRecord(NonVolatileMemory& memory, size_t offset, uint32_t tag)
      : memory_(memory), offset_(offset), tag_(tag) {}

  // Reads the newest state into `payload`; untouched unless the result is kValid.
  RecordState load(Payload& payload) const {
    Copy copy;
    const Wiper wiper{copy};
    bool valid = read_copy(0, copy) || read_copy(1, copy);
    if (valid) {
      std::copy_n(copy.begin(), N, payload.begin());
      return RecordState::kValid;
    }
    // read_copy(1) was the last to fill `copy`.
    for (uint8_t byte : copy) {
      if (byte != 0) return RecordState::kDamaged;
    }
    return RecordState::kBlank;
  }

  // Replaces the payload, atomically and durably.
  void store(const Payload& payload) {
    Copy copy;
    const Wiper wiper{copy};
    std::copy_n(payload.begin(), N, copy.begin());
    const auto crc = protocol::encode_u32(crc_of(copy));
    std::copy_n(crc.begin(), 4, copy.begin() + N);
    memory_.write(offset_, copy);
    memory_.write(offset_ + kCopySize, copy);
  }

  // Makes both copies equal after a power cut, then loads. To be called once at each start, before
  // anything else uses the record.
  RecordState recover(Payload& payload) {
    const RecordState state = load(payload);
    if (state == RecordState::kValid) {
      Copy first, second;
      const Wiper wiper_first{first}, wiper_second{second};
      read_copy(0, first);
      read_copy(1, second);
      if (first != second) store(payload);
    }
    return state;
  }

 private:
  using Copy = std::array<uint8_t, kCopySize>;
  struct Wiper {
    Copy& copy;
    ~Wiper() { protocol::wipe(copy); }
  };

  uint32_t crc_of(const Copy& copy) const {
    return crc32(protocol::ByteView(copy).first(N), crc32(protocol::encode_u32(tag_)));
  }
  bool read_copy(size_t which, Copy& copy) const {
    memory_.read(offset_ + which * kCopySize, copy);
    return protocol::decode_u32(protocol::ByteView(copy).template last<4>()) == crc_of(copy);
  }

  NonVolatileMemory& memory_;
  size_t offset_;
  uint32_t tag_;
};

}  // namespace cafe::firmware
