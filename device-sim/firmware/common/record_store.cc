#include "device-sim/firmware/common/record_store.h"

#include "device-sim/firmware/common/crc32.h"
#include "libs/protocol/frame.h"

namespace cafe::firmware {

namespace {

using protocol::Bytes;
using protocol::ByteView;

constexpr std::string_view kMagic = "CAFEJRNL";
constexpr size_t kHeaderSize = 16;
constexpr size_t kLengthSize = 4;
constexpr size_t kEntryOverhead = kLengthSize + 4;  // length and CRC
constexpr size_t kSmallestMemory = 1024;

enum class Operation : uint8_t { kPut = 1, kErase = 2 };

void append_field(Bytes& to, ByteView field) {
  protocol::append(to, protocol::encode_u32(static_cast<uint32_t>(field.size())));
  protocol::append(to, field);
}

// What a put takes in a body.
size_t put_size(std::string_view key, ByteView value) {
  return 1 + 4 + key.size() + 4 + value.size();
}

uint32_t entry_crc(uint32_t epoch, size_t offset, ByteView length_and_body) {
  const uint32_t place = crc32(protocol::encode_u32(static_cast<uint32_t>(offset)),
                               crc32(protocol::encode_u32(epoch)));
  return crc32(length_and_body, place);
}

absl::Status damaged() {
  return protocol::make_error(absl::StatusCode::kDataLoss, "STORE_DAMAGED",
                              "The device's memory holds a record that cannot be read: take the "
                              "device to its issuer.");
}

// Takes a field off the front of `rest`; false where it is too short.
bool take_field(ByteView& rest, ByteView& field) {
  if (rest.size() < 4) return false;
  const size_t length = protocol::decode_u32(rest.first<4>());
  if (length > rest.size() - 4) return false;
  field = rest.subspan(4, length);
  rest = rest.subspan(4 + length);
  return true;
}

std::string_view text_of(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

Batch& Batch::put(std::string_view key, ByteView value) {
  body_.push_back(static_cast<uint8_t>(Operation::kPut));
  append_field(body_, protocol::view_of(key));
  append_field(body_, value);
  return *this;
}

Batch& Batch::erase(std::string_view key) {
  body_.push_back(static_cast<uint8_t>(Operation::kErase));
  append_field(body_, protocol::view_of(key));
  return *this;
}

absl::StatusOr<std::unique_ptr<RecordStore>> RecordStore::open(NonVolatileMemory& memory) {
  if (memory.size() < kSmallestMemory) {
    return protocol::invalid("STORE_TOO_SMALL", "The device's memory is too small for a journal.");
  }
  std::unique_ptr<RecordStore> store(new RecordStore(memory));
  const auto first = store->read_header(0);
  const auto second = store->read_header(1);
  if (!first && !second) {
    // Blank, or the very first header was torn: nothing was ever stored.
    store->half_ = 0;
    store->epoch_ = 1;
    store->tail_ = kHeaderSize;
    memory.write(kHeaderSize, protocol::encode_u32(0));
    store->write_header(0, 1);
    return store;
  }
  store->half_ = second.value_or(0) > first.value_or(0) ? 1 : 0;
  store->epoch_ = store->half_ == 1 ? *second : *first;
  CAFE_RETURN_IF_ERROR(store->replay());
  return store;
}

std::optional<uint32_t> RecordStore::read_header(int half) const {
  std::array<uint8_t, kHeaderSize> header;
  memory_.read(half * half_size(), header);
  const ByteView view(header);
  if (text_of(view.first(kMagic.size())) != kMagic) return std::nullopt;
  if (protocol::decode_u32(view.last<4>()) != crc32(view.first(kHeaderSize - 4))) {
    return std::nullopt;
  }
  return protocol::decode_u32(view.subspan<8, 4>());
}

void RecordStore::write_header(int half, uint32_t epoch) {
  Bytes header = protocol::to_bytes(protocol::view_of(kMagic));
  protocol::append(header, protocol::encode_u32(epoch));
  protocol::append(header, protocol::encode_u32(crc32(header)));
  memory_.write(half * half_size(), header);
}

absl::Status RecordStore::replay() {
  Bytes half(half_size());
  memory_.read(half_ * half_size(), half);
  const ByteView view(half);
  tail_ = kHeaderSize;
  while (tail_ + kEntryOverhead + kLengthSize <= view.size()) {
    const size_t length = protocol::decode_u32(view.subspan(tail_).first<4>());
    if (length == 0 || length > view.size() - tail_ - kEntryOverhead) break;
    const ByteView entry = view.subspan(tail_, kLengthSize + length);
    const uint32_t crc = protocol::decode_u32(view.subspan(tail_ + entry.size()).first<4>());
    if (crc != entry_crc(epoch_, tail_, entry)) break;
    CAFE_RETURN_IF_ERROR(apply(entry.subspan(kLengthSize)));
    tail_ += entry.size() + 4;
  }
  return absl::OkStatus();
}

absl::Status RecordStore::apply(ByteView body) {
  while (!body.empty()) {
    const auto operation = static_cast<Operation>(body[0]);
    body = body.subspan(1);
    ByteView key, value;
    if (!take_field(body, key)) return damaged();
    if (operation == Operation::kErase) {
      records_.erase(std::string(text_of(key)));
      continue;
    }
    if (operation != Operation::kPut || !take_field(body, value)) return damaged();
    records_.insert_or_assign(std::string(text_of(key)), protocol::to_bytes(value));
  }
  return absl::OkStatus();
}

void RecordStore::append(int half, uint32_t epoch, size_t& tail, ByteView body) {
  Bytes entry;
  entry.reserve(body.size() + kEntryOverhead);
  append_field(entry, body);
  protocol::append(entry, protocol::encode_u32(entry_crc(epoch, tail, entry)));
  const size_t base = half * half_size();
  // The end mark first: what lies behind the new entry is never taken for one.
  memory_.write(base + tail + entry.size(), protocol::encode_u32(0));
  memory_.write(base + tail, entry);
  tail += entry.size();
}

uint64_t RecordStore::compacted_size() const {
  uint64_t size = kHeaderSize + kLengthSize;
  for (const auto& [key, value] : records_) size += kEntryOverhead + put_size(key, value);
  return size;
}

void RecordStore::compact() {
  const int other = 1 - half_;
  size_t tail = kHeaderSize;
  memory_.write(other * half_size() + tail, protocol::encode_u32(0));
  for (const auto& [key, value] : records_) {
    append(other, epoch_ + 1, tail, Batch().put(key, value).body_);
  }
  write_header(other, epoch_ + 1);
  half_ = other;
  ++epoch_;
  tail_ = tail;
}

absl::Status RecordStore::commit(const Batch& batch) {
  if (batch.empty()) return absl::OkStatus();
  const size_t needed = batch.body_.size() + kEntryOverhead + kLengthSize;
  if (tail_ + needed > half_size()) {
    if (compacted_size() + needed > half_size()) {
      return protocol::make_error(absl::StatusCode::kResourceExhausted, "STORE_FULL",
                                  "The device's memory is full: finish or hand in what is pending "
                                  "first.");
    }
    compact();
  }
  append(half_, epoch_, tail_, batch.body_);
  return apply(batch.body_);
}

const Bytes* RecordStore::find(std::string_view key) const {
  const auto it = records_.find(key);
  return it == records_.end() ? nullptr : &it->second;
}

void RecordStore::scan(std::string_view prefix,
                       const std::function<void(std::string_view, ByteView)>& visit) const {
  for (auto it = records_.lower_bound(prefix);
       it != records_.end() && std::string_view(it->first).starts_with(prefix); ++it) {
    visit(it->first, it->second);
  }
}

size_t RecordStore::count(std::string_view prefix) const {
  size_t n = 0;
  scan(prefix, [&](std::string_view, ByteView) { ++n; });
  return n;
}

}  // namespace cafe::firmware
