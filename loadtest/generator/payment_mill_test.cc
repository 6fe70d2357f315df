#include "loadtest/generator/payment_mill.h"

#include <gtest/gtest.h>

#include <map>
#include <set>

#include "libs/protocol/case_file.h"
#include "libs/protocol/loadtest_key.h"
#include "libs/protocol/testing/world.h"
#include "loadtest/generator/account.h"

namespace cafe::loadtest {
namespace {

using cafe::testing::kWorldNow_s;
using cafe::testing::World;
using protocol::Bytes;
using protocol::Denomination;
using protocol::Payment;

constexpr uint64_t kNow_ms = kWorldNow_s * 1000;

class PaymentMillTest : public ::testing::Test {
 protected:
  PaymentMillTest() {
    for (Denomination denomination :
         {world.coin.denomination, world.split_coin.denomination, world.cheque.denomination}) {
      denomination.currency = "XTS";
      denomination.H = *protocol::multiply(protocol::loadtest_key(denomination), protocol::g());
      denominations.push_back(denomination);
    }
    list.limits.push_back({"XTS", 1'000'000, 1'000'000});
    list.denominations = denominations;
    table.add(list);
    for (int i = 0; i < 3; ++i) {
      terminals.push_back({std::string(World::kIssuer), protocol::PayeeId{world.rng.array<16>()},
                           protocol::TerminalId{world.rng.array<16>()},
                           cafe::testing::make_key(world.rng)});
    }
  }

  PaymentMill mill(const MillOptions& options) {
    auto made = PaymentMill::create(options, terminals, denominations, spenders);
    EXPECT_TRUE(made.ok()) << made.status();
    return *std::move(made);
  }
  std::vector<Batch> make(PaymentMill& from, uint64_t count, uint32_t threads = 2) {
    std::vector<Batch> out;
    EXPECT_TRUE(from.make(count, kNow_ms, threads,
                          [&](Batch batch) {
                            out.push_back(std::move(batch));
                            return absl::OkStatus();
                          })
                    .ok());
    return out;
  }
  // The reason with which an acquirer refuses it; empty where it is valid.
  std::string refusal(const PlannedPayment& planned, const Terminal& terminal) const {
    const auto payment = Payment::decode(planned.encoded);
    if (!payment.ok()) return protocol::reason_of(payment.status());
    return protocol::reason_of(
        protocol::check_payment(*payment, {.denominations = &table,
                                           .acquirer_id = terminal.acquirer_id,
                                           .terminal_key = terminal.key.public_key(),
                                           .payee_id = terminal.payee_id,
                                           .terminal_id = terminal.terminal_id})
            .status());
  }
  // The kind of money that pays.
  Money money_of(const Payment& payment) const {
    const Denomination& denomination = *table.find(payment.coins.front().denom_id);
    if (denomination.kind == protocol::Kind::kCheque) {
      return payment.spends.front().tick ? Money::kCall : Money::kCheque;
    }
    return denomination.slot_values.size() == 1 ? Money::kCoin : Money::kSplit;
  }
  static protocol::SpendTrace trace(const Payment& payment, const Denomination& denomination) {
    const protocol::Spend& spend = payment.spends.front();
    return {
        protocol::challenge_of(denomination, payment.coins.front(), spend, payment.terms.digest()),
        spend.r1, spend.r2};
  }

