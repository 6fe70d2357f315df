// What a recovery shows the issuer (section 8). The test is the issuer: it has every order and
// session, every payment that was deposited, every look-up and every claim, and tries to find out
// which payments the lost wallet had made. It must find what section 8 concedes, and nothing else:
// payments that were not deposited yet when their coin was claimed, and all cheques when they are
// claimed.
#include <algorithm>
#include <set>

#include "device-sim/firmware/wallet/recovery_fixture.h"
#include "libs/protocol/rebuild.h"
#include "libs/protocol/withdrawal_issuer.h"

namespace cafe::wallet {
namespace {

using protocol::AccountId;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::Coin;
using protocol::CoinId;
using protocol::CoinPrefix;
using protocol::Kind;
using protocol::Payment;
using protocol::Session;
using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::IsSubsetOf;
using ::testing::Not;

using Payments = std::set<Bytes32>;  // digests of their terms

// The issuer with everything that it sees.
class CuriousIssuer {
 public:
  CuriousIssuer(testing::World& world, testing::TestIssuer& issuer, testing::RecoveryDesk& desk)
      : world_(world), issuer_(issuer), desk_(desk) {}

  // Every payment that it can tell to be of this account.
  Payments linked_to(const AccountId& account) const {
    std::set<CoinId> coins = coins_of_claims(account);
    coins.merge(coins_that_secrets_open(account));
    coins.merge(coins_asked_for_alone());
    // Spends of one coin are linked to each other, and so are the coins of one payment.
    Payments linked;
    for (size_t before = SIZE_MAX; before != linked.size();) {
      before = linked.size();
      for (const Payment& payment : desk_.deposited()) {
        const auto known = [&](const Coin& coin) { return coins.contains(coin.id()); };
        if (std::none_of(payment.coins.begin(), payment.coins.end(), known)) continue;
        linked.insert(payment.terms.digest());
        for (const Coin& coin : payment.coins) coins.insert(coin.id());
      }
    }
    return linked;
  }

  // Which of these accounts' sessions a coin could have come from. A signature is blind where all
  // of its denomination fit.
  std::set<AccountId> could_have_withdrawn(const Coin& coin,
                                           const std::vector<AccountId>& accounts) const {
    std::set<AccountId> fitting;
    for (const AccountId& account : accounts) {
      for (const Session& session : sessions_of(account)) {
        if (session.denom_id != coin.denom_id) continue;
        // There is one (u, v) that makes this coin of this session; is it one that fits the rest?
        const auto u = coin.challenge() * session.c.inverse();
        const auto v = coin.r - session.r * u;
        if (combination_equals({{u, session.clause.a}, {v, protocol::g()}}, coin.a)) {
          fitting.insert(account);
        }
      }
    }
    return fitting;
  }

 private:
  std::vector<Session> sessions_of(const AccountId& account) const {
    std::vector<Session> sessions;
    const auto& points = issuer_.account(account).checked.points;
    for (const protocol::OrderRecord& record : issuer_.orders_of(account)) {
      const auto order = *protocol::Order::decode(record.order.frame);
      const auto completion = *protocol::Completion::decode(record.completion.frame);
      for (const protocol::OpenedLine& line : order.opened.lines) {
        const Kind kind = world_.table.find(line.denom_id)->kind;
        for (uint32_t i = 0; i < line.coins.size(); ++i) {
          sessions.push_back(*protocol::session_of(order, completion, line.denom_id, i,
                                                   protocol::m_for(kind, points)));
        }
      }
    }
    return sessions;
  }

  std::set<CoinId> coins_of_claims(const AccountId& account) const {
    std::set<CoinId> coins;
    for (const protocol::Claim& claim : desk_.claims()) {
      if (claim.account != account) continue;
      for (const auto& coin : claim.coins) coins.insert(coin.id());
    }
    return coins;
  }

  // A claim shows s, u and v of its coins. Were any of them used for another coin as well, or did
  // they follow from each other, that coin would open too.
  std::set<CoinId> coins_that_secrets_open(const AccountId& account) const {
    std::set<CoinId> claimed;
    std::set<Bytes32> known;          // every u and v
    std::set<protocol::Point> opens;  // A of a coin with an s that is known
    const auto& points = issuer_.account(account).checked.points;
    for (const protocol::Claim& claim : desk_.claims()) {
      for (const auto& coin : claim.coins) {
        claimed.insert(coin.id());
        known.insert(coin.opening.u.bytes());
        known.insert(coin.opening.v.bytes());
        for (const auto& m : {points.m_coin, points.m_cheque}) {
          opens.insert(*protocol::multiply(coin.opening.s, m));
        }
      }
    }
    std::set<CoinId> coins;
    for (const Session& session : sessions_of(account)) {
      const auto inverse = session.c.inverse();
      for (const Payment& payment : desk_.deposited()) {
        for (const Coin& coin : payment.coins) {
          if (session.denom_id != coin.denom_id || claimed.contains(coin.id())) continue;
          const auto u = coin.challenge() * inverse;
          const auto v = coin.r - session.r * u;
          if (known.contains(u.bytes()) || known.contains(v.bytes()) || opens.contains(coin.A)) {
            coins.insert(coin.id());
          }
        }
      }
    }
    return coins;
  }

