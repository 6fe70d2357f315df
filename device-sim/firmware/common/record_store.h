// Named records in a non-volatile memory, for devices with a heap (wallet, terminal): a journal of
// atomic batches, compacted when it is full.
//
//   CAFE_ASSIGN_OR_RETURN(auto store, RecordStore::open(memory));
//   CAFE_RETURN_IF_ERROR(store->commit(Batch().put("order", bytes).erase("draft")));
//
// Format. The memory is two halves. A half starts with a header
//     "CAFEJRNL" ‖ u32 epoch ‖ u32 crc
// and the half with the higher valid epoch is the live one. Entries follow the header:
//     u32 length of body ‖ body ‖ u32 crc over (u32 epoch ‖ u32 offset in the half ‖ length ‖ body)
// and end at a length of 0 or at the first CRC that does not fit. A body is one batch: a sequence
// of u8 operation (1 put, 2 erase) ‖ u32 length ‖ key ‖ (put: u32 length ‖ value).
//
// An append writes the zero length behind the new entry first, then the entry, so that nothing left
// over from an earlier torn write is ever read as an entry. Where a half is full, all live records
// are written to the other half and its header last: until the header is whole the old half counts.
// A power cut therefore leaves each batch done or not done.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "device-sim/firmware/common/nonvolatile.h"

namespace cafe::firmware {

// Changes that take effect together or not at all.
class Batch {
 public:
  Batch& put(std::string_view key, protocol::ByteView value);
  Batch& erase(std::string_view key);
  bool empty() const { return body_.empty(); }

 private:
  friend class RecordStore;
  protocol::Bytes body_;
};

class RecordStore {
 public:
  // Reads the journal, or formats a blank memory. STORE_TOO_SMALL for a memory that cannot hold
  // one; STORE_DAMAGED (DATA_LOSS) where an entry that passes its CRC cannot be read.
  static absl::StatusOr<std::unique_ptr<RecordStore>> open(NonVolatileMemory& memory);

  // Durable when it returns OK. STORE_FULL (RESOURCE_EXHAUSTED) where even a compacted half cannot
  // hold it; nothing has changed then.
  absl::Status commit(const Batch& batch);

  // Null where there is none. Valid until the next commit.
  const protocol::Bytes* find(std::string_view key) const;
  // Every record whose key starts with `prefix`, in the order of keys; `visit` must not commit.
  void scan(std::string_view prefix,
            const std::function<void(std::string_view key, protocol::ByteView value)>& visit) const;
  size_t count(std::string_view prefix) const;
  // Bytes that can be appended until all records move to the other half.
  size_t room() const { return half_size() - tail_; }

 private:
  explicit RecordStore(NonVolatileMemory& memory) : memory_(memory) {}
  size_t half_size() const { return memory_.size() / 2; }
  std::optional<uint32_t> read_header(int half) const;
  void write_header(int half, uint32_t epoch);
  absl::Status replay();
  absl::Status apply(protocol::ByteView body);
  void append(int half, uint32_t epoch, size_t& tail, protocol::ByteView body);
  uint64_t compacted_size() const;
  void compact();

  NonVolatileMemory& memory_;
  std::map<std::string, protocol::Bytes, std::less<>> records_;
  int half_ = 0;
  uint32_t epoch_ = 0;
  size_t tail_ = 0;  // offset in the half behind the last entry
};

}  // namespace cafe::firmware
