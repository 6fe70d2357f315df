// What the documents of claims say that they move in the ledger, for the audit to compare.
#pragma once

#include <map>

#include "libs/protocol/claim_file.h"
#include "libs/protocol/claim_value.h"
#include "tools/cafectl/audit_receipts.h"

namespace cafe::cafectl {

// A claim's documents, decoded.
struct OpenedClaim {
  protocol::Claim claim;
  protocol::ClaimReceipt receipt;
  std::vector<protocol::ClaimStatement> statements;
  protocol::DenominationTable denominations;
  std::vector<protocol::ClaimedSlot> slots;

  const protocol::ClaimStatement* last() const {
    return statements.empty() ? nullptr : &statements.back();
  }
  // Where an advance for the slot is drawn from in the end: the owner of that ledger account.
  protocol::Bytes owner_of(const protocol::ClaimedSlot& slot) const;
  const protocol::ClaimedSlot* find(const protocol::Deduction& deduction) const;
};
// The decoders' reasons, and those of claimed_slots. Judges nothing.
absl::StatusOr<OpenedClaim> open_claim(const protocol::ClaimFile& file);

// What the tables add to a claim's documents.
struct ClaimBooks {
  std::vector<protocol::Bytes> credited_to;  // account, of each statement
  // Of charges, by coin and slot: what the account did not hold.
  std::map<std::pair<uint32_t, uint32_t>, uint64_t> uncollected;
  std::map<std::string, uint64_t> borne;  // by currency: cheques beyond what was loaded
};

// By posting kind and account kind, by owner and currency.
struct ClaimSums {
  Sums claim_claims, claim_customers;                           // the credit, an advance
  Sums charge_claims, charge_customers, charge_losses;          // what was paid later, taken back
  Sums final_claims, final_coins, final_cheques, final_losses;  // drawn from what was issued

  // What a claim has moved until its last statement.
  void add(const OpenedClaim& claim, const ClaimBooks& books);
  // The advances that are not drawn yet, by owner: coins' denominations and accounts of cheques.
  Sums outstanding() const;

 private:
  void add_credit(const OpenedClaim& claim, const ClaimBooks& books);
  void add_charges(const OpenedClaim& claim, const ClaimBooks& books);
  void add_final(const OpenedClaim& claim, const ClaimBooks& books);
};

}  // namespace cafe::cafectl
