// Loads of the guardian's counter: taken once whatever is lost, and nothing that is wrong reaches
// the guardian.
#include <gtest/gtest.h>

#include "device-sim/firmware/wallet/money_fixture.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/testing/load_keys.h"

namespace cafe::wallet {
namespace {

using guardian::Ins;
using protocol::Bytes;
using protocol::Load;
using protocol::Loaded;
using protocol::LoadOrder;
using protocol::reason_of;
using protocol::SignedDocument;
using testing::kLoadedCents;
using testing::kWorldNow_s;
using testing::World;

class WalletLoadTest : public testing::MoneyTest {
 protected:
  Bytes start(uint64_t amount) { return *wallet().start_load("EUR", amount); }
  LoadOrder order_in(const Bytes& bytes) {
    return *LoadOrder::decode(SignedDocument::decode(bytes)->frame);
  }
};

TEST_F(WalletLoadTest, AddsToTheCounterOnce) {
  const Bytes order = start(500);
  EXPECT_EQ(device_.owner.last_load, 500u);
  EXPECT_EQ(order_in(order).sequence, 2u);
  EXPECT_EQ(balance().counter, kLoadedCents);
  const Bytes answer = *issuer_.load(order);
  const auto taken = wallet().on_loaded(answer);
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->amount, 500u);
  EXPECT_EQ(taken->sequence, 2u);
  EXPECT_TRUE(wallet().on_loaded(answer).ok());  // came twice
  EXPECT_EQ(balance().counter, kLoadedCents + 500);
  EXPECT_EQ(device_.counter(), kLoadedCents + 500);
  EXPECT_EQ(wallet().counters()->at(0).amount, kLoadedCents + 500);
  EXPECT_EQ(reason_of(wallet().pending_load_bytes().status()), "NO_LOAD");
  // An older answer, long after.
  device_.load(issuer_, 100);
  EXPECT_TRUE(wallet().on_loaded(answer).ok());
  EXPECT_EQ(device_.counter(), kLoadedCents + 600);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(balance().counter, kLoadedCents + 600);
}

TEST_F(WalletLoadTest, AsksAgainForAnAnswerThatWasLost) {
  const Bytes order = start(500);
  const Bytes lost = *issuer_.load(order);
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_EQ(*wallet().pending_load_bytes(), order);
  EXPECT_EQ(reason_of(wallet().start_load("EUR", 1).status()), "LOAD_PENDING");
  // Either way it is the same load.
  EXPECT_EQ(*issuer_.load(order), lost);
  EXPECT_EQ(*issuer_.find_load(*wallet().load_query()), lost);
  ASSERT_TRUE(wallet().on_loaded(lost).ok());
  EXPECT_EQ(issuer_.loaded(), kLoadedCents + 500);
  EXPECT_EQ(device_.counter(), kLoadedCents + 500);
}

TEST_F(WalletLoadTest, IsFineWhereTheGuardianHasItAlready) {
  const Bytes answer = *issuer_.load(start(500));
  const auto loaded = *Loaded::decode(SignedDocument::decode(answer)->frame);
  ASSERT_EQ(device_.chip.verify(PinKind::kWithdrawal, testing::kWithdrawalPin).word, 0x9000);
  ASSERT_EQ(device_.chip.load(loaded.load, loaded.load_signature).word, 0x9000);
  ASSERT_TRUE(wallet().on_loaded(answer).ok());
  EXPECT_EQ(device_.counter(), kLoadedCents + 500);
  EXPECT_EQ(balance().counter, kLoadedCents + 500);
}

TEST_F(WalletLoadTest, SaysWhyItDoesNotStart) {
  const auto reason = [&](std::string_view currency, uint64_t amount) {
    return reason_of(wallet().start_load(currency, amount).status());
  };
  EXPECT_EQ(reason("EUR", 0), "AMOUNT_ZERO");
  EXPECT_EQ(reason("eur", 1), "BAD_CURRENCY");
  EXPECT_EQ(reason("EUR", uint64_t{1} << 63), "AMOUNT_OVERFLOW");
  device_.owner.willing = false;
  EXPECT_EQ(reason("EUR", 1), "OWNER_DECLINED");
  EXPECT_EQ(reason_of(wallet().load_query().status()), "NO_LOAD");
  EXPECT_EQ(reason_of(wallet().cancel_load()), "NO_LOAD");
  testing::Device fresh(world_, "fresh");
  ASSERT_TRUE(fresh.restart().ok());
  EXPECT_EQ(reason_of(fresh.wallet->start_load("EUR", 1).status()), "NOT_REGISTERED");
}

// [guard] Of section 5: the wallet checks the RSA signature first, and what it says next; a message
// for the guardian that is wrong in any way is kept as evidence and does not reach it.
TEST_F(WalletLoadTest, PassesNoWrongLoadToTheGuardian) {
  const auto& key = testing::load_key_of(World::kIssuer);
  const auto altered = [&](auto change) {
    return [&key, change](Loaded& loaded) {
      Load load = *Load::decode(loaded.load);
      change(load);
      loaded.load = load.encode();
      loaded.load_signature = *protocol::sign_load(load, key.private_der);
    };
  };
  const std::vector<std::function<void(Loaded&)>> lies = {
      [](Loaded& loaded) { loaded.load_signature[100] ^= 1; },
      [](Loaded& loaded) { loaded.load_signature.pop_back(); },
      altered([](Load& load) { load.amount += 1; }),
      altered([](Load& load) { load.sequence += 1; }),
      altered([](Load& load) { load.currency = "USD"; }),
      altered([](Load& load) { load.serial.bytes[0] ^= 1; }),
      altered([](Load& load) { load.issuer_id = "issuer-b.example"; }),
  };
  const Bytes order = start(500);
  for (size_t i = 0; i < lies.size(); ++i) {
    testing::TestIssuer liar = issuer_;
    liar.tamper_load = lies[i];
    const Bytes answer = *liar.load(order);
    std::vector<Command> log;
    listen(log);
    EXPECT_EQ(reason_of(wallet().on_loaded(answer).status()), "WRONG_LOAD") << i;
    device_.chip.tamper = nullptr;
    EXPECT_EQ(count(log, Ins::kLoad), 0u) << i;
    EXPECT_EQ(wallet().wrong_load(), answer) << i;
    EXPECT_EQ(balance().counter, kLoadedCents) << i;
  }
  ASSERT_TRUE(device_.restart().ok());
  EXPECT_TRUE(wallet().wrong_load().has_value());
  // The load stays under way: a right answer still ends it.
  ASSERT_TRUE(wallet().on_loaded(*issuer_.load(order)).ok());
  EXPECT_EQ(device_.counter(), kLoadedCents + 500);
}

TEST_F(WalletLoadTest, BelievesOnlyTheIssuersAnswerToItsOwnOrder) {
  const Bytes answer = *issuer_.load(start(500));
  const auto document = *SignedDocument::decode(answer);
  const auto loaded = *Loaded::decode(document.frame);
  const auto reason = [&](const Loaded& content, const protocol::SigningKey& key) {
    return reason_of(
        wallet().on_loaded(SignedDocument::sign(content.encode(), key).encode()).status());
  };
  EXPECT_EQ(reason(loaded, world_.deposit_key), "BAD_SIGNATURE");
  Loaded other = loaded;
  other.order_digest[0] ^= 1;
  EXPECT_EQ(reason(other, world_.withdrawal_key), "LOAD_MISMATCH");
  other = loaded;
  other.account.bytes[0] ^= 1;
  EXPECT_EQ(reason(other, world_.withdrawal_key), "LOAD_MISMATCH");
  EXPECT_EQ(device_.counter(), kLoadedCents);
}

// The issuer refused a load, its owner gave it up; later it turns out that it was carried out.
TEST_F(WalletLoadTest, TakesALoadThatWasGivenUpAndCarriedOutAllTheSame) {
  const Bytes first = start(500);
  ASSERT_TRUE(wallet().cancel_load().ok());
  EXPECT_EQ(reason_of(wallet().pending_load_bytes().status()), "NO_LOAD");
  const Bytes answer = *issuer_.load(first);
  ASSERT_TRUE(device_.restart().ok());
  const Bytes second = start(700);
  EXPECT_EQ(order_in(second).sequence, order_in(first).sequence);
  EXPECT_EQ(reason_of(issuer_.load(second).status()), "LOAD_CLASH");
  const auto taken = wallet().on_loaded(*issuer_.find_load(*wallet().load_query()));
  ASSERT_TRUE(taken.ok()) << taken.status();
  EXPECT_EQ(taken->amount, 500u);
  EXPECT_EQ(device_.counter(), kLoadedCents + 500);
  EXPECT_EQ(*issuer_.load(first), answer);
  // The second one is void with its number; a third takes the next.
  EXPECT_EQ(order_in(start(700)).sequence, order_in(first).sequence + 1);
}

// A guardian that chose the number of the next load would send its issuer 64 bits.
TEST_F(WalletLoadTest, CountsLoadsItself) {
  device_.chip.tamper = [](protocol::ByteView command, protocol::MutableByteView response) {
    if (command[1] != static_cast<uint8_t>(Ins::kListCounters) || response.size() == 2) return;
    response[1 + response[0] + 32 + 7] = 0x77;  // of its last sequence
  };
  EXPECT_EQ(order_in(start(500)).sequence, 2u);
}

// Nor does what it says that the counter holds decide what is paid with.
TEST_F(WalletLoadTest, KeepsItsOwnBooks) {
  device_.chip.tamper = [](protocol::ByteView command, protocol::MutableByteView response) {
    if (command[1] != static_cast<uint8_t>(Ins::kListCounters) || response.size() == 2) return;
    response[response.size() - 2 - 7] = 1;  // of its amount
  };
  EXPECT_NE(wallet().counters()->at(0).amount, kLoadedCents);
  EXPECT_EQ(balance().counter, kLoadedCents);
  EXPECT_EQ(wallet().holdings("EUR", kWorldNow_s).counter, kLoadedCents);
}

TEST_F(WalletLoadTest, TakesTheLoadKeyThatItsGuardianHas) {
  testing::Device fresh(world_, "fresh");
  ASSERT_TRUE(fresh.restart().ok());
  const auto reason = [&](const std::string& issuer, const Bytes& der,
                          const protocol::SigningKey& signer) {
    const protocol::LoadKeyCertificate certificate{issuer, der};
    return reason_of(
        fresh.wallet->accept_load_key(SignedDocument::sign(certificate.encode(), signer).encode()));
  };
  const std::string id(World::kIssuer);
  const Bytes& der = testing::load_key_of(id).public_der;
  const Bytes& other_der = testing::load_key_of("issuer-b.example").public_der;
  EXPECT_EQ(reason(id, der, world_.withdrawal_key), "BAD_SIGNATURE");
  EXPECT_EQ(reason("issuer-b.example", der, world_.master_key), "UNKNOWN_ISSUER");
  EXPECT_EQ(reason(id, other_der, world_.master_key), "LOAD_KEY_DIFFERS");
  EXPECT_EQ(reason(id, testing::make_p256().public_der, world_.master_key), "BAD_LOAD_KEY");
  EXPECT_EQ(reason(id, der, world_.master_key), "");
}

}  // namespace
}  // namespace cafe::wallet
