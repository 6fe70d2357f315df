#include "device-sim/firmware/wallet/recovery_records.h"

#include "libs/protocol/frame.h"

namespace cafe::wallet {

using protocol::Bytes;
using protocol::ByteView;
using protocol::Frame;
using protocol::FrameReader;
using protocol::SignedDocument;

namespace {

constexpr std::string_view kBackupLabel = "wallet/backup";
constexpr std::string_view kRecoveryLabel = "wallet/recovery";
constexpr std::string_view kClaimLabel = "wallet/claim";

void add(Frame& frame, const CertifiedBytes& bytes) {
  frame.add(bytes.document).add(bytes.key_certificate);
}

absl::StatusOr<CertifiedBytes> read_certified(FrameReader& in) {
  CertifiedBytes bytes;
  CAFE_ASSIGN_OR_RETURN(bytes.document, in.bytes());
  CAFE_ASSIGN_OR_RETURN(bytes.key_certificate, in.bytes());
  return bytes;
}

absl::StatusOr<SignedDocument> read_document(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(const ByteView field, in.field());
  return SignedDocument::decode(field);
}

}  // namespace

Bytes BackupRecord::encode() const {
  Frame frame(kBackupLabel);
  frame.add_u64(number).add(backup.encode());
  add(frame, kept);
  return frame.take();
}

absl::StatusOr<BackupRecord> BackupRecord::decode(ByteView bytes) {
  BackupRecord record{};
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kBackupLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(record.number, in.u64());
  CAFE_ASSIGN_OR_RETURN(record.backup, read_document(in));
  CAFE_ASSIGN_OR_RETURN(record.kept, read_certified(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return record;
}

Bytes RecoveryRecord::encode() const {
  Frame frame(kRecoveryLabel);
  frame.add(coin_seed.view());
  add(frame, recorded);
  add(frame, replaced);
  return frame.take();
}

absl::StatusOr<RecoveryRecord> RecoveryRecord::decode(ByteView bytes) {
  RecoveryRecord record;
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kRecoveryLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(const auto seed, in.array<32>());
  record.coin_seed = protocol::Seed(seed);
  CAFE_ASSIGN_OR_RETURN(record.recorded, read_certified(in));
  CAFE_ASSIGN_OR_RETURN(record.replaced, read_certified(in));
  CAFE_RETURN_IF_ERROR(in.finish());
  return record;
}

Bytes ClaimRecord::encode() const {
  Frame frame(kClaimLabel);
  frame.add_u8(static_cast<uint8_t>(status)).add(claim.encode());
  Frame amounts = Frame::list();
  for (const auto& [currency, amount] : claimed) amounts.add(currency).add_u64(amount);
  frame.add(amounts.view());
  add(frame, receipt);
  add(frame, refused);
  return frame.add(statement).add(evidence).take();
}

absl::StatusOr<ClaimRecord> ClaimRecord::decode(ByteView bytes) {
  ClaimRecord record{};
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kClaimLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(const uint8_t status, in.u8());
  record.status = static_cast<ClaimStatus>(status);
  CAFE_ASSIGN_OR_RETURN(record.claim, read_document(in));
  CAFE_ASSIGN_OR_RETURN(const ByteView list, in.field());
  FrameReader amounts = FrameReader::open_list(list);
  while (!amounts.at_end()) {
    CAFE_ASSIGN_OR_RETURN(std::string currency, amounts.text());
    CAFE_ASSIGN_OR_RETURN(const uint64_t amount, amounts.u64());
    record.claimed.push_back({std::move(currency), amount});
  }
  CAFE_ASSIGN_OR_RETURN(record.receipt, read_certified(in));
  CAFE_ASSIGN_OR_RETURN(record.refused, read_certified(in));
  CAFE_ASSIGN_OR_RETURN(record.statement, in.bytes());
  CAFE_ASSIGN_OR_RETURN(record.evidence, in.bytes());
  CAFE_RETURN_IF_ERROR(in.finish());
  return record;
}

absl::StatusOr<std::map<protocol::Bytes32, ClaimRecord>> stored_claims(
    const firmware::RecordStore& store) {
  std::map<protocol::Bytes32, ClaimRecord> claims;
  absl::Status status;
  store.scan(kClaimPrefix, [&](std::string_view, ByteView value) {
    if (!status.ok()) return;
    auto record = ClaimRecord::decode(value);
    status = record.status();
    if (record.ok()) claims.emplace(record->claim.digest(), *std::move(record));
  });
  CAFE_RETURN_IF_ERROR(status);
  return claims;
}

}  // namespace cafe::wallet
