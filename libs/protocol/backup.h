// The coin seed kept at the issuer (section 8), under a key of 128 bits that the wallet draws and
// shows its owner as words. [guard] Never under a passphrase, and never the identity seed.
//
//   BackupKey key = BackupKey::draw(rng);
//   show(key.words());                       // nine words of five letters
//   SignedDocument doc = seal_backup(key, issuer, account, 1, coin_seed, account_key, rng);
//   ...
//   auto key = BackupKey::from_words("lusab-babad-...");
//   Seed coin_seed = *open_backup(*key, *Backup::decode(doc.frame));
#pragma once

#include "libs/protocol/registration.h"

namespace cafe::protocol {

// 128 random bits. Wiped after use.
class BackupKey {
 public:
  static constexpr size_t kSize = 16;

  static BackupKey draw(Rng& rng);
  // Words as words() writes them; case and the separator (blank or hyphen) do not matter.
  // BAD_WORDS: not nine words of this kind, or the check does not fit (one was misread).
  static absl::StatusOr<BackupKey> from_words(std::string_view words);
  // 16 bytes and the first two of digest(frame("cafe/v1/backup-check", key)) as nine "proquints"
  // (D. Wilkerson, arXiv:0901.4016): words of five letters, consonants and vowels in turn, 16 bits
  // each.
  std::string words() const;

  // Encrypts the seed: mac(key, frame("cafe/v1/backup-encryption")).
  Seed encryption_key() const;
  // Shows that one knows the words: prf_scalar(key, frame("cafe/v1/backup-holder")).
  SigningKey holder_key() const;

 private:
  explicit BackupKey(SecretArray<kSize> bytes) : bytes_(std::move(bytes)) {}
  SecretArray<kSize> bytes_;
};

// frame("cafe/v1/backup", issuer id, account id, u64 number, holder point, sealed), signed with the
// account key. `sealed` is 12 random bytes of IV ‖ AES-256-GCM of the coin seed ‖ 16 bytes of tag:
// 60 bytes, bound to the fields before it. The highest number counts.
struct Backup {
  std::string issuer_id;
  AccountId account;
  uint64_t number;  // from 1
  Point holder;     // of BackupKey::holder_key: finds and opens nothing but this backup
  Bytes sealed;

  Bytes encode() const;
  // BACKUP_NUMBER (0), BAD_LENGTH.
  static absl::StatusOr<Backup> decode(ByteView bytes);
};

SignedDocument seal_backup(const BackupKey& key, std::string_view issuer_id,
                           const AccountId& account, uint64_t number, const Seed& coin_seed,
                           const SigningKey& account_key, Rng& rng);
// BAD_BACKUP: it was not sealed under this key, or was altered.
absl::StatusOr<Seed> open_backup(const BackupKey& key, const Backup& backup);

// frame("cafe/v1/backup-kept", issuer id, account id, backup digest, u64 time_ms), signed with the
// recovery key.
struct BackupKept {
  std::string issuer_id;
  AccountId account;
  Bytes32 backup_digest;  // of the signed backup's frame
  uint64_t time_ms;

  Bytes encode() const;
  static absl::StatusOr<BackupKept> decode(ByteView bytes);
};

// frame("cafe/v1/backup-query", issuer id, holder point, u64 time_ms), signed with the holder key:
// who has the words needs nothing else.
struct BackupQuery {
  std::string issuer_id;
  Point holder;
  uint64_t time_ms;

  Bytes encode() const;
  static absl::StatusOr<BackupQuery> decode(ByteView bytes);
};

}  // namespace cafe::protocol
