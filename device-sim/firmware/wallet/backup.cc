// Against a loss (section 8): the backup card, and the coin seed kept at the issuer under words.
#include "libs/protocol/backup.h"

#include "device-sim/firmware/wallet/backup_card.h"
#include "device-sim/firmware/wallet/recovery_records.h"
#include "device-sim/firmware/wallet/state.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::ByteView;
using protocol::Frame;
using protocol::FrameReader;
using protocol::SignedDocument;

namespace {

constexpr std::string_view kCardLabel = "cafe/v1/backup-card";

absl::Status no_backup() {
  return protocol::refused("NO_BACKUP", "No backup waits for the issuer's word: draw one.");
}

}  // namespace

Bytes BackupCard::encode() const {
  const Bytes certificate = guardian.encode();
  constexpr size_t kFields = 6;  // each with its length
  Frame card(kCardLabel);
  // One buffer, which is its owner's to wipe: while it grew, it would leave seeds behind.
  card.reserve(kCardLabel.size() + issuer_id.size() + account.bytes.size() + certificate.size() +
               identity_seed.view().size() + coin_seed.view().size() + kFields * sizeof(uint32_t));
  card.add(issuer_id).add(account).add(certificate);
  return card.add(identity_seed.view()).add(coin_seed.view()).take();
}

absl::StatusOr<BackupCard> BackupCard::decode(ByteView bytes) {
  BackupCard card;
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kCardLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(card.issuer_id, in.text());
  CAFE_ASSIGN_OR_RETURN(card.account, in.id<protocol::AccountId>());
  CAFE_ASSIGN_OR_RETURN(const ByteView guardian, in.field());
  CAFE_ASSIGN_OR_RETURN(card.guardian, SignedDocument::decode(guardian));
  CAFE_ASSIGN_OR_RETURN(auto identity_seed, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(auto coin_seed, in.array<32>());
  CAFE_RETURN_IF_ERROR(in.finish());
  card.identity_seed = protocol::Seed(identity_seed);
  card.coin_seed = protocol::Seed(coin_seed);
  protocol::wipe(identity_seed);
  protocol::wipe(coin_seed);
  return card;
}

absl::StatusOr<protocol::SigningKey> BackupCard::account_key(
    const protocol::TrustAnchors& anchors) const {
  CAFE_ASSIGN_OR_RETURN(const auto certificate,
                        protocol::open_guardian_certificate(guardian, anchors));
  CAFE_ASSIGN_OR_RETURN(auto identity,
                        protocol::WalletIdentity::derive(identity_seed, issuer_id, certificate));
  CAFE_ASSIGN_OR_RETURN(const auto points, protocol::IdentityPoints::compute(
                                               certificate.A_O, certificate.A_Q, identity.U));
  if (protocol::account_id(issuer_id, points.I_coin) != account) {
    return protocol::invalid("CARD_MISMATCH",
                             "The card's parts do not belong together: it was altered, or "
                             "misread.");
  }
  return std::move(identity.account_key);
}

absl::StatusOr<Bytes> Wallet::backup_card() const {
  State& s = *state_;
  if (!s.registered()) return not_registered();
  return s.with_account(PinUse::kRecovery, [&]() -> absl::StatusOr<Bytes> {
    return BackupCard{s.config.issuer_id, s.account, s.guardian_document, s.identity_seed,
                      s.coin_seed}
        .encode();
  });
}

absl::StatusOr<DrawnBackup> Wallet::draw_backup() {
  State& s = *state_;
  if (!s.registered()) return not_registered();
  uint64_t number = 1;
  if (const Bytes* bytes = s.store->find(kBackupKey)) {
    CAFE_ASSIGN_OR_RETURN(const BackupRecord last, BackupRecord::decode(*bytes));
    number = last.number + 1;
  }
  return s.with_account(PinUse::kRecovery, [&]() -> absl::StatusOr<DrawnBackup> {
    const auto key = protocol::BackupKey::draw(s.rng);
    const SignedDocument backup = protocol::seal_backup(
        key, s.config.issuer_id, s.account, number, s.coin_seed, s.identity->account_key, s.rng);
    // The number first: the issuer takes each once.
    CAFE_RETURN_IF_ERROR(
        s.store->commit(Batch().put(kBackupKey, BackupRecord{number, backup, {}}.encode())));
    return DrawnBackup{key.words(), backup.encode()};
  });
}

absl::StatusOr<Bytes> Wallet::pending_backup() const {
  const Bytes* bytes = state_->store->find(kBackupKey);
  if (bytes == nullptr) return no_backup();
  CAFE_ASSIGN_OR_RETURN(const BackupRecord record, BackupRecord::decode(*bytes));
  if (!record.kept.empty()) return no_backup();
  return record.backup.encode();
}

absl::Status Wallet::on_backup_kept(ByteView kept_bytes, ByteView key_certificate) {
  State& s = *state_;
  const Bytes* bytes = s.store->find(kBackupKey);
  if (bytes == nullptr) return no_backup();
  CAFE_ASSIGN_OR_RETURN(BackupRecord record, BackupRecord::decode(*bytes));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(kept_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto kept, protocol::BackupKept::decode(document.frame));
  CAFE_RETURN_IF_ERROR(s.check_issuer_signature(document, key_certificate,
                                                protocol::kPurposeRecovery, kept.time_ms));
  if (kept.issuer_id != s.config.issuer_id || kept.account != s.account ||
      kept.backup_digest != record.backup.digest()) {
    return protocol::invalid("BACKUP_MISMATCH",
                             "The issuer says that it keeps another backup than the last one "
                             "drawn: hand in that one.");
  }
  if (!record.kept.empty()) return absl::OkStatus();
  record.kept = {protocol::to_bytes(kept_bytes), protocol::to_bytes(key_certificate)};
  return s.store->commit(Batch().put(kBackupKey, record.encode()));
}

}  // namespace cafe::wallet
