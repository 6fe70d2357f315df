#include "libs/protocol/backup.h"

#include "libs/protocol/document_fields.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/sealing.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kBackupLabel = "cafe/v1/backup";
constexpr std::string_view kKeptLabel = "cafe/v1/backup-kept";
constexpr std::string_view kQueryLabel = "cafe/v1/backup-query";

constexpr size_t kSealedSize = 32 + kSealOverhead;

// The fields that the sealed seed is bound to.
Frame bound_fields(std::string_view issuer_id, const AccountId& account, uint64_t number,
                   const Point& holder) {
  Frame frame(kBackupLabel);
  frame.add(issuer_id).add(account).add_u64(number).add(holder);
  return frame;
}

}  // namespace

Bytes Backup::encode() const {
  return bound_fields(issuer_id, account, number, holder).add(sealed).take();
}

absl::StatusOr<Backup> Backup::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kBackupLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(uint64_t number, in.u64());
  CAFE_ASSIGN_OR_RETURN(Point holder, in.point());
  CAFE_ASSIGN_OR_RETURN(auto sealed, in.array<kSealedSize>());
  CAFE_RETURN_IF_ERROR(in.finish());
  if (number == 0) return invalid("BACKUP_NUMBER", "An account's first backup has the number 1.");
  return Backup{std::move(issuer_id), account, number, holder, to_bytes(sealed)};
}

SignedDocument seal_backup(const BackupKey& key, std::string_view issuer_id,
                           const AccountId& account, uint64_t number, const Seed& coin_seed,
                           const SigningKey& account_key, Rng& rng) {
  const Point holder = key.holder_key().public_key();
  Frame frame = bound_fields(issuer_id, account, number, holder);
  frame.add(seal(key.encryption_key(), frame.view(), coin_seed.view(), rng));
  return SignedDocument::sign(frame.take(), account_key);
}

absl::StatusOr<Seed> open_backup(const BackupKey& key, const Backup& backup) {
  const Frame bound = bound_fields(backup.issuer_id, backup.account, backup.number, backup.holder);
  std::optional<Bytes> plain;
  if (backup.holder == key.holder_key().public_key()) {
    plain = open_sealed(key.encryption_key(), bound.view(), backup.sealed);
  }
  if (!plain || plain->size() != 32) {
    return invalid("BAD_BACKUP",
                   "The backup does not open: these are not the words with which it was made, or "
                   "it was altered.");
  }
  Seed seed;
  std::copy(plain->begin(), plain->end(), seed.mutable_view().begin());
  wipe(*plain);
  return seed;
}

Bytes BackupKept::encode() const {
  return Frame(kKeptLabel).add(issuer_id).add(account).add(backup_digest).add_u64(time_ms).take();
}

absl::StatusOr<BackupKept> BackupKept::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kKeptLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(AccountId account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 backup_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return BackupKept{std::move(issuer_id), account, backup_digest, time_ms};
}

Bytes BackupQuery::encode() const {
  return Frame(kQueryLabel).add(issuer_id).add(holder).add_u64(time_ms).take();
}

absl::StatusOr<BackupQuery> BackupQuery::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kQueryLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(Point holder, in.point());
  CAFE_ASSIGN_OR_RETURN(uint64_t time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  return BackupQuery{std::move(issuer_id), holder, time_ms};
}

}  // namespace cafe::protocol
