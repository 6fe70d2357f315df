// A wallet that spends slots twice, and what a judge says of the case: for the tests of cases.
#pragma once

#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "libs/protocol/testing/market.h"

namespace cafe::testing {

class CaseFixture : public ::testing::Test {
 protected:
  // The two payments of a slot, by a wallet whose guardian forgets.
  std::pair<protocol::Payment, protocol::Payment> spend_twice(WithdrawnCoin& coin, uint32_t slot,
                                                              uint64_t value,
                                                              uint64_t other_value) {
    return {market_.pay(wallet_, {{&coin, slot, value}}, Guardian::kForgetful),
            market_.pay(wallet_, {{&coin, slot, other_value}}, Guardian::kForgetful)};
  }
  protocol::CaseFile good_case() {
    const auto [first, second] = spend_twice(split_, 1, 200, 200);
    return market_.open_case(wallet_, first, 0, second, 0);
  }
  std::string verdict(const protocol::CaseFile& file) { return verdict(market_.sign_case(file)); }
  std::string verdict(const protocol::SignedCase& signed_case) {
    const auto decoded = protocol::SignedCase::decode(signed_case.encode());
    if (!decoded.ok()) return protocol::reason_of(decoded.status());
    return protocol::reason_of(protocol::verify_case(*decoded, market_.anchors).status());
  }

  Market market_{"case"};
  WorldWallet wallet_ = market_.make_wallet();
  WithdrawnCoin plain_ = market_.take(wallet_, market_.coin);
  WithdrawnCoin split_ = market_.take(wallet_, market_.split_coin);
  WithdrawnCoin cheque_ = market_.take(wallet_, market_.cheque);
};

}  // namespace cafe::testing