  // Whoever asks for a prefix that one coin alone has seems to mean that one.
  std::set<CoinId> coins_asked_for_alone() const {
    std::set<CoinId> all, coins;
    for (const Payment& payment : desk_.deposited()) {
      for (const Coin& coin : payment.coins) all.insert(coin.id());
    }
    for (const CoinPrefix& asked : desk_.own_look_ups()) {
      std::set<CoinId> under;
      for (const CoinId& id : all) {
        if (asked.covers(id)) under.insert(id);
      }
      if (under.size() == 1) coins.merge(under);
    }
    return coins;
  }

  testing::World& world_;
  testing::TestIssuer& issuer_;
  testing::RecoveryDesk& desk_;
};

class PrivacyTest : public testing::RecoveryTest {
 protected:
  void SetUp() override {
    RecoveryTest::SetUp();
    for (testing::Device* other : {&ann_, &bob_}) other->set_up(issuer_, *till_.terminal);
    const auto everybody = {&ann_, &lost_, &bob_};
    for (testing::Device* each : everybody) {
      each->withdraw(issuer_, {{world_.coin.id, 6}, {world_.split_coin.id, 5}});
    }
    for (const uint64_t amount : {500, 300, 700}) {
      for (testing::Device* each : everybody) desk_.deposit(note(*each, amount));
    }
    // These are at the shop still when the wallet is lost.
    for (const uint64_t amount : {500, 200}) {
      for (testing::Device* each : everybody) on_their_way_.push_back(note(*each, amount));
    }
    for (testing::Device* each : everybody) {
      each->withdraw(issuer_, {{world_.cheque.id, 3}});
      each->load(issuer_, 5000);
      desk_.deposit(note(*each, 199));
      on_their_way_.push_back(note(*each, 150));
    }
    for (const Payment& payment : desk_.deposited()) {
      for (const Coin& coin : payment.coins) known_spent_.insert(coin.id());
    }
  }
  Payment note(testing::Device& device, uint64_t amount) {
    Payment payment = pay(device, amount);
    if (&device == &lost_) hers_.push_back(payment);
    return payment;
  }
  void deposit_what_was_on_its_way() {
    for (const Payment& payment : on_their_way_) desk_.deposit(payment);
  }
  bool has_cheque(const Payment& payment) {
    return std::any_of(payment.coins.begin(), payment.coins.end(), [&](const Coin& coin) {
      return world_.table.find(coin.denom_id)->kind == Kind::kCheque;
    });
  }
  // All payments that spend a coin of these, and so on.
  Payments closure(std::set<CoinId> coins) {
    Payments out;
    for (size_t before = SIZE_MAX; before != out.size();) {
      before = out.size();
      for (const Payment& payment : hers_) {
        const auto known = [&](const Coin& coin) { return coins.contains(coin.id()); };
        if (std::none_of(payment.coins.begin(), payment.coins.end(), known)) continue;
        out.insert(payment.terms.digest());
        for (const Coin& coin : payment.coins) coins.insert(coin.id());
      }
    }
    return out;
  }
  // What section 8 concedes, from what the wallet alone knows: coins whose payments were not
  // deposited when they were claimed, and cheques.
  Payments conceded(const Consent& consent) {
    std::set<CoinId> coins;
    for (const Payment& payment : hers_) {
      for (const Coin& coin : payment.coins) {
        const auto& denomination = *world_.table.find(coin.denom_id);
        if (denomination.kind == Kind::kCheque) {
          if (consent.cheques) coins.insert(coin.id());
          continue;
        }
        const bool partly = known_spent_.contains(coin.id()) && denomination.slot_values.size() > 1;
        const bool pending = !known_spent_.contains(coin.id());
        if (pending || (partly && consent.partly_spent && has_unspent_slot(coin.id()))) {
          coins.insert(coin.id());
        }
      }
    }
    return closure(std::move(coins));
  }
  // As the store knew it when it was asked.
  bool has_unspent_slot(const CoinId& id) {
    std::set<uint32_t> spent;
    for (size_t n = 0; n < deposited_before_; ++n) {
      const Payment& payment = desk_.deposited()[n];
      for (const auto& spend : payment.spends) {
        if (payment.coins[spend.coin].id() == id) spent.insert(spend.slot);
      }
    }
    return spent.size() < world_.split_coin.denomination.slot_values.size();
  }
  Payments hers() {
    Payments all;
    for (const Payment& payment : hers_) all.insert(payment.terms.digest());
    return all;
  }
  Payments found_after(const Consent& consent) {
    deposited_before_ = desk_.deposited().size();
    recover_all(consent);
    deposit_what_was_on_its_way();
    return CuriousIssuer(world_, issuer_, desk_).linked_to(lost_account_);
  }

