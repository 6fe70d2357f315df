// A Market whose wallets get lost: what issuer and claimant sign then, up to the file that a court
// sees.
//
//   ClaimMarket market("claim");
//   WorldWallet lost = market.make_wallet(), next = market.make_wallet();
//   WithdrawnCoin coin = market.take(lost, market.coin);
//   ClaimFile file = market.claim(lost, {&next}, ClaimKind::kCoins, {claimed(coin, coin.order)});
//   market.state(file, ClaimState::kCredited, {});
//   EXPECT_TRUE(verify_claim_file(file, market.anchors).ok());
#pragma once

#include "libs/protocol/claim_file.h"
#include "libs/protocol/claim_value.h"
#include "libs/protocol/testing/claims.h"
#include "libs/protocol/testing/market.h"

namespace cafe::testing {

class ClaimMarket : public Market {
 public:
  explicit ClaimMarket(std::string_view seed) : Market(seed) {}

  // When claims are made: a day after the payments of a new market.
  uint64_t claim_s = kWorldNow_s + kDay_s;
  uint64_t number = 7;  // of the next claim

  protocol::SignedDocument receipt(const WorldWallet& wallet) const;
  protocol::SignedDocument loss(const WorldWallet& wallet, uint64_t last_load) const;
  protocol::SignedDocument replaced(const WorldWallet& lost, const WorldWallet& successor) const;
  protocol::SignedDocument load(const WorldWallet& wallet, uint64_t amount,
                                uint64_t sequence) const;
  // A payment as its payer claims it, with the terminal's refusal or without.
  protocol::VoidPayment void_payment(const protocol::Payment& payment, bool refused) const;

  // The claim that the last of `successors` makes, or the account itself, with the receipt and all
  // that both rest on; `amounts` are the loads of a claim of cheques.
  protocol::ClaimFile claim(const WorldWallet& lost,
                            const std::vector<const WorldWallet*>& successors,
                            protocol::ClaimKind kind, std::vector<protocol::ClaimedCoin> coins,
                            std::vector<protocol::VoidPayment> payments = {},
                            const std::vector<uint64_t>& amounts = {});
  // Signs another claim in place of the file's, and the receipt of it that is right by its sums.
  void replace_claim(protocol::ClaimFile& file, const protocol::Claim& claim,
                     const protocol::SigningKey& by) const;

  // A deduction by a spend of a payment of one of the claimed coins.
  protocol::Deduction deduct(const protocol::ClaimFile& file, const protocol::Payment& payment,
                             uint32_t spend, bool charged = false) const;
  // The next statement, with just these deductions (sorted here), the payments that they rest on,
  // and totals that follow.
  void state(protocol::ClaimFile& file, protocol::ClaimState state,
             std::vector<protocol::Deduction> deductions,
             const std::vector<protocol::Payment>& payments = {});

 private:
  protocol::ClaimReceipt receipt_for(const protocol::ClaimFile& file,
                                     const protocol::Claim& claim) const;
  std::vector<protocol::ClaimedSlot> slots_of(const protocol::Claim& claim) const;
};

}  // namespace cafe::testing
