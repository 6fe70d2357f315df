// The backup card (section 8): what its owner keeps apart from her wallet, for the day when that is
// lost. It holds both seeds, so it speaks for the account and rebuilds its coins; it cannot spend,
// since every payment needs the guardian.
#pragma once

#include "libs/protocol/registration.h"

namespace cafe::wallet {

// frame("cafe/v1/backup-card", issuer id, account id, guardian certificate, identity seed, coin
// seed). It travels from wallet to card and from card to wallet, and to nobody else.
struct BackupCard {
  std::string issuer_id;
  protocol::AccountId account;
  protocol::SignedDocument guardian;  // the lost wallet's: u1 and the account key are bound to it
  protocol::Seed identity_seed;
  protocol::Seed coin_seed;

  protocol::Bytes encode() const;
  static absl::StatusOr<BackupCard> decode(protocol::ByteView bytes);

  // The key that speaks for the account. CARD_MISMATCH where the account does not follow from the
  // seed and the guardian, open_guardian_certificate's reasons.
  absl::StatusOr<protocol::SigningKey> account_key(const protocol::TrustAnchors& anchors) const;
};

}  // namespace cafe::wallet
