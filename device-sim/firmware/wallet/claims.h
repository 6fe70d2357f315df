// The claims that a wallet filed (section 8), for the coins of a lost one or for payments of its
// own that came to nothing: from before they leave until their last statement, each document of
// the issuer's checked and kept.
//
//   Claims claims(*wallet);
//   for (const ClaimView& each : claims.all()) {
//     if (each.status == ClaimStatus::kFiled) answer = ... FileClaim(*claims.bytes(each.digest));
//     else file = ... GetClaim(*claims.query(each.digest, now_ms));
//   }
//   claims.on_receipt(answer.receipt, answer.key_certificate);
//   claims.on_claim_file(file);
#pragma once

#include "device-sim/firmware/wallet/wallet.h"
#include "libs/protocol/claim_documents.h"
#include "libs/protocol/claim_file.h"

namespace cafe::wallet {

enum class ClaimStatus : uint8_t {
  kFiled = 1,    // to be sent, again and again, until an answer comes
  kRefused = 2,  // by the issuer's signed refusal: nothing has changed
  kHeld = 3,
  kCredited = 4,
  kFinal = 5,
};

// A claim as its owner sees it.
struct ClaimView {
  protocol::Bytes32 digest;  // of the signed claim's frame
  protocol::AccountId account;
  protocol::ClaimKind kind;
  uint64_t time_ms;
  ClaimStatus status;
  std::vector<protocol::CurrencyAmount> claimed;  // what the wallet reckons that it is worth
  std::string reason;                             // of a refusal, "" otherwise
  // From the receipt on.
  uint64_t number = 0;
  uint64_t held_until_ms = 0;
  uint64_t final_at_ms = 0;
  std::vector<protocol::ClaimTotal> totals;  // of the last statement; none while it is held
};

class Claims {
 public:
  // The wallet outlives it.
  explicit Claims(Wallet& wallet);

  // By time.
  std::vector<ClaimView> all() const;
  // The signed claim, the same bytes each time; UNKNOWN_CLAIM.
  absl::StatusOr<protocol::Bytes> bytes(const protocol::Bytes32& digest) const;
  // The issuer's answer to a claim, with the certificate of its recovery key: the signature
  // (BAD_SIGNATURE, WRONG_PURPOSE, KEY_EXPIRED), that it is of one of these claims (UNKNOWN_CLAIM)
  // and says what that comes to (WRONG_RECEIPT: it is kept as evidence). CLAIM_ANSWERED where
  // another receipt came before.
  absl::Status on_receipt(protocol::ByteView receipt, protocol::ByteView key_certificate);
  // The same of a signed refusal. One that comes after a receipt is kept, and changes nothing.
  absl::Status on_refusal(protocol::ByteView refused, protocol::ByteView key_certificate);
  // Asks for the claim's file (signed ClaimQuery); UNKNOWN_CLAIM.
  absl::StatusOr<protocol::Bytes> query(const protocol::Bytes32& digest, uint64_t now_ms) const;
  // The claim's file. A court's check of it (claim_file.h: every deduction is of a slot that was
  // claimed and stands on a payment of it, all sums add up), and that it holds the receipt and the
  // statement that came before. UNKNOWN_CLAIM, WRONG_RECEIPT, WRONG_STATEMENT (both kept as
  // evidence), verify_claim_file's reasons.
  absl::Status on_claim_file(protocol::ByteView claim_file);
  // A signed document that was wrong; nothing where there was none. UNKNOWN_CLAIM.
  absl::StatusOr<std::optional<protocol::Bytes>> evidence(const protocol::Bytes32& digest) const;

 private:
  Wallet& wallet_;
};

}  // namespace cafe::wallet
