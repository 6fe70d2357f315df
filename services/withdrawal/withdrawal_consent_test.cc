// Over gRPC: an account takes the place of a lost one only if its own key says so, too.
#include "services/withdrawal/loss_fixture.h"
#include "services/withdrawal/withdrawal_test_fixture.h"

namespace cafe::withdrawal {
namespace {

class SuccessorConsent : public Withdrawal {
 protected:
  Wallet make_wallet(uint64_t funds) {
    Wallet wallet(issuer());
    wallet.join(stub(), funds);
    return wallet;
  }
};

// Whose account it is that late charges are taken from has said so herself, of this lost account.
TEST_F(SuccessorConsent, NobodyBecomesASuccessorUnasked) {
  const Wallet lost = make_wallet(700), also = make_wallet(0), heir = make_wallet(30),
               stranger = make_wallet(5'000);
  must(call_report(stub(), loss_report(issuer(), lost)));
  const Agreed good = replacement(issuer(), lost, heir);
  const auto unwilling = [&](const char* what, const protocol::Replacement& names,
                             protocol::Bytes consent) {
    const std::string before = issuer().rows();
    const Agreed request{protocol::SignedDocument::sign(names.encode(), lost.key()),
                         std::move(consent)};
    const absl::Status status = call_replace(stub(), request).status();
    EXPECT_EQ(reason_of(status), "SUCCESSOR_UNWILLING") << what;
    EXPECT_EQ(status.code(), absl::StatusCode::kUnauthenticated) << what;
    EXPECT_EQ(issuer().rows(), before) << what;
  };
  const protocol::Replacement names = must(protocol::Replacement::decode(good.document.frame));
  protocol::Replacement hers = names;
  hers.successor = stranger.account();
  // A stranger, who is asked nothing: all that her attacker can sign with is his own.
  unwilling("nothing", hers, {});
  unwilling("the lost account's", hers, protocol::to_bytes(lost.key().sign(hers.encode())));
  unwilling("another account's", hers, protocol::to_bytes(heir.key().sign(hers.encode())));
  // She has agreed before: to another account, at another time, or as the lost one.
  protocol::Replacement other = hers;
  other.lost = also.account();
  unwilling("of another account", hers, protocol::to_bytes(stranger.key().sign(other.encode())));
  other = hers;
  ++other.time_ms;
  unwilling("of another time", hers, protocol::to_bytes(stranger.key().sign(other.encode())));
  std::swap(other.lost, other.successor);
  unwilling("to be replaced", hers, protocol::to_bytes(stranger.key().sign(other.encode())));
  for (size_t at = 0; at < good.consent.size(); ++at) {
    protocol::Bytes altered = good.consent;
    altered[at] ^= 1;
    unwilling("altered", names, std::move(altered));
  }
  protocol::Bytes longer = good.consent;
  longer.push_back(0);
  unwilling("longer", names, std::move(longer));
  unwilling("shorter", names, {good.consent.begin(), good.consent.end() - 1});
  EXPECT_EQ(issuer().balance(stranger.account()), 5'000);

  const auto statement = call_replace(stub(), good);
  ASSERT_TRUE(statement.ok()) << statement.status();
  EXPECT_EQ(open_replaced(issuer(), *statement).successor, heir.account());
  EXPECT_EQ(issuer().balance(heir.account()), 730);
  EXPECT_EQ(issuer().count("withdrawal.replacement WHERE consent = '\\x" +
                           protocol::to_hex(good.consent) + "'"),
            1);
  EXPECT_EQ(call_replace(stub(), good).value_or(""), *statement);
  unwilling("now that there is a successor", names, {});
}

}  // namespace
}  // namespace cafe::withdrawal
