// Every value of vectors.json from the terms of a payment on, reproduced: challenges, salts,
// answers of the guardian, responses, Merkle paths, ticks, and what double-spending reveals; first
// by the single functions, then by whole payments as a terminal checks them.
#include <gtest/gtest.h>

#include <map>

#include "libs/protocol/case_file.h"
#include "libs/protocol/spending.h"
#include "libs/protocol/testing/vectors.h"
#include "libs/protocol/ticks.h"

namespace cafe::protocol {
namespace {

using cafe::testing::bytes16_of;
using cafe::testing::bytes32_of;
using cafe::testing::bytes_of;
using cafe::testing::coin_of;
using cafe::testing::denomination_of;
using cafe::testing::guardian_point_of;
using cafe::testing::guardian_secret_of;
using cafe::testing::id_of;
using cafe::testing::Json;
using cafe::testing::path_of;
using cafe::testing::point_of;
using cafe::testing::points_of;
using cafe::testing::scalar_of;
using cafe::testing::scalars_of;
using cafe::testing::vectors;

Terms terms_of(const Json& spend) {
  const Json& in = spend["terms"];
  return {in["acquirer_id"],
          id_of<PayeeId>(in["payee_id"]),
          id_of<TerminalId>(in["terminal_id"]),
          in["currency"],
          in["amount"],
          in["time_ms"],
          bytes16_of(in["nonce"]),
          bytes_of(in["quote_id"])};
}

// The spend as a payee receives it.
Spend spend_of(const Json& in) {
  Spend spend{.coin = 0,
              .slot = in["slot"],
              .value = in["value"],
              .tick_root = {},
              .salt = in.contains("salt") ? bytes_of(in["salt"]) : Bytes{},
              .B = point_of(in["B"]),
              .path = path_of(in["path"]),
              .r1 = scalar_of(in["r1"]),
              .r2 = scalar_of(in["r2"]),
              .tick = std::nullopt};
  if (in.contains("tick")) {
    const Json& tick = in["tick"];
    spend.tick_value = tick["tick_value"];
    spend.tick_count = tick["tick_count"];
    spend.tick_root = bytes_of(tick["root"]);
    spend.tick = TickReveal{tick["reveal_index"], scalar_of(tick["reveal"]), path_of(tick["path"])};
  }
  return spend;
}

SpendTrace trace_of(const Json& in) {
  return {scalar_of(in["challenge"]), scalar_of(in["r1"]), scalar_of(in["r2"])};
}

// What a wallet has of one slot.
SlotSecrets secrets_of(const Json& scenario, uint32_t slot) {
  const Json& in = scenario["withdrawal"];
  return {scalar_of(in["x1"][slot]), scalar_of(in["x2"][slot]), scalar_of(in["e"][slot])};
}

GuardianKeys keys_of(const Json& scenario) {
  return {scalar_of(scenario["registration"]["o_coin"]),
          scalar_of(scenario["registration"]["o_cheque"])};
}

GuardianSlot slot_of(const Json& scenario, const Json& spend) {
  GuardianSlot slot{denomination_of(scenario).kind,
                    scalar_of(scenario["withdrawal"]["o2"][spend["slot"].get<size_t>()]),
                    {}};
  if (spend.contains("rho")) slot.rho = bytes32_of(spend["rho"]);
  return slot;
}

// Calls `test` for every spend of every scenario, and makes sure that there are as many as known.
template <typename Test>
void for_each_spend(Test test) {
  size_t spends = 0;
  for (const Json& scenario : vectors()["scenarios"]) {
    for (const Json& spend : scenario["spends"]) {
      SCOPED_TRACE(scenario["name"].get<std::string>() + ", slot " + spend["slot"].dump());
      test(scenario, spend);
      ++spends;
    }
  }
  EXPECT_EQ(spends, 10u);
}

TEST(PaymentVectors, terms_and_challenges) {
  for_each_spend([](const Json& scenario, const Json& in) {
    const Terms terms = terms_of(in);
    EXPECT_EQ(to_hex(terms.digest()), in["terms_digest"]);
    EXPECT_EQ(Terms::decode(terms.encode()).value(), terms);
    const Coin coin = coin_of(scenario);
    const Spend spend = spend_of(in);
    EXPECT_EQ(to_hex(spend_digest(coin.id(), spend.slot, terms.digest())), in["spend_digest"]);
    EXPECT_EQ(to_hex(challenge_of(denomination_of(scenario), coin, spend, terms.digest()).bytes()),
              in["challenge"]);
    if (!in.contains("rho")) return;
    EXPECT_EQ(to_hex(salt_commitment(bytes32_of(in["rho"]))), in["commitment"]);
    EXPECT_EQ(to_hex(xor32(bytes32_of(in["rho"]), bytes32_of(in["y"]))), in["salt"]);
    EXPECT_EQ(to_hex(*wallet_salt(bytes32_of(in["commitment"]), bytes32_of(in["rho"]),
                                  bytes32_of(in["y"]))),
              in["salt"]);
  });
}

// The guardian's own decision in each of its three modes, not the arithmetic alone.
TEST(PaymentVectors, guardian_answers) {
  for_each_spend([](const Json& scenario, const Json& in) {
    const GuardianKeys keys = keys_of(scenario);
    const GuardianSlot slot = slot_of(scenario, in);
    const Denomination denomination = denomination_of(scenario);
    const GuardianCounter counter{denomination.issuer_id, denomination.currency, 1'000'000};
    const Scalar d = scalar_of(in["challenge"]);
    const SlotSecrets secrets = secrets_of(scenario, in["slot"]);
    Scalar answer;
    if (denomination.kind == Kind::kCoin) {
      answer = answer_coin(keys, slot, coin_request(d, secrets)).value().answer;
    } else if (!in.contains("tick")) {
      const ChequeRequest request{denomination.issuer_id, denomination.currency, in["value"],
                                  bytes32_of(in["spend_digest"]), bytes32_of(in["y"])};
      const ChequeAnswer out = answer_cheque(keys, slot, counter, request).value();
      EXPECT_EQ(out.counter.amount, 1'000'000 - request.value);
      answer = out.answer;
    } else {
      const Json& tick = in["tick"];
      const TickRequest request{denomination.issuer_id,     denomination.currency,
                                tick["tick_value"],         tick["tick_count"],
                                bytes32_of(tick["y_seed"]), bytes32_of(in["spend_digest"]),
                                bytes32_of(in["y"])};
      const std::vector<Scalar> t = scalars_of(tick["t"]);
      const TickState ticks{static_cast<uint32_t>(t.size())};
      const TickOpening out =
          answer_ticks(
              keys, slot, counter, ticks, [&](uint32_t i) { return t[i]; }, request)
              .value();
      EXPECT_EQ(to_hex(out.tick_root), tick["root"]);
      answer = out.answer;
    }
    EXPECT_EQ(to_hex(answer.bytes()), in["guardian_answer"]);
    EXPECT_EQ(to_hex(guardian_answer(guardian_secret_of(scenario), slot.o2, d + secrets.e).bytes()),
              in["guardian_answer"]);
    EXPECT_TRUE(guardian_answer_ok(answer, d + secrets.e, guardian_point_of(scenario),
                                   *multiply(slot.o2, g1())));
  });
}

TEST(PaymentVectors, wallet_responses) {
  for_each_spend([](const Json& scenario, const Json& in) {
    const uint32_t slot = in["slot"];
    const auto response = wallet_respond(
        scalar_of(in["guardian_answer"]), scalar_of(in["challenge"]), secrets_of(scenario, slot),
        scalar_of(scenario["registration"]["u1"]), scalar_of(scenario["withdrawal"]["s"]),
        guardian_point_of(scenario), point_of(scenario["withdrawal"]["B_O"][slot]));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(to_hex(response->r1.bytes()), in["r1"]);
    EXPECT_EQ(to_hex(response->r2.bytes()), in["r2"]);
  });
}

TEST(PaymentVectors, merkle_paths_of_slots) {
  for_each_spend([](const Json& scenario, const Json& in) {
    const uint32_t slot = in["slot"];
    const std::vector<Point> B = points_of(scenario["withdrawal"]["B"]);
    EXPECT_EQ(B[slot], point_of(in["B"]));
    EXPECT_EQ(merkle_path(point_leaves(B), slot), path_of(in["path"]));
    EXPECT_EQ(merkle_root(point_leaves(B)), coin_of(scenario).root);
  });
}

TEST(PaymentVectors, ticks) {
  size_t calls = 0;
  for_each_spend([&](const Json&, const Json& in) {
    if (!in.contains("tick")) return;
    ++calls;
    const Json& tick = in["tick"];
    const std::vector<Scalar> t = scalars_of(tick["t"]);
    const std::vector<Point> P = points_of(tick["P"]);
    const Bytes32 y_seed = bytes32_of(tick["y_seed"]);
    ASSERT_EQ(t.size(), tick["tick_count"].get<size_t>());
    ASSERT_EQ(P.size(), t.size());
    for (size_t i = 0; i < t.size(); ++i) EXPECT_EQ(multiply(t[i], g1()), P[i]);
    const auto blinded = blind_tick_points(P, y_seed);
    ASSERT_TRUE(blinded.ok()) << blinded.status();
    EXPECT_EQ(*blinded, points_of(tick["blinded_points"]));
    EXPECT_EQ(to_hex(tick_root(*blinded)), tick["root"]);
    const uint32_t i = tick["reveal_index"];
    EXPECT_EQ(to_hex(wallet_tick(t[i], P[i], y_seed, i).value().bytes()), tick["reveal"]);
    EXPECT_EQ(merkle_path(point_leaves(*blinded), i), path_of(tick["path"]));
    EXPECT_TRUE(check_tick(bytes32_of(tick["root"]), tick["tick_count"], *spend_of(in).tick).ok());
    EXPECT_EQ(worth_of(spend_of(in)), (i + 1) * tick["tick_value"].get<uint64_t>());
  });
  EXPECT_EQ(calls, 1u);
}

TEST(PaymentVectors, spends_are_valid) {
  for_each_spend([](const Json& scenario, const Json& in) {
    const Denomination denomination = denomination_of(scenario);
    const Coin coin = coin_of(scenario);
    Spend spend = spend_of(in);
    SpendCheck check{&denomination, &coin, &spend, bytes32_of(in["terms_digest"])};
    const auto verdict = [&] { return check_spends(std::span(&check, 1))[0]; };
    EXPECT_TRUE(verdict().ok()) << verdict();
    spend.r1 = spend.r1 + Scalar::from_u64(1);
    EXPECT_EQ(reason_of(verdict()), "SPEND_INVALID");
  });
}

// Two spends of one slot, in the order of the scenario.
TEST(PaymentVectors, extracted_secrets) {
  size_t extracted = 0;
  for (const Json& scenario : vectors()["scenarios"]) {
    std::map<uint32_t, const Json*> first_of_slot;
    for (const Json& in : scenario["spends"]) {
      const auto [first, is_first] = first_of_slot.try_emplace(in["slot"].get<uint32_t>(), &in);
      EXPECT_EQ(in.contains("extracted_secret"), !is_first);
      if (is_first) continue;
      ++extracted;
      const auto secret = extract_secret(trace_of(*first->second), trace_of(in));
      ASSERT_TRUE(secret.ok()) << secret.status();
      EXPECT_EQ(to_hex(secret->bytes()), in["extracted_secret"]);
      EXPECT_EQ(multiply(*secret, g1()), point_of(in["extracted_identity"]));
      const bool coin = denomination_of(scenario).kind == Kind::kCoin;
      EXPECT_EQ(point_of(in["extracted_identity"]),
                point_of(scenario["registration"][coin ? "I_coin" : "I_cheque"]));
    }
  }
  EXPECT_EQ(extracted, 3u);
}

// Each spend as the payment that its terms ask for, signed by a terminal, sent, and checked.
TEST(PaymentVectors, whole_payments) {
  const SigningKey terminal_key = SigningKey::create(Scalar::from_u64(20260101)).value();
  for_each_spend([&](const Json& scenario, const Json& in) {
    const Terms terms = terms_of(in);
    const Payment payment{
        SignedDocument::sign(terms.encode(), terminal_key), {coin_of(scenario)}, {spend_of(in)}};
    const Bytes bytes = payment.encode();
    const auto received = Payment::decode(bytes);
    ASSERT_TRUE(received.ok()) << received.status();
    EXPECT_EQ(*received, payment);
    EXPECT_EQ(received->encode(), bytes);

    const Denomination denomination = denomination_of(scenario);
    DenominationTable table;
    table.add({denomination.issuer_id,
               1,
               denomination.withdraw_from,
               {{"EUR", 1'000'000, 1'000'000}},
               {denomination},
               {}});
    const PaymentContext context{.denominations = &table,
                                 .acquirer_id = terms.acquirer_id,
                                 .terminal_key = terminal_key.public_key(),
                                 .payee_id = terms.payee_id,
                                 .terminal_id = terms.terminal_id};
    const auto checked = check_payment(*received, context);
    if (terms.quote_id.empty()) {
      ASSERT_TRUE(checked.ok()) << checked.status();
      EXPECT_EQ(to_hex(checked->terms_digest), in["terms_digest"]);
      EXPECT_EQ(checked->coin_ids[0].hex(), scenario["coin"]["coin_id"]);
    } else {
      // The vectors name a quote by its digest and do not hold it.
      EXPECT_EQ(reason_of(checked.status()), "QUOTE_MISSING");
    }
  });
}

}  // namespace
}  // namespace cafe::protocol
