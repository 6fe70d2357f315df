#include "services/deposit/archive.h"

#include "libs/protocol/frame.h"

namespace cafe::deposit {
namespace {

using protocol::append;
using protocol::Bytes;
using protocol::ByteView;
using protocol::decode_u32;
using protocol::encode_u32;
using protocol::Scalar;

constexpr size_t kEvidenceSize = 4 + 4 + 3 * Scalar::kSize;

absl::Status damaged() {
  return protocol::make_error(absl::StatusCode::kDataLoss, "ARCHIVE_DAMAGED",
                              "A batch cannot be read as it was stored: restore it from a backup.");
}

template <class Item>
absl::StatusOr<std::vector<Item>> decode_items(ByteView bytes, size_t count) {
  auto in = protocol::FrameReader::open_list(bytes);
  std::vector<Item> items;
  items.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const absl::StatusOr<ByteView> item = in.field();
    if (!item.ok()) return damaged();
    items.emplace_back(item->begin(), item->end());
  }
  if (!in.at_end()) return damaged();
  return items;
}

template <class Items>
Bytes encode_items(const Items& items) {
  size_t size = 0;
  for (const auto& item : items) size += 4 + item.size();
  protocol::Frame list = protocol::Frame::list();
  list.reserve(size);
  for (const auto& item : items) list.add(item);
  return list.take();
}

}  // namespace

Bytes encode_list(std::span<const Bytes> items) { return encode_items(items); }
Bytes encode_list(std::span<const std::string> items) { return encode_items(items); }

absl::StatusOr<std::vector<Bytes>> decode_list(ByteView bytes, size_t count) {
  return decode_items<Bytes>(bytes, count);
}

absl::StatusOr<std::vector<std::string>> decode_texts(ByteView bytes, size_t count) {
  return decode_items<std::string>(bytes, count);
}

Bytes encode_evidence(std::span<const Evidence> evidence) {
  Bytes out;
  out.reserve(evidence.size() * kEvidenceSize);
  for (const Evidence& item : evidence) {
    append(out, encode_u32(item.payment));
    append(out, encode_u32(item.spend));
    append(out, item.first.d.bytes());
    append(out, item.first.r1.bytes());
    append(out, item.first.r2.bytes());
  }
  return out;
}

absl::StatusOr<std::vector<Evidence>> decode_evidence(ByteView bytes) {
  if (bytes.size() % kEvidenceSize != 0) return damaged();
  std::vector<Evidence> evidence;
  evidence.reserve(bytes.size() / kEvidenceSize);
  for (; !bytes.empty(); bytes = bytes.subspan(kEvidenceSize)) {
    Evidence item{decode_u32(bytes.first<4>()), decode_u32(bytes.subspan<4, 4>()), {}};
    Scalar* const scalars[] = {&item.first.d, &item.first.r1, &item.first.r2};
    for (size_t i = 0; i < std::size(scalars); ++i) {
      absl::StatusOr<Scalar> scalar =
          Scalar::decode(bytes.subspan(8 + i * Scalar::kSize, Scalar::kSize));
      if (!scalar.ok()) return damaged();
      *scalars[i] = *scalar;
    }
    evidence.push_back(item);
  }
  return evidence;
}

}  // namespace cafe::deposit
