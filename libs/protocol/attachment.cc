// What a wallet attaches to an order for itself (section 8): the guardian's points, which nothing
// but the coin seed opens.
#include "libs/protocol/hash.h"
#include "libs/protocol/sealing.h"
#include "libs/protocol/withdrawal_wallet.h"

namespace cafe::protocol {

namespace {

Seed attachment_key(const Seed& coin_seed) {
  Bytes32 key = mac(coin_seed.view(), Frame("cafe/v1/attachment-key"));
  Seed out(key);
  wipe(key);
  return out;
}

// What the attachment is bound to.
Bytes associated_data(const OpenAnswer& opened) {
  return Frame("cafe/v1/attachment")
      .add(opened.issuer_id)
      .add(opened.account)
      .add_u64(opened.order)
      .add_u64(opened.time_slot)
      .take();
}

}  // namespace

Bytes seal_attachment(const Seed& coin_seed, const OpenAnswer& opened, std::span<const Point> B_O,
                      Rng& rng) {
  Bytes plain;
  plain.reserve(B_O.size() * Point::kSize);
  for (const Point& point : B_O) append(plain, point.bytes());
  return seal(attachment_key(coin_seed), associated_data(opened), plain, rng);
}

absl::StatusOr<std::vector<Point>> open_attachment(const Seed& coin_seed, const OpenAnswer& opened,
                                                   ByteView attachment) {
  std::optional<Bytes> plain;
  if (attachment.size() <= kMaxAttachment) {
    plain = open_sealed(attachment_key(coin_seed), associated_data(opened), attachment);
  }
  if (!plain || plain->size() % Point::kSize != 0) {
    return invalid("BAD_ATTACHMENT",
                   "The attachment of an order does not open: it needs the coin seed and the order "
                   "with which it was made.");
  }
  std::vector<Point> points;
  for (size_t at = 0; at < plain->size(); at += Point::kSize) {
    CAFE_ASSIGN_OR_RETURN(Point point, Point::decode(ByteView(*plain).subspan(at, Point::kSize)));
    points.push_back(point);
  }
  return points;
}

}  // namespace cafe::protocol
