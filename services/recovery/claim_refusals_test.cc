// Who may claim what, and what a wrong claim is answered. A refused claim changes nothing.
#include "services/recovery/testing/recovery_fixture.h"

namespace cafe::recovery::testing {
namespace {

using protocol::ClaimedCoin;
using protocol::SignedDocument;

class ClaimRefusalsTest : public RecoveryTest {
 protected:
  ~ClaimRefusalsTest() override {
    EXPECT_EQ(number("SELECT count(*) FROM recovery.claim"), filed_);
    EXPECT_EQ(number("SELECT last FROM recovery.claim_counter"), filed_);
  }
  ClaimedCoin plain() const { return claimed(plain_, plain_.order); }
  std::string reason(ClaimedCoin coin) {
    return refused(claim(next_, ClaimKind::kCoins, {plain(), std::move(coin)}));
  }
  // The gRPC error that a document gets.
  std::string error(const protocol::Bytes& document) {
    return protocol::reason_of(file_claim(parts_, document, absl::InfiniteFuture()).status());
  }
  std::string error(const SignedDocument& document) { return error(document.encode()); }
  protocol::Claim claim_by(const protocol::AccountId& by) {
    return {.issuer_id = std::string(ClaimMarket::kIssuer),
            .account = lost_.account.account,
            .by = by,
            .kind = ClaimKind::kCoins,
            .time_ms = now_ms(),
            .coins = {plain()},
            .payments = {}};
  }

