// A claim's movements in the ledger (libs/storage/ledger.h tells the signs): the credit is an
// advance, a charge takes it back, and when nothing can be paid with the coins any more what is
// left is drawn from what was issued.
#pragma once

#include "libs/storage/ledger.h"
#include "services/recovery/settle.h"

namespace cafe::recovery {

// Kind "claim", reference u64 number ‖ currency: claims -X, customer +X.
std::vector<storage::Posting> credit_postings(uint64_t number, const protocol::AccountId& to,
                                              std::string_view issuer_id,
                                              const std::map<std::string, Left>& left);

// What a charge takes: `collected` from the claimant's account, the rest is borne by the issuer.
struct Charge {
  SlotKey key;
  const protocol::Denomination* denomination;  // of the coin
  uint64_t value;
  uint64_t collected;
};
// Kind "claim_charge", reference u64 number ‖ u32 coin ‖ u32 slot: customer -C, loss -(X - C),
// claims +X.
storage::Posting charge_posting(uint64_t number, const protocol::AccountId& from,
                                std::string_view issuer_id, const Charge& charge);

// What is drawn in one currency when a claim is final; `borne`: of its cheques, what the issuer
// bears since guardians were loaded with less.
struct FinalDraw {
  Left left;
  uint64_t borne = 0;
};
// Kind "recovery", reference u64 number ‖ currency: coins -X, cheques -Y, loss -borne, claims +all.
std::vector<storage::Posting> final_postings(uint64_t number, std::string_view issuer_id,
                                             const std::map<std::string, FinalDraw>& draws);

}  // namespace cafe::recovery
