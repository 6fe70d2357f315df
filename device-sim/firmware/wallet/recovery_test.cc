// A new wallet gets back what was in a lost one (section 8): from its card or its words to the last
// statement, against an issuer that is honest, and one that leaves something out.
#include "device-sim/firmware/wallet/recovery_fixture.h"
#include "libs/protocol/backup.h"

namespace cafe::wallet {
namespace {

using protocol::Bytes;
using protocol::Bytes32;
using protocol::reason_of;
using testing::kDay_ms;
using testing::kWorldNow_s;
using ::testing::SizeIs;

using RecoveryTest = testing::RecoveryTest;

TEST_F(RecoveryTest, EveryUnspentUnitComesBack) {
  withdraw_coins();
  pay_and_deposit(lost_, 500);
  const auto digests = recover_all();
  EXPECT_THAT(digests, SizeIs(1));
  EXPECT_EQ(claimed(), kCoins - 500);
  ASSERT_THAT(views(), SizeIs(1));
  EXPECT_EQ(views()[0].status, ClaimStatus::kHeld);
  EXPECT_EQ(views()[0].number, 1u);
  EXPECT_EQ(credited(), 0u) << "it is held";
  desk_.pass(testing::kHolding_ms);
  poll();
  EXPECT_EQ(views()[0].status, ClaimStatus::kCredited);
  EXPECT_EQ(credited(), kCoins - 500);
  desk_.pass(130 * kDay_ms);
  poll();
  EXPECT_EQ(views()[0].status, ClaimStatus::kFinal);
  EXPECT_EQ(views()[0].totals.at(0).credited, kCoins - 500);
  EXPECT_EQ(credited(), kCoins - 500);
}

// Claimed, never spent: the new wallet's own money is what it was.
TEST_F(RecoveryTest, RebuiltCoinsAreNoMoneyOfTheNewWallet) {
  withdraw_coins();
  fresh_.withdraw(issuer_, {{world_.coin.id, 1}});
  recover_all();
  EXPECT_EQ(fresh_.wallet->coin_count(), 1u);
  EXPECT_EQ(fresh_.wallet->balances(kWorldNow_s).at(0).amount, 500u);
}

TEST_F(RecoveryTest, WordsAloneDoWhereTheOperatorKnowsTheHolder) {
  withdraw_coins();
  const DrawnBackup drawn = *lost_.wallet->draw_backup();
  EXPECT_EQ(*lost_.wallet->pending_backup(), drawn.backup);
  const Bytes kept = *desk_.put_backup(drawn.backup);
  ASSERT_TRUE(lost_.wallet->on_backup_kept(kept, desk_.recovery_certificate()).ok());
  EXPECT_EQ(reason_of(lost_.wallet->pending_backup().status()), "NO_BACKUP");

  const auto key = *protocol::BackupKey::from_words(drawn.words);
  const protocol::BackupQuery query{std::string(testing::World::kIssuer),
                                    key.holder_key().public_key(), desk_.now_ms()};
  const Bytes document =
      *desk_.get_backup(protocol::SignedDocument::sign(query.encode(), key.holder_key()).encode());
  const auto backup = *protocol::Backup::decode(protocol::SignedDocument::decode(document)->frame);
  EXPECT_EQ(backup.account, lost_account_);
  const auto seed = protocol::open_backup(key, backup);
  ASSERT_TRUE(seed.ok()) << seed.status();

  const auto recovery = *Recovery::with_seed(*fresh_.wallet, backup.account, *seed);
  EXPECT_EQ(reason_of(recovery->loss_report(desk_.now_ms()).status()), "NO_CARD");
  EXPECT_EQ(reason_of(recovery->replacement(desk_.now_ms()).status()), "NO_CARD");
  EXPECT_EQ(reason_of(desk_.list_orders(*recovery->orders_query(desk_.now_ms())).status()),
            "NOT_THE_HOLDER");
  desk_.report_loss(lost_account_);
  desk_.replace(lost_account_, *fresh_.wallet->account());
  ASSERT_TRUE(recover(*fresh_.wallet, desk_, *recovery, {}).ok());
  EXPECT_EQ(claimed(), kCoins);
}

// The key is not kept: words that were lost are replaced by new ones.
TEST_F(RecoveryTest, WordsDrawnAgainTakeThePlaceOfTheFirst) {
  const DrawnBackup first = *lost_.wallet->draw_backup();
  const DrawnBackup second = *lost_.wallet->draw_backup();
  EXPECT_NE(first.words, second.words);
  const auto number = [](const DrawnBackup& drawn) {
    const auto document = *protocol::SignedDocument::decode(drawn.backup);
    return protocol::Backup::decode(document.frame)->number;
  };
  EXPECT_EQ(number(first), 1u);
  EXPECT_EQ(number(second), 2u);
  const Bytes kept = *desk_.put_backup(first.backup);
  EXPECT_EQ(reason_of(lost_.wallet->on_backup_kept(kept, desk_.recovery_certificate())),
            "BACKUP_MISMATCH");
  ASSERT_TRUE(lost_.restart().ok());
  EXPECT_EQ(*lost_.wallet->pending_backup(), second.backup);
}

TEST_F(RecoveryTest, ACardSpeaksForItsOwnAccountOnly) {
  BackupCard other = card();
  other.guardian =
      protocol::SignedDocument::decode(protocol::RegistrationFile::decode(
                                           issuer_.account(*fresh_.wallet->account()).file.encode())
                                           ->guardian.encode())
          .value();
  EXPECT_EQ(reason_of(Recovery::with_card(*fresh_.wallet, other).status()), "CARD_MISMATCH");
  BackupCard foreign = card();
  foreign.issuer_id = "issuer-b.example";
  EXPECT_EQ(reason_of(Recovery::with_card(*fresh_.wallet, foreign).status()), "WRONG_ISSUER");
  EXPECT_EQ(reason_of(Recovery::with_card(*lost_.wallet, card()).status()), "OWN_ACCOUNT");
  EXPECT_TRUE(Recovery::under_way(*fresh_.wallet).empty());
}

// The new device keeps nothing that speaks for the lost account.
TEST_F(RecoveryTest, TheLostAccountsKeyIsOnTheCardOnly) {
  const BackupCard shown = card();
  ASSERT_TRUE(Recovery::with_card(*fresh_.wallet, shown).ok());
  const Bytes memory = fresh_.memory.snapshot();
  const auto holds = [&](protocol::ByteView secret) {
    return std::search(memory.begin(), memory.end(), secret.begin(), secret.end()) != memory.end();
  };
  EXPECT_TRUE(holds(shown.coin_seed.view())) << "to go on after a restart";
  EXPECT_FALSE(holds(shown.identity_seed.view()));
  EXPECT_FALSE(holds(shown.account_key(world_.anchors)->secret().bytes()));
  ASSERT_TRUE(fresh_.restart().ok());
  const auto resumed = *Recovery::resume(*fresh_.wallet, lost_account_);
  EXPECT_EQ(reason_of(resumed->loss_report(desk_.now_ms()).status()), "NO_CARD");
}

TEST_F(RecoveryTest, ManyOrdersComeInPages) {
  for (int n = 0; n < 7; ++n) lost_.withdraw(issuer_, {{world_.coin.id, 1}});
  desk_.page = 3;
  recover_all();
  EXPECT_EQ(claimed(), 7 * 500u);
}

// Orders first, then loads, each answer with what it has room for.
TEST_F(RecoveryTest, ManyLoadsComeInPages) {
  lost_.withdraw(issuer_, {{world_.cheque.id, 2}});
  lost_.withdraw(issuer_, {{world_.coin.id, 1}});
  for (int n = 0; n < 7; ++n) lost_.load(issuer_, 100);
  desk_.page = 1;
  desk_.loads_page = 2;
  recover_all({.cheques = true});
  EXPECT_EQ(claimed(), 500 + 7 * 100u);
}

// The last of a chain of successors speaks for all of them.
TEST_F(RecoveryTest, ASuccessorThatIsLostInItsTurnHasOne) {
  withdraw_coins();
  begin();
  testing::Device third(world_, "third", size_t{1024} * 1024);
  third.set_up(issuer_, *till_.terminal);
  const auto second_card = *BackupCard::decode(*fresh_.wallet->backup_card());
  report(**Recovery::with_card(*third.wallet, second_card));

  const auto recovery = *Recovery::with_card(*third.wallet, card());
  EXPECT_EQ(reason_of(desk_.replace(*recovery->replacement(desk_.now_ms())).status()),
            "REPLACED_BEFORE");
  const auto digests = recover(*third.wallet, desk_, *recovery, {});
  ASSERT_TRUE(digests.ok()) << digests.status();
  desk_.pass(testing::kHolding_ms);
  const absl::Status polled = poll_claims(*third.wallet, desk_);
  ASSERT_TRUE(polled.ok()) << polled;
  ASSERT_THAT(Claims(*third.wallet).all(), SizeIs(1));
  EXPECT_EQ(Claims(*third.wallet).all()[0].status, ClaimStatus::kCredited);
  EXPECT_EQ(desk_.credited(*third.wallet->account()), kCoins);
}

// One that was misread gives way to the right one.
TEST_F(RecoveryTest, TheSeedShownLastCounts) {
  withdraw_coins();
  ASSERT_TRUE(
      Recovery::with_seed(*fresh_.wallet, lost_account_, protocol::Seed(Bytes32{1, 2, 3})).ok());
  recover_all();
  EXPECT_EQ(claimed(), kCoins);
}

TEST_F(RecoveryTest, ForgetsTheSeedAtTheEnd) {
  withdraw_coins();
  const auto recovery = begin();
  ASSERT_TRUE(recover(*fresh_.wallet, desk_, *recovery, {}).ok());
  EXPECT_THAT(Recovery::under_way(*fresh_.wallet), SizeIs(1));
  ASSERT_TRUE(recovery->finish().ok());
  EXPECT_TRUE(Recovery::under_way(*fresh_.wallet).empty());
  EXPECT_THAT(views(), SizeIs(1)) << "claims stay";
}

// --- An issuer that leaves something out ---

class LyingIssuerTest : public RecoveryTest {
 protected:
  void SetUp() override {
    RecoveryTest::SetUp();
    withdraw_coins();
    lost_.load(issuer_, 2000);
    recovery_ = begin();
  }
  std::string listing() { return reason_of(list_and_rebuild(desk_, *recovery_)); }
  // The answer to a query, altered on its way to the wallet.
  std::string taken(const std::function<void(ListedOrders&)>& alter) {
    auto page = *desk_.list_orders(*recovery_->orders_query(desk_.now_ms()));
    alter(page);
    return reason_of(recovery_->on_orders(page));
  }
  // A device that was not there when the loss was recorded.
  testing::Device& young() {
    young_.emplace(world_, "young", size_t{1024} * 1024);
    young_->set_up(issuer_, *till_.terminal);
    return *young_;
  }
  std::optional<testing::Device> young_;
  std::unique_ptr<Recovery> recovery_;
};

TEST_F(LyingIssuerTest, AnOrderLeftOutIsFound) {
  desk_.tamper_listing = [](auto& listed, auto& records) {
    listed.orders.erase(listed.orders.begin());
    records.erase(records.begin());
  };
  EXPECT_EQ(listing(), "LISTING_GAP");
  EXPECT_EQ(recovery_->orders(), 0u);
}

// The loss was recorded with the number of the last order.
TEST_F(LyingIssuerTest, TheLastOrderIsNotDenied) {
  desk_.tamper_listing = [](auto& listed, auto& records) {
    listed.orders.pop_back();
    records.pop_back();
    --listed.last_order;
  };
  EXPECT_EQ(listing(), "LISTING_GAP");
}

// Words alone bring no record of the loss: the listing itself counts the loads.
TEST_F(LyingIssuerTest, NorIsALoadWithoutTheRecordOfTheLoss) {
  recovery_ = *Recovery::with_seed(*young().wallet, lost_account_, card().coin_seed);
  desk_.replace(*fresh_.wallet->account(), *young_->wallet->account());
  EXPECT_EQ(taken([](ListedOrders& page) { page.loads.clear(); }), "");
  EXPECT_FALSE(recovery_->listed());
  EXPECT_EQ(taken([](ListedOrders& page) { page.loads.clear(); }), "LISTING_GAP");
  desk_.tamper_listing = [](auto& listed, auto&) { listed.last_load = 0; };
  EXPECT_EQ(taken([](ListedOrders&) {}), "LISTING_GAP");
}

TEST_F(LyingIssuerTest, NorIsALoad) {
  // A page may end before its loads; the one after has the first of them.
  EXPECT_EQ(taken([](ListedOrders& page) { page.loads.clear(); }), "");
  EXPECT_FALSE(recovery_->listed());
  EXPECT_EQ(taken([](ListedOrders& page) { page.loads.clear(); }), "LISTING_GAP");
}

TEST_F(LyingIssuerTest, RecordsAreThoseOfTheListing) {
  EXPECT_EQ(taken([](ListedOrders& page) { std::swap(page.orders[0], page.orders[1]); }),
            "LISTING_MISMATCH");
  EXPECT_EQ(taken([](ListedOrders& page) { page.orders.pop_back(); }), "LISTING_MISMATCH");
}

TEST_F(LyingIssuerTest, EverySignatureIsLookedAt) {
  const auto forge = [&](Bytes& bytes) {
    auto document = *protocol::SignedDocument::decode(bytes);
    document = protocol::SignedDocument::sign(document.frame, world_.deposit_key);
    bytes = document.encode();
  };
  EXPECT_EQ(taken([&](ListedOrders& page) { forge(page.listing); }), "BAD_SIGNATURE");
  EXPECT_EQ(taken([&](ListedOrders& page) { forge(page.receipt); }), "BAD_SIGNATURE");
  EXPECT_EQ(taken([&](ListedOrders& page) { forge(page.orders[0].order); }), "BAD_SIGNATURE");
  EXPECT_EQ(taken([&](ListedOrders& page) { forge(page.orders[0].completion); }), "BAD_SIGNATURE");
  EXPECT_EQ(taken([&](ListedOrders& page) { forge(page.loads[0]); }), "BAD_SIGNATURE");
  EXPECT_EQ(taken([](ListedOrders& page) { page.key_certificates.pop_back(); }), "BAD_SIGNATURE");
  EXPECT_EQ(taken([](ListedOrders&) {}), "") << "unaltered, it is taken";
}

TEST_F(LyingIssuerTest, AnotherAccountsRegistrationIsNotTaken) {
  const auto& other = issuer_.account(*fresh_.wallet->account());
  EXPECT_EQ(taken([&](ListedOrders& page) {
              page.registration_file = other.file.encode();
              page.receipt = other.receipt.encode();
            }),
            "STATEMENT_MISMATCH");
}

TEST_F(LyingIssuerTest, StatementsOfAnotherAccountAreNotTaken) {
  const auto account = *fresh_.wallet->account();
  EXPECT_EQ(reason_of(recovery_->on_loss_recorded(desk_.report_loss(account),
                                                  desk_.withdrawal_certificate())),
            "STATEMENT_MISMATCH");
  EXPECT_EQ(reason_of(recovery_->on_replaced(desk_.replace(account, lost_account_),
                                             desk_.withdrawal_certificate())),
            "STATEMENT_MISMATCH");
}

// One that was wrongly answered costs no other.
TEST_F(RecoveryTest, AWrongCompletionCostsItsOwnCoinsOnly) {
  lost_.withdraw(issuer_, {{world_.coin.id, 2}});
  const Bytes open = *lost_.wallet->start_order({{world_.coin.id, 1}}, kWorldNow_s);
  const Bytes order = *lost_.wallet->on_open_answer(*issuer_.open(open), kWorldNow_s);
  issuer_.tamper = [](protocol::Completion& completion) {
    completion.responses[0].r = completion.responses[0].r + protocol::Scalar::from_u64(1);
  };
  EXPECT_EQ(reason_of(lost_.wallet->on_completion(*issuer_.complete(order)).status()),
            "WRONG_ANSWER");
  const auto recovery = begin();
  ASSERT_TRUE(recover(*fresh_.wallet, desk_, *recovery, {}).ok());
  EXPECT_EQ(claimed(), 1000u);
  ASSERT_THAT(recovery->failed_orders(), SizeIs(1));
  EXPECT_EQ(recovery->failed_orders()[0].order, 2u);
  EXPECT_EQ(reason_of(recovery->failed_orders()[0].why), "WRONG_ANSWER");
}

TEST_F(RecoveryTest, AnotherSeedMakesNothingOfTheOrders) {
  withdraw_coins();
  desk_.report_loss(lost_account_);
  desk_.replace(lost_account_, *fresh_.wallet->account());
  const auto recovery =
      *Recovery::with_seed(*fresh_.wallet, lost_account_, protocol::Seed(Bytes32{1, 2, 3}));
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  EXPECT_THAT(recovery->failed_orders(), SizeIs(recovery->orders()));
  EXPECT_EQ(reason_of(recovery->failed_orders()[0].why), "BAD_ATTACHMENT");
}

// A denomination that the newest list does not have any more.
TEST_F(RecoveryTest, OldListsHelpWithOldOrders) {
  withdraw_coins();
  protocol::DenominationList newer = world_.list;
  ++newer.number;
  std::erase_if(newer.denominations, [&](const auto& d) { return d.id() == world_.split_coin.id; });
  const auto signed_newer = protocol::SignedDocument::sign(newer.encode(), world_.master_key);
  // A device that begins with it; one that had the older list would complain.
  testing::Device young(world_, "young", size_t{1024} * 1024);
  const auto older = world_.signed_list;
  world_.signed_list = signed_newer;
  young.set_up(issuer_, *till_.terminal);
  world_.signed_list = older;
  const auto recovery = *Recovery::with_card(*young.wallet, card());
  report(*recovery);
  ASSERT_TRUE(list_and_rebuild(desk_, *recovery).ok());
  EXPECT_THAT(recovery->unknown_denominations(), ::testing::ElementsAre(world_.split_coin.id));
  EXPECT_EQ(recovery->found(kWorldNow_s).at(0).unspent, 1500u);
  EXPECT_THAT(recovery->failed_orders(), SizeIs(1));
  ASSERT_TRUE(recovery->accept_list(older.encode()).ok());
  EXPECT_TRUE(recovery->unknown_denominations().empty());
  recovery->rebuild(0, recovery->orders());
  EXPECT_EQ(recovery->found(kWorldNow_s).at(0).unspent, kCoins);
}

}  // namespace
}  // namespace cafe::wallet