  WithdrawnCoin plain_ = take(lost_, market_.coin);
  WithdrawnCoin other_ = take(lost_, market_.coin);
  WithdrawnCoin split_ = take(lost_, market_.split_coin);
  WithdrawnCoin cheque_ = take(lost_, market_.cheque);
  int64_t filed_ = 0;
};

TEST_F(ClaimRefusalsTest, OnlyLostWalletsCoinsAreClaimed) {
  const auto attempt = [&] { return refused(claim(lost_, ClaimKind::kCoins, {plain()})); };
  EXPECT_EQ(attempt(), "NOT_REPORTED_LOST");
  withdrawal_.lose(lost_);
  withdrawal_.convict(lost_);
  EXPECT_EQ(attempt(), "ACCOUNT_CONVICTED");
}

TEST_F(ClaimRefusalsTest, AnOldClaimIsOfNoUse) {
  lose_and_replace();
  const SignedDocument document = claim(next_, ClaimKind::kCoins, {plain()});
  advance_to(now_ms() + 600'001);
  EXPECT_EQ(refused(document), "CLAIM_STALE");
  protocol::Claim ahead = claim_by(next_.account.account);
  ahead.time_ms = now_ms() + 600'001;
  EXPECT_EQ(refused(SignedDocument::sign(ahead.encode(), next_.identity.account_key)),
            "CLAIM_STALE");
}

TEST_F(ClaimRefusalsTest, OnlyTheHolderAndHerLastSuccessorClaim) {
  WorldWallet third = market_.make_wallet();
  withdrawal_.add(third);
  lose_and_replace();
  withdrawal_.lose(next_);
  withdrawal_.replace(next_, third);
  const protocol::AccountId by_next = next_.account.account;
  EXPECT_EQ(error(SignedDocument::sign(claim_by(by_next).encode(), next_.identity.account_key)),
            "NOT_THE_HOLDER");
  WorldWallet stranger = market_.make_wallet();
  EXPECT_EQ(error(SignedDocument::sign(claim_by(stranger.account.account).encode(),
                                       stranger.identity.account_key)),
            "NOT_THE_HOLDER");
  EXPECT_EQ(error(SignedDocument::sign(claim_by(third.account.account).encode(),
                                       stranger.identity.account_key)),
            "BAD_SIGNATURE");
  protocol::Claim foreign = claim_by(third.account.account);
  foreign.account = stranger.account.account;
  EXPECT_EQ(error(SignedDocument::sign(foreign.encode(), third.identity.account_key)),
            "UNKNOWN_ACCOUNT");
  foreign = claim_by(third.account.account);
  foreign.issuer_id = "issuer-b.example";
  EXPECT_EQ(error(SignedDocument::sign(foreign.encode(), third.identity.account_key)),
            "WRONG_ISSUER");
  EXPECT_EQ(error(protocol::Bytes{1, 2, 3}), "TRUNCATED");
}

TEST_F(ClaimRefusalsTest, ACoinMustBeTheUnblindingOfItsSession) {
  lose_and_replace();
  ClaimedCoin wrong = claimed(other_, other_.order);
  wrong.opening.u = wrong.opening.u + wrong.opening.s;
  EXPECT_EQ(reason(wrong), "CLAIM_INVALID@1");
  wrong = claimed(other_, other_.order);
  wrong.opening.s = wrong.opening.s + wrong.opening.u;
  EXPECT_EQ(reason(wrong), "CLAIM_INVALID@1");
  wrong = claimed(other_, other_.order);
  wrong.root[0] ^= 1;
  EXPECT_EQ(reason(wrong), "CLAIM_INVALID@1");
  // Another session's answer does not fit: each has its own.
  wrong = claimed(other_, split_.order);
  EXPECT_EQ(reason(wrong), "NO_SUCH_COIN@1");
  wrong = claimed(other_, other_.order);
  wrong.i = 1;
  EXPECT_EQ(reason(wrong), "NO_SUCH_COIN@1");
  wrong = claimed(other_, 99);
  EXPECT_EQ(reason(wrong), "NO_SUCH_COIN@1");
  // A dearer denomination's name.
  wrong = claimed(other_, other_.order);
  wrong.denom_id = market_.split_coin.id;
  EXPECT_EQ(reason(wrong), "NO_SUCH_COIN@1");
  wrong.denom_id.bytes[0] ^= 1;
  clock_.advance(absl::Seconds(1));  // the lists may be asked for again
  EXPECT_EQ(reason(wrong), "UNKNOWN_DENOMINATION@1");
  EXPECT_EQ(reason(claimed(split_, split_.order, 0b100000)), "SLOT_OUTSIDE_COIN@1");
  EXPECT_EQ(reason(claimed(cheque_, cheque_.order)), "WRONG_KIND@1");
}

TEST_F(ClaimRefusalsTest, AStrangersCoinIsNotHers) {
  lose_and_replace();
  WorldWallet stranger = market_.make_wallet();
  withdrawal_.add(stranger);
  const WithdrawnCoin theirs = take(stranger, market_.coin);
  EXPECT_EQ(refused(claim(next_, ClaimKind::kCoins, {claimed(theirs, theirs.order)})),
            "CLAIM_INVALID@0");
}

TEST_F(ClaimRefusalsTest, AnExpiredDenominationIsClaimedNoMore) {
  lose_and_replace();
  advance_to(market_.coin.denomination.claim_until * 1000 - 1);
  renew_key();
  filed_ = 1;
  filed(claim(next_, ClaimKind::kCoins, {plain()}));
  advance_to(market_.coin.denomination.claim_until * 1000);
  EXPECT_EQ(refused(claim(next_, ClaimKind::kCoins, {claimed(other_, other_.order)})),
            "CLAIM_EXPIRED@0");
}

TEST_F(ClaimRefusalsTest, NothingIsClaimedTwice) {
  lose_and_replace();
  filed_ = 2;
  filed(claim(next_, ClaimKind::kCoins, {plain(), claimed(split_, split_.order, 0b00011)}));
  EXPECT_EQ(refused(claim(next_, ClaimKind::kCoins, {claimed(other_, other_.order), plain()})),
            "CLAIMED_BEFORE@1");
  EXPECT_EQ(refused(claim(next_, ClaimKind::kCoins, {claimed(split_, split_.order, 0b00110)})),
            "CLAIMED_BEFORE@0");
  // Its other slots may be.
  filed(claim(next_, ClaimKind::kCoins, {claimed(split_, split_.order, 0b11100)}));
  EXPECT_EQ(coin_store_.marked.at(split_.coin.id()), 0b11111u);
}

// Any coin fits any session of its account, so a session that one coin was claimed with yields no
// other one: the issuer signed one coin for it.
TEST_F(ClaimRefusalsTest, ASessionYieldsOneCoin) {
  lose_and_replace();
  filed_ = 1;
  filed(claim(next_, ClaimKind::kCoins, {claimed(split_, split_.order, 0b00001)}));
  EXPECT_EQ(number("SELECT count(*) FROM recovery.claimed_session"), 1);
  const auto again = [&](const std::string& columns) {
    return superuser_->transaction({}, [&](storage::Transaction& tx) {
      return tx.run_script("INSERT INTO recovery.claimed_session SELECT " + columns +
                           " FROM recovery.claimed_session");
    });
  };
  EXPECT_EQ(storage::constraint_of(again("account_id, n, denom_id, i, sha256(coin_id)")),
            "claimed_session_pkey");
  EXPECT_EQ(storage::constraint_of(again("account_id, n + 1, denom_id, i, coin_id")),
            "claimed_coin_once");
}

TEST_F(ClaimRefusalsTest, WhatWasFiledIsNeverChanged) {
  lose_and_replace();
  filed_ = 1;
  filed(claim(next_, ClaimKind::kCoins, {plain()}));
  const auto attempt = [&](std::string_view sql) {
    return protocol::reason_of(
        database_->transaction({}, [&](storage::Transaction& tx) { return tx.run_script(sql); }));
  };
  for (const char* sql :
       {"DELETE FROM recovery.claim", "UPDATE recovery.claim SET file = ''",
        "DELETE FROM recovery.claimed_slot", "UPDATE recovery.claim_coin SET slots = 1",
        "UPDATE recovery.claim_counter SET last = 0", "DELETE FROM recovery.claim_statement",
        "INSERT INTO recovery.claimed_slot SELECT account_id, n, denom_id, i, 1, number, coin"
        " FROM recovery.claimed_slot"}) {
    EXPECT_EQ(attempt(sql), "ROLE_FORBIDDEN") << sql;
  }
  EXPECT_EQ(attempt("UPDATE recovery.claim SET state = 'filed'"), "CLAIM_GOES_ON");
  EXPECT_EQ(attempt("UPDATE recovery.claim SET state = 'credited'"), "CHECK_VIOLATION");
  EXPECT_EQ(attempt("UPDATE recovery.claim SET state = 'credited', sequence = 1"),
            "FOREIGN_KEY_VIOLATION")
      << "no credit without its statement";
}

}  // namespace
}  // namespace cafe::recovery::testing
