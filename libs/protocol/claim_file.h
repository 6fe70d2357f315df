// A claim as a court sees it (section 8): everything that the claimant and the issuer signed about
// it and what that rests on, in one file that anyone checks with public keys alone.
#pragma once

#include "libs/protocol/case_file.h"
#include "libs/protocol/claim_documents.h"
#include "libs/protocol/load_order.h"
#include "libs/protocol/loss.h"
#include "libs/protocol/order_history.h"

namespace cafe::protocol {

// frame("cafe/v1/claim-file", ...), the fields in this order, each list with its u32 count in
// front.
struct ClaimFile {
  std::vector<SignedDocument> key_certificates;  // of the withdrawal and recovery keys that signed
  RegistrationFile registration;                 // of the account whose coins they are
  SignedDocument receipt;                        // its RegistrationReceipt
  std::vector<SignedDocument> replacements;      // Replaced, from it to who claims; none: itself
  std::vector<SignedDocument> successor_receipts;  // RegistrationReceipt of each successor
  std::optional<SignedDocument> loss;              // LossRecorded; not for payments
  std::vector<SignedDocument> lists;               // of denominations
  std::vector<OrderRecord> orders;                 // those that made the claimed coins
  std::vector<SignedDocument> loads;               // Loaded, of cheques: all of them
  SignedDocument claim;
  SignedDocument claim_receipt;
  std::vector<SignedDocument> statements;  // by sequence, from 1
  // That the last statement deducts, each once, in the order in which its deductions first name
  // them; `spend` is the first spend so named.
  std::vector<CasePayment> payments;

  Bytes encode() const;
  static absl::StatusOr<ClaimFile> decode(ByteView bytes);
};

// What the file proves.
struct ClaimJudgement {
  AccountId account;
  AccountId by;
  uint64_t number;
  ClaimKind kind;
  ClaimState state;
  uint64_t held_until_ms;
  std::vector<ClaimTotal> totals;  // as the documents bear them out
  // Slots that were claimed and then paid with: claim and payment convict the claimant of both.
  std::vector<Deduction> paid_after;
};

// A judge's check with public keys alone: every signature and its key's certificate; that the
// account, the chain of its successors and who claims fit; every claimed coin is the unblinding of
// its session in an order that both signed; every deduction is of a claimed slot and stands on a
// valid payment of it, of the time that its code says; receipt and statements are about this claim,
// and their sums are what coins, loads and deductions come to. BAD_SIGNATURE, NOT_THE_HOLDER,
// CLAIM_INVALID, UNKNOWN_DENOMINATION, LISTING_GAP, DEDUCTION_UNPROVED, SUM_MISMATCH, and the
// parts' reasons.
absl::StatusOr<ClaimJudgement> verify_claim_file(const ClaimFile& file,
                                                 const TrustAnchors& anchors);

}  // namespace cafe::protocol