  testing::Device ann_{world_, "ann"};
  testing::Device bob_{world_, "bob"};
  std::vector<Payment> hers_;
  std::vector<Payment> on_their_way_;
  std::set<CoinId> known_spent_;  // deposited before the loss
  size_t deposited_before_ = 0;
};

TEST_F(PrivacyTest, ClaimingCoinsShowsThePaymentsThatWereOnTheirWay) {
  const Payments found = found_after({});
  EXPECT_EQ(found, conceded({}));
  EXPECT_THAT(found, Not(IsEmpty())) << "a payment of a whole coin was on its way";
  EXPECT_LT(found.size(), hers().size()) << "what had been deposited stays hers alone";
  // Every payment of which nothing was on its way is unknown.
  for (const Payment& payment : hers_) {
    const bool all_known =
        std::all_of(payment.coins.begin(), payment.coins.end(),
                    [&](const Coin& coin) { return known_spent_.contains(coin.id()); });
    if (all_known && !has_cheque(payment)) {
      EXPECT_THAT(found, Not(Contains(payment.terms.digest())));
    }
  }
}

TEST_F(PrivacyTest, PartlySpentCoinsShowWhatTheyPaid) {
  const Payments found = found_after({.partly_spent = true});
  EXPECT_EQ(found, conceded({.partly_spent = true}));
  EXPECT_THAT(conceded({}), IsSubsetOf(found));
  EXPECT_GT(found.size(), conceded({}).size());
}

TEST_F(PrivacyTest, ClaimingChequesShowsAllOfThem) {
  const Payments found = found_after({.cheques = true});
  EXPECT_EQ(found, conceded({.cheques = true}));
  for (const Payment& payment : hers_) {
    EXPECT_TRUE(!has_cheque(payment) || found.contains(payment.terms.digest()));
  }
}

TEST_F(PrivacyTest, NobodyElseIsShown) {
  const Payments found = found_after({.partly_spent = true, .cheques = true});
  EXPECT_THAT(found, IsSubsetOf(hers()));
  const CuriousIssuer issuer(world_, issuer_, desk_);
  for (testing::Device* other : {&ann_, &bob_}) {
    EXPECT_THAT(issuer.linked_to(*other->wallet->account()), IsEmpty());
  }
}

// Without a claim there is nothing: reporting the loss, listing the orders, asking what is spent.
TEST_F(PrivacyTest, AskingWhatIsSpentShowsNothing) {
  const auto recovery = begin();
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  ASSERT_TRUE(look_up_all(desk_, *recovery).ok());
  deposit_what_was_on_its_way();
  EXPECT_THAT(CuriousIssuer(world_, issuer_, desk_).linked_to(lost_account_), IsEmpty());
}

// The same of a store that answers for few coins at a time.
TEST_F(PrivacyTest, NorDoesAskingByLongPrefixes) {
  desk_.most_slots = 20;
  const auto recovery = begin();
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  const absl::Status asked = look_up_all(desk_, *recovery);
  // Where the crowd is too small, nothing of her coins was asked for.
  EXPECT_TRUE(asked.ok() || protocol::reason_of(asked) == "CROWD_TOO_SMALL") << asked;
  deposit_what_was_on_its_way();
  EXPECT_THAT(CuriousIssuer(world_, issuer_, desk_).linked_to(lost_account_), IsEmpty());
}

// Coins that are not claimed fit everybody's sessions as well as hers, after her claim too.
TEST_F(PrivacyTest, UnclaimedCoinsStayBlind) {
  const Payments found = found_after({.partly_spent = true});
  const std::vector<AccountId> all = {lost_account_, *ann_.wallet->account(),
                                      *bob_.wallet->account()};
  const CuriousIssuer issuer(world_, issuer_, desk_);
  for (const Payment& payment : desk_.deposited()) {
    if (found.contains(payment.terms.digest())) continue;
    for (const Coin& coin : payment.coins) {
      EXPECT_EQ(issuer.could_have_withdrawn(coin, all).size(), all.size());
    }
  }
}

}  // namespace
}  // namespace cafe::wallet
