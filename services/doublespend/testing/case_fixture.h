// A double-spender before the service, for tests.
#pragma once

#include "libs/protocol/case_file.h"
#include "services/doublespend/testing/double_spender.h"
#include "services/doublespend/testing/service_fixture.h"

namespace cafe::doublespend::testing {

// A registered account whose guardian forgets, with payments that are archived at deposit.
class CaseTest : public ServiceFixture {
 protected:
  CaseTest() { peers_.add_account(wallet_); }

  // Pays with one slot and archives it as payment 2 of a batch of its own.
  SpendRow pay(cafe::testing::WithdrawnCoin& coin, uint32_t slot = 0) {
    const protocol::Payment payment =
        market_.pay(wallet_, {{&coin, slot, coin.denomination.slot_values[slot]}},
                    cafe::testing::Guardian::kForgetful);
    return archive(payment);
  }
  // Archives a payment of one spend.
  SpendRow archive(const protocol::Payment& payment) {
    return archive(payment, market_.terminal_credential);
  }
  SpendRow archive(const protocol::Payment& payment, const protocol::PayeeCredential& payee) {
    const Place place{.batch = next_batch_++, .position = 2 * 128};
    peers_.add_payment(place.batch, place.payment(), payment, payee);
    const SpendRow dates = rows_.spend({}, 0, {});
    return row_of(market_, payment, place, dates.key.deposit_until, dates.claim_until);
  }
  // The account's case is proved and the account closed with it.
  void expect_caught(uint64_t number, protocol::Kind kind) {
    ASSERT_TRUE(reaches_state(number, "proved")) << get_case(number).summary().note();
    expect_convicted(number);
    const auto signed_case =
        protocol::SignedCase::decode(protocol::view_of(get_case(number).signed_case()));
    EXPECT_EQ(protocol::verify_case(*signed_case, market_.anchors)->kind, kind);
    ASSERT_TRUE(account_gets_closed());
    EXPECT_EQ(peers_.closed(), std::vector<std::string>{get_case(number).signed_case()});
  }
  // The case of one coin spent twice.
  uint64_t spend_twice(cafe::testing::WithdrawnCoin& coin) {
    const auto verdicts = record({pay(coin), pay(coin)});
    EXPECT_EQ(verdicts[1].outcome(), v1::RecordVerdict::DOUBLE);
    return verdicts[1].case_number();
  }
  // Verifies the stored evidence with public keys alone.
  void expect_convicted(uint64_t number) {
    const auto stored = get_case(number);
    EXPECT_EQ(stored.summary().state(), "proved");
    EXPECT_EQ(stored.summary().account_id(), protocol::to_string(wallet_.account.account));
    const auto signed_case = protocol::SignedCase::decode(protocol::view_of(stored.signed_case()));
    ASSERT_TRUE(signed_case.ok()) << signed_case.status();
    const auto verdict = protocol::verify_case(*signed_case, market_.anchors);
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_EQ(verdict->account, wallet_.account.account);
    EXPECT_EQ(protocol::to_string(verdict->coin_id), stored.summary().coin_id());
    EXPECT_EQ(verdict->slot, stored.summary().slot());
  }
  bool account_gets_closed() {
    return cafe::testing::eventually(std::chrono::seconds(60), [&] {
      clock_.advance(absl::Seconds(1));
      return count("SELECT count(*) FROM coinstore.cases WHERE account_closed_ms IS NOT NULL") > 0;
    });
  }

  cafe::testing::WorldWallet wallet_ = market_.make_wallet();
  cafe::testing::WithdrawnCoin coin_ = market_.take(wallet_, market_.coin);
  uint64_t next_batch_ = 1;
};

}  // namespace cafe::doublespend::testing
