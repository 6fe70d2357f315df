#include "libs/protocol/claim_file.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kLabel = "cafe/v1/claim-file";

// A list of anything that encodes itself: u32 count, then each.
template <typename T>
void add_list(Frame& frame, const std::vector<T>& items) {
  frame.add_u32(static_cast<uint32_t>(items.size()));
  for (const T& item : items) frame.add(item.encode());
}

// Each item takes a field, so that a count that is too large ends with the bytes (TRUNCATED).
template <typename T>
absl::StatusOr<std::vector<T>> list_field(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(const uint32_t count, in.u32());
  std::vector<T> items;
  for (uint32_t i = 0; i < count; ++i) {
    CAFE_ASSIGN_OR_RETURN(const ByteView bytes, in.field());
    CAFE_ASSIGN_OR_RETURN(T item, T::decode(bytes));
    items.push_back(std::move(item));
  }
  return items;
}

template <typename T>
absl::StatusOr<T> item_field(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(const ByteView bytes, in.field());
  return T::decode(bytes);
}

}  // namespace

Bytes ClaimFile::encode() const {
  Frame frame(kLabel);
  add_list(frame, key_certificates);
  frame.add(registration.encode()).add(receipt.encode());
  add_list(frame, replacements);
  add_list(frame, successor_receipts);
  frame.add(loss ? loss->encode() : Bytes());
  add_list(frame, lists);
  add_list(frame, orders);
  add_list(frame, loads);
  frame.add(claim.encode()).add(claim_receipt.encode());
  add_list(frame, statements);
  add_list(frame, payments);
  return frame.take();
}

absl::StatusOr<ClaimFile> ClaimFile::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(auto key_certificates, list_field<SignedDocument>(in));
  CAFE_ASSIGN_OR_RETURN(auto registration, item_field<RegistrationFile>(in));
  CAFE_ASSIGN_OR_RETURN(auto receipt, item_field<SignedDocument>(in));
  CAFE_ASSIGN_OR_RETURN(auto replacements, list_field<SignedDocument>(in));
  CAFE_ASSIGN_OR_RETURN(auto successor_receipts, list_field<SignedDocument>(in));
  CAFE_ASSIGN_OR_RETURN(const ByteView loss_bytes, in.field());
  std::optional<SignedDocument> loss;
  if (!loss_bytes.empty()) {
    CAFE_ASSIGN_OR_RETURN(loss, SignedDocument::decode(loss_bytes));
  }
  CAFE_ASSIGN_OR_RETURN(auto lists, list_field<SignedDocument>(in));
  CAFE_ASSIGN_OR_RETURN(auto orders, list_field<OrderRecord>(in));
  CAFE_ASSIGN_OR_RETURN(auto loads, list_field<SignedDocument>(in));
  CAFE_ASSIGN_OR_RETURN(auto claim, item_field<SignedDocument>(in));
  CAFE_ASSIGN_OR_RETURN(auto claim_receipt, item_field<SignedDocument>(in));
  CAFE_ASSIGN_OR_RETURN(auto statements, list_field<SignedDocument>(in));
  CAFE_ASSIGN_OR_RETURN(auto payments, list_field<CasePayment>(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return ClaimFile{.key_certificates = std::move(key_certificates),
                   .registration = std::move(registration),
                   .receipt = std::move(receipt),
                   .replacements = std::move(replacements),
                   .successor_receipts = std::move(successor_receipts),
                   .loss = std::move(loss),
                   .lists = std::move(lists),
                   .orders = std::move(orders),
                   .loads = std::move(loads),
                   .claim = std::move(claim),
                   .claim_receipt = std::move(claim_receipt),
                   .statements = std::move(statements),
                   .payments = std::move(payments)};
}

}  // namespace cafe::protocol
