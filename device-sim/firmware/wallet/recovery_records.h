// The wallet's records of backups, recoveries and claims, each a frame under a key of its own as
// those of records.h:
//
//   backup                     the last backup drawn, and the issuer's word that it keeps it
//   recovery/<account id>      a lost account: its coin seed, and what the issuer signed of the
//   loss claim/<claim digest>       a claim with all that the issuer signed about it
#pragma once

#include "device-sim/firmware/wallet/claims.h"

namespace cafe::wallet {

inline constexpr std::string_view kBackupKey = "backup";
inline constexpr std::string_view kRecoveryPrefix = "recovery/";
inline constexpr std::string_view kClaimPrefix = "claim/";

// A document with the certificate of the key that signed it; both empty while there is none.
struct CertifiedBytes {
  protocol::Bytes document;
  protocol::Bytes key_certificate;

  bool empty() const { return document.empty(); }
};

struct BackupRecord {
  uint64_t number;  // of the last one drawn
  protocol::SignedDocument backup;
  CertifiedBytes kept;

  protocol::Bytes encode() const;
  static absl::StatusOr<BackupRecord> decode(protocol::ByteView bytes);
};

struct RecoveryRecord {
  protocol::Seed coin_seed;
  CertifiedBytes recorded;  // the loss
  CertifiedBytes replaced;

  protocol::Bytes encode() const;
  static absl::StatusOr<RecoveryRecord> decode(protocol::ByteView bytes);
};

struct ClaimRecord {
  ClaimStatus status;
  protocol::SignedDocument claim;
  std::vector<protocol::CurrencyAmount> claimed;  // as the wallet reckons, ascending by currency
  CertifiedBytes receipt;
  CertifiedBytes refused;
  protocol::Bytes statement;  // the last one
  protocol::Bytes evidence;   // what the issuer signed and should not have

  protocol::Bytes encode() const;
  static absl::StatusOr<ClaimRecord> decode(protocol::ByteView bytes);
};

// Every claim that is stored, by its digest. STORE_DAMAGED.
absl::StatusOr<std::map<protocol::Bytes32, ClaimRecord>> stored_claims(
    const firmware::RecordStore& store);

}  // namespace cafe::wallet