  World world{"payment mill"};
  protocol::DenominationList list = world.list;
  std::vector<Denomination> denominations;
  protocol::DenominationTable table;
  std::vector<Terminal> terminals;
  std::vector<SpenderSecrets> spenders = {{world.rng.scalar(), world.rng.scalar()},
                                          {world.rng.scalar(), world.rng.scalar()}};
  const MoneyMix every = MoneyMix::parse("coins=30,split=30,cheques=20,calls=20").value();
};

TEST_F(PaymentMillTest, WhatItMakesIsValidAndEverySlotPaysOnce) {
  PaymentMill under_test = mill({.seed = "valid", .batch_size = 20, .mix = every});
  std::set<std::pair<protocol::CoinId, uint32_t>> slots;
  std::map<Money, int> kinds;
  std::set<uint64_t> worths;
  uint64_t number = 0;
  for (const Batch& batch : make(under_test, 24)) {
    EXPECT_EQ(batch.number, number++);
    EXPECT_EQ(batch.terminal, batch.number % terminals.size());
    for (const PlannedPayment& planned : batch.payments) {
      EXPECT_EQ(planned.role, Role::kFresh);
      EXPECT_EQ(refusal(planned, terminals[batch.terminal]), "");
      const Payment payment = Payment::decode(planned.encoded).value();
      EXPECT_TRUE(slots.emplace(payment.coins.front().id(), payment.spends.front().slot).second);
      EXPECT_EQ(money_of(payment), planned.money);
      ++kinds[planned.money];
      const protocol::Spend& spend = payment.spends.front();
      if (!spend.salt.empty()) worths.insert(protocol::worth_of(spend));
    }
  }
  for (const Money money : {Money::kCoin, Money::kSplit, Money::kCheque, Money::kCall}) {
    EXPECT_NEAR(kinds[money], 480 * every.weights[static_cast<size_t>(money)] / 100, 50)
        << money_name(money);
  }
  EXPECT_GT(worths.size(), 100U) << "cheques are over many values, calls show many ticks";
  EXPECT_LE(*worths.rbegin(), world.cheque.denomination.value());
}

TEST_F(PaymentMillTest, WithoutAMixItPaysWithPlainCoins) {
  PaymentMill under_test = mill({.seed = "plain", .batch_size = 7});
  for (const Batch& batch : make(under_test, 8)) {
    for (const PlannedPayment& planned : batch.payments) {
      EXPECT_EQ(money_of(Payment::decode(planned.encoded).value()), Money::kCoin);
    }
  }
}

TEST_F(PaymentMillTest, AMixNeedsItsDenominations) {
  const auto create = [&](const MoneyMix& mix, std::span<const Denomination> from) {
    return protocol::reason_of(
        PaymentMill::create({.seed = "none", .mix = mix}, terminals, from, spenders).status());
  };
  const std::span<const Denomination> all(denominations);
  EXPECT_EQ(create(every, all), "");
  EXPECT_EQ(create({}, all.subspan(1)), "NO_DENOMINATION");
  EXPECT_EQ(create(MoneyMix::parse("split=1").value(), all.first(1)), "NO_DENOMINATION");
  EXPECT_EQ(create(MoneyMix::parse("cheques=1").value(), all.first(2)), "NO_DENOMINATION");
  EXPECT_EQ(create(MoneyMix::parse("calls=1").value(), all.first(2)), "NO_DENOMINATION");
  EXPECT_EQ(create(MoneyMix::parse("calls=1").value(), all.subspan(2)), "");
}

TEST_F(PaymentMillTest, TheSameSeedMakesTheSameWithAnyNumberOfThreads) {
  const MillOptions options{.seed = "same",
                            .batch_size = 3,
                            .mix = every,
                            .repeats = 0.1,
                            .double_spends = 0.1,
                            .invalid = 0.1};
  PaymentMill one = mill(options), other = mill(options);
  const auto a = make(one, 40, 1);
  auto b = make(other, 13, 3);  // in two goes
  for (Batch& batch : make(other, 27, 2)) b.push_back(std::move(batch));
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    for (size_t j = 0; j < a[i].payments.size(); ++j) {
      EXPECT_EQ(a[i].payments[j].encoded, b[i].payments[j].encoded) << i << "." << j;
    }
  }
}

TEST_F(PaymentMillTest, PlantsWhatItSaysInTheSharesAskedFor) {
  PaymentMill under_test = mill({.seed = "shares",
                                 .batch_size = 60,
                                 .mix = every,
                                 .repeats = 0.1,
                                 .double_spends = 0.1,
                                 .invalid = 0.1});
  EXPECT_EQ(under_test.distance() % terminals.size(), 0U);
  std::map<uint64_t, std::vector<std::pair<Role, std::pair<Payment, uint32_t>>>> pairs;
  std::set<std::pair<Money, Fault>> faults;
  const auto batches = make(under_test, 3 * under_test.distance());
  for (const Batch& batch : batches) {
    for (const PlannedPayment& planned : batch.payments) {
      const std::string refused = refusal(planned, terminals[batch.terminal]);
      if (planned.role == Role::kInvalid) {
        EXPECT_EQ(refused, reason_of_fault(planned.fault))
            << money_name(planned.money) << " " << static_cast<int>(planned.fault);
        faults.emplace(planned.money, planned.fault);
        continue;
      }
      EXPECT_EQ(refused, "") << "repeats and double spends are valid in themselves";
      if (planned.role == Role::kFresh) continue;
      pairs[planned.pair].push_back(
          {planned.role, {Payment::decode(planned.encoded).value(), batch.terminal}});
    }
  }
  size_t possible = 0;
  for (size_t i = 0; i < kMoneyKinds; ++i) possible += faults_of(static_cast<Money>(i)).size();
  EXPECT_EQ(faults.size(), possible) << "each fault occurs in each kind of money that it fits";
  std::set<Money> twice;
  int repeats = 0, doubles = 0, secrets = 0;
  for (const auto& [number, pair] : pairs) {
    ASSERT_LE(pair.size(), 2U);
    if (pair.size() < 2) continue;  // its second lies ahead
    const auto& [first, first_terminal] = pair[0].second;
    const auto& [second, second_terminal] = pair[1].second;
    EXPECT_EQ(pair[0].first, pair[1].first);
    if (pair[0].first == Role::kRepeated) {
      ++repeats;
      EXPECT_EQ(first, second);
      EXPECT_EQ(first_terminal, second_terminal) << "nobody else can deposit it";
      continue;
    }
    ++doubles;
    EXPECT_EQ(first.coins, second.coins);
    EXPECT_EQ(first.spends.front().slot, second.spends.front().slot);
    EXPECT_NE(first.terms, second.terms);
    twice.insert(money_of(second));
    const Denomination& denomination = *table.find(first.coins.front().denom_id);
    const auto secret =
        protocol::extract_secret(trace(first, denomination), trace(second, denomination));
    ASSERT_TRUE(secret.ok()) << secret.status();
    const auto is_theirs = [&](const SpenderSecrets& spender) {
      return *secret ==
             (denomination.kind == protocol::Kind::kCheque ? spender.cheque : spender.coin);
    };
    secrets += std::count_if(spenders.begin(), spenders.end(), is_theirs) == 1 ? 1 : 0;
  }
  EXPECT_EQ(twice.size(), kMoneyKinds) << "money of each kind is spent twice";
  EXPECT_EQ(secrets, doubles) << "a double spend reveals who spent twice";
  const double all = static_cast<double>(batches.size() * 60);
  // Of those drawn, a share of 1 - 0.3 finds a fresh one to come back to, and the first `distance`
  // batches of three have nothing before them.
  const double expected = 0.1 * 0.7 * 2 / 3;
  EXPECT_NEAR(repeats / all, expected, 0.02);
  EXPECT_NEAR(doubles / all, expected, 0.02);
}

TEST_F(PaymentMillTest, SlotsWithoutTermsPayWhenTheyAreDue) {
  PaymentMill under_test = mill({.seed = "due", .batch_size = 1, .mix = every});
  int calls = 0;
  for (int i = 0; i < 60; ++i) {
    const auto slot = under_test.next_slot();
    ASSERT_TRUE(slot.ok()) << slot.status();
    const protocol::Terms terms = terms_for(terminals[0], *slot, kNow_ms, world.rng.array<16>());
    const auto signed_terms = protocol::SignedDocument::sign(terms.encode(), terminals[0].key);
    EXPECT_EQ(refusal({pay(*slot, signed_terms).encode()}, terminals[0]), "");
    const Payment opening = pay(*slot, signed_terms, false);
    EXPECT_FALSE(opening.spends.front().tick.has_value());
    EXPECT_EQ(refusal({opening.encode()}, terminals[0]), "");
    calls += slot->ticks != nullptr ? 1 : 0;
  }
  EXPECT_GT(calls, 0);
}

TEST(AccountTest, RegistersAndIsWhoItsDoubleSpendsReveal) {
  World world{"accounts"};
  const std::string issuer(World::kIssuer);
  const auto account = Account::make("seed", 3, issuer, world.manufacturer_key);
  ASSERT_TRUE(account.ok()) << account.status();
  const protocol::Bytes32 nonce = world.rng.array<32>();
  const auto encoded = account->registration(nonce, world.rng);
  ASSERT_TRUE(encoded.ok()) << encoded.status();
  const auto file = protocol::RegistrationFile::decode(*encoded);
  ASSERT_TRUE(file.ok()) << file.status();
  const auto checked = protocol::check_registration(*file, issuer, world.anchors, nonce);
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->account, account->id());
  EXPECT_EQ(checked->points.I_coin, *protocol::multiply(account->coin_secret(), protocol::g1()));
  EXPECT_EQ(checked->points.I_cheque,
            *protocol::multiply(account->cheque_secret(), protocol::g1()));
  EXPECT_EQ(checked->registration.K, account->key().public_key());
  EXPECT_NE(Account::make("seed", 4, issuer, world.manufacturer_key)->id(), account->id());
  EXPECT_EQ(Account::make("seed", 3, issuer, world.manufacturer_key)->id(), account->id());
}

}  // namespace
}  // namespace cafe::loadtest
