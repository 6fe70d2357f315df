#include "libs/protocol/load_order.h"

#include "libs/protocol/document_fields.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kOrderLabel = "cafe/v1/load-order";
constexpr std::string_view kQueryLabel = "cafe/v1/load-query";
constexpr std::string_view kLoadedLabel = "cafe/v1/loaded";
constexpr std::string_view kKeyLabel = "cafe/v1/load-key";

}  // namespace

Bytes LoadOrder::encode() const {
  return Frame(kOrderLabel)
      .add(issuer_id)
      .add(account)
      .add(currency)
      .add_u64(amount)
      .add_u64(sequence)
      .take();
}

absl::StatusOr<LoadOrder> LoadOrder::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kOrderLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(std::string currency, currency_field(in));
  CAFE_ASSIGN_OR_RETURN(uint64_t amount, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t sequence, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  if (amount == 0) return invalid("AMOUNT_ZERO", "A load is of more than nothing.");
  if (sequence == 0) return invalid("LOAD_SEQUENCE", "An account's first load has the number 1.");
  return LoadOrder{std::move(issuer_id), account, std::move(currency), amount, sequence};
}

Bytes LoadQuery::encode() const {
  return Frame(kQueryLabel).add(issuer_id).add(account).add_u64(sequence).take();
}

absl::StatusOr<LoadQuery> LoadQuery::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kQueryLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(uint64_t sequence, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return LoadQuery{std::move(issuer_id), account, sequence};
}

Bytes Loaded::encode() const {
  return Frame(kLoadedLabel)
      .add(issuer_id)
      .add(account)
      .add(order_digest)
      .add(load)
      .add(load_signature)
      .take();
}

absl::StatusOr<Loaded> Loaded::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kLoadedLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 order_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(Bytes load, in.bytes());
  CAFE_ASSIGN_OR_RETURN(Bytes load_signature, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(Load::decode(load).status());
  return Loaded{std::move(issuer_id), account, order_digest, std::move(load),
                std::move(load_signature)};
}

Bytes LoadKeyCertificate::encode() const {
  return Frame(kKeyLabel).add(issuer_id).add(public_key_der).take();
}

absl::StatusOr<LoadKeyCertificate> LoadKeyCertificate::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kKeyLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(Bytes public_key_der, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_load_key(public_key_der));
  return LoadKeyCertificate{std::move(issuer_id), std::move(public_key_der)};
}

absl::StatusOr<LoadKeyCertificate> open_load_key(const SignedDocument& document,
                                                 const TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(LoadKeyCertificate certificate, LoadKeyCertificate::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const Point master, anchors.master_key(certificate.issuer_id));
  CAFE_RETURN_IF_ERROR(document.check(master));
  return certificate;
}

}  // namespace cafe::protocol
