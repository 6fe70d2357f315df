#include "libs/protocol/loss.h"

#include "libs/protocol/document_fields.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kReportLabel = "cafe/v1/loss-report";
constexpr std::string_view kRecordedLabel = "cafe/v1/loss-recorded";
constexpr std::string_view kReplacementLabel = "cafe/v1/replacement";
constexpr std::string_view kReplacedLabel = "cafe/v1/replaced";

// A request that the account's key signed has a digest, an act of the operator's has none.
absl::StatusOr<Authority> authority_of(uint8_t code, const Bytes32& digest) {
  const bool known = code == static_cast<uint8_t>(Authority::kAccountKey) ||
                     code == static_cast<uint8_t>(Authority::kOperator);
  if (!known) return invalid("BAD_AUTHORITY", "A statement rests on an authority unknown here.");
  const auto authority = static_cast<Authority>(code);
  if ((authority == Authority::kAccountKey) == (digest == Bytes32{})) {
    return invalid("BAD_AUTHORITY",
                   "A statement names the request that it rests on, or that the operator acted.");
  }
  return authority;
}

absl::Status check_pair(const AccountId& lost, const AccountId& successor) {
  if (lost == successor) {
    return invalid("SAME_ACCOUNT", "An account is replaced by another one, not by itself.");
  }
  return absl::OkStatus();
}

}  // namespace

Bytes LossReport::encode() const {
  return Frame(kReportLabel).add(issuer_id).add(account).add_u64(time_ms).take();
}

absl::StatusOr<LossReport> LossReport::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kReportLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return LossReport{std::move(issuer_id), account, time_ms};
}

Bytes LossRecorded::encode() const {
  return Frame(kRecordedLabel)
      .add(issuer_id)
      .add(account)
      .add_u8(static_cast<uint8_t>(authority))
      .add(report_digest)
      .add_u64(time_ms)
      .add_u64(last_order)
      .add_u64(last_load)
      .take();
}

absl::StatusOr<LossRecorded> LossRecorded::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kRecordedLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(uint8_t code, in.u8());
  CAFE_ASSIGN_OR_RETURN(Bytes32 digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t last_order, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint64_t last_load, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(Authority authority, authority_of(code, digest));
  return LossRecorded{std::move(issuer_id), account,  authority, digest, time_ms,
                      last_order,           last_load};
}

Bytes Replacement::encode() const {
  return Frame(kReplacementLabel).add(issuer_id).add(lost).add(successor).add_u64(time_ms).take();
}

absl::StatusOr<Replacement> Replacement::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kReplacementLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId lost, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(AccountId successor, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_pair(lost, successor));
  return Replacement{std::move(issuer_id), lost, successor, time_ms};
}

Bytes Replaced::encode() const {
  return Frame(kReplacedLabel)
      .add(issuer_id)
      .add(lost)
      .add(successor)
      .add_u8(static_cast<uint8_t>(authority))
      .add(request_digest)
      .add_u64(time_ms)
      .take();
}

absl::StatusOr<Replaced> Replaced::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kReplacedLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId lost, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(AccountId successor, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(uint8_t code, in.u8());
  CAFE_ASSIGN_OR_RETURN(Bytes32 digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_pair(lost, successor));
  CAFE_ASSIGN_OR_RETURN(Authority authority, authority_of(code, digest));
  return Replaced{std::move(issuer_id), lost, successor, authority, digest, time_ms};
}

}  // namespace cafe::protocol
