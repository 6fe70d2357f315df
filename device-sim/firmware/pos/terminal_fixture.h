// A terminal with customers of the world's and an acquirer who signs what a test wants, for the
// terminal's tests.
#pragma once

#include <gtest/gtest.h>

#include "device-sim/firmware/testing/till.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/testing/market.h"

namespace cafe::pos {

class TerminalTest : public ::testing::Test {
 protected:
  protocol::Bytes offer(uint64_t amount) {
    return *till_.terminal->make_offer("EUR", amount, testing::kWorldNow_ms);
  }
  // A payment for an offer by the world's wallet.
  protocol::Payment pay(const protocol::Bytes& bill, const std::vector<testing::Paying>& slots,
                        testing::Guardian guardian = testing::Guardian::kWorking) {
    const protocol::SignedDocument terms = testing::terms_of(bill);
    protocol::Payment payment =
        market_.pay(alice_, slots, *protocol::Terms::decode(terms.frame), guardian);
    payment.terms = terms;
    return payment;
  }
  protocol::Bytes pay_coin() { return pay(offer(500), {{&take(market_.coin), 0, 500}}).encode(); }
  // A coin or cheque that lives as long as the test.
  testing::WithdrawnCoin& take(const protocol::DenominationKey& denomination) {
    coins_.push_back(std::make_unique<testing::WithdrawnCoin>(market_.take(alice_, denomination)));
    return *coins_.back();
  }
  PaymentResult decide(const protocol::Bytes& payment) {
    auto result = till_.terminal->on_payment(payment, testing::kWorldNow_ms);
    EXPECT_TRUE(result.ok()) << result.status();
    return *std::move(result);
  }
  // What the acquirer signs for a batch, with the same verdict for each payment.
  protocol::Bytes receipt_for(const DepositBatch& batch,
                              protocol::VerdictCode code = protocol::VerdictCode::kAccepted) {
    const auto document = *protocol::SignedDocument::decode(batch.order);
    const auto order = *protocol::DepositOrder::decode(document.frame);
    protocol::Receipt receipt{order.acquirer_id,
                              order.payee_id,
                              order.idempotency_key,
                              document.digest(),
                              7,
                              testing::kWorldNow_ms,
                              {}};
    for (size_t i = 0; i < batch.payments.size(); ++i) {
      if (code == protocol::VerdictCode::kRefused) {
        receipt.verdicts.push_back({code, "COIN_INVALID", 0, "EUR", {}});
      } else {
        receipt.verdicts.push_back({code, "", 500, "EUR", {{code, 500, 0}}});
      }
    }
    return protocol::SignedDocument::sign(receipt.encode(), market_.deposit_key).encode();
  }
  absl::StatusOr<protocol::Receipt> settle(const protocol::Bytes& receipt) {
    return till_.terminal->on_receipt(receipt, market_.deposit_certificate.encode());
  }
  // The acquirer's answer to Authorize.
  absl::StatusOr<PaymentResult> authorize(const protocol::Bytes& payment, bool granted,
                                          const protocol::SigningKey& key) {
    const protocol::Authorization authorization{
        std::string(testing::World::kIssuer),
        market_.terminal.payee_id,
        protocol::Payment::decode(payment).value().terms.digest(),
        protocol::sha256(payment),
        granted,
        granted ? "" : "SPENT",
        testing::kWorldNow_ms + 60'000};
    return till_.terminal->on_authorization(
        protocol::SignedDocument::sign(authorization.encode(), key).encode(),
        market_.deposit_certificate.encode(), testing::kWorldNow_ms);
  }
  // The issuer's next list, with these limits (minor units of EUR).
  void set_limits(uint64_t offline, uint64_t identification) {
    auto list = market_.list;
    ++list.number;
    list.limits = {{"EUR", offline, identification}};
    ASSERT_TRUE(till_.terminal
                    ->accept_list(
                        protocol::SignedDocument::sign(list.encode(), market_.master_key).encode())
                    .ok());
  }

  // The issuer's next list, with one key more reported compromised.
  void report_compromised(const protocol::DenominationKey& denomination) {
    ++market_.list.number;
    market_.list.compromised.push_back(denomination.id);
    const auto document = protocol::SignedDocument::sign(market_.list.encode(), market_.master_key);
    const absl::Status taken = till_.terminal->accept_list(document.encode());
    ASSERT_TRUE(taken.ok()) << taken;
  }

  testing::Market market_{"terminal"};
  testing::WorldWallet alice_ = market_.make_wallet();
  std::vector<std::unique_ptr<testing::WithdrawnCoin>> coins_;
  testing::Till till_{market_, "till"};
};

}  // namespace cafe::pos
