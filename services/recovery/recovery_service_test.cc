// The service on the wire: backups, listings, the hotlist, who may call what, and how often.
#include "services/recovery/recovery_service.h"

#include "libs/platform/client.h"
#include "libs/platform/grpc_status.h"
#include "libs/platform/server.h"
#include "libs/protocol/backup.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/hotlist.h"
#include "services/recovery/testing/recovery_fixture.h"
#include "services/recovery/wiring.h"

namespace cafe::recovery::testing {
namespace {

using protocol::SignedDocument;
using protocol::view_of;

constexpr std::string_view kIssuer = ClaimMarket::kIssuer;

class RecoveryServiceTest : public RecoveryTest {
 protected:
  RecoveryServiceTest() { start(/*calls_per_minute=*/1000); }

  void start(int64_t calls_per_minute) {
    stub_.reset();
    host_.reset();
    limit_ = std::make_unique<storage::RateLimiter>(
        storage::RateLimit{.name = "test", .calls = calls_per_minute}, nullptr,
        [this] { return absl::ToChronoTime(clock_.now()); });
    host_ = std::make_unique<platform::ServiceHost>(options_, clock_);
    host_->serve(std::make_unique<RecoveryService>(host_->runtime(), parts_, limit_.get()));
    ASSERT_TRUE(host_->start().ok());
    host_->set_ready(true);
    const auto channel = platform::connect("127.0.0.1:" + std::to_string(host_->grpc_port()),
                                           "recovery", {.insecure = true});
    ASSERT_TRUE(channel.ok());
    stub_ = v1::Recovery::NewStub(*channel);
  }

  template <class Request, class Response>
  absl::Status call(grpc::Status (v1::Recovery::Stub::*method)(grpc::ClientContext*, const Request&,
                                                               Response*),
                    const Request& request, Response& response) {
    grpc::ClientContext context;  // no deadline: the server would judge it by the test's clock
    const grpc::Status status = (stub_.get()->*method)(&context, request, &response);
    return status.ok() ? absl::OkStatus() : platform::from_grpc(status, context);
  }

  // What the recovery key signed, verified with the certificate beside it.
  template <class Document>
  Document opened(const std::string& bytes, const std::string& certificate) {
    const auto key =
        open_key_certificate(SignedDocument::decode(view_of(certificate)).value(), market_.anchors,
                             protocol::kPurposeRecovery, now_ms() / 1000);
    EXPECT_TRUE(key.ok()) << key.status();
    const auto document = SignedDocument::decode(view_of(bytes)).value();
    EXPECT_TRUE(document.check(key->key).ok());
    return Document::decode(document.frame).value();
  }

  std::string put(const SignedDocument& backup, v1::PutBackupResponse* answer = nullptr) {
    v1::PutBackupRequest request;
    request.set_backup(protocol::to_string(backup.encode()));
    v1::PutBackupResponse response;
    const absl::Status status = call(&v1::Recovery::Stub::PutBackup, request, response);
    if (answer != nullptr) *answer = response;
    return protocol::reason_of(status);
  }
  SignedDocument seal(const protocol::BackupKey& key, const WorldWallet& wallet, uint64_t number) {
    return seal_backup(key, kIssuer, wallet.account.account, number, wallet.coin_seed,
                       wallet.identity.account_key, market_.rng);
  }
  absl::StatusOr<protocol::Backup> get(const protocol::SigningKey& holder, uint64_t time_ms) {
    const protocol::BackupQuery query{std::string(kIssuer), holder.public_key(), time_ms};
    v1::GetBackupRequest request;
    request.set_query(protocol::to_string(SignedDocument::sign(query.encode(), holder).encode()));
    v1::GetBackupResponse response;
    CAFE_RETURN_IF_ERROR(call(&v1::Recovery::Stub::GetBackup, request, response));
    CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(view_of(response.backup())));
    return protocol::Backup::decode(document.frame);
  }

  SignedDocument orders_query(const WorldWallet& by, uint64_t after, uint64_t after_load = 0) {
    const protocol::OrdersQuery query{std::string(kIssuer), lost_.account.account,
                                      by.account.account,   after,
                                      after_load,           now_ms()};
    return SignedDocument::sign(query.encode(), by.identity.account_key);
  }
  absl::StatusOr<v1::ListOrdersResponse> list(const SignedDocument& query) {
    v1::ListOrdersRequest request;
    request.set_query(protocol::to_string(query.encode()));
    v1::ListOrdersResponse response;
    CAFE_RETURN_IF_ERROR(call(&v1::Recovery::Stub::ListOrders, request, response));
    return response;
  }

  // Her orders have attachments as long as they may be: 64 KiB each.
  void lengthen_orders() {
    for (protocol::OrderRecord& record : lost_.orders) {
      auto order = protocol::Order::decode(record.order.frame).value();
      order.attachment.resize(protocol::kMaxAttachment);
      record.order = SignedDocument::sign(order.encode(), lost_.identity.account_key);
      auto completion = protocol::Completion::decode(record.completion.frame).value();
      completion.order_digest = record.order.digest();
      record.completion = SignedDocument::sign(completion.encode(), market_.withdrawal_key);
    }
  }

  protocol::Hotlist hotlist(uint64_t after) {
    v1::GetHotlistRequest request;
    request.set_after(after);
    v1::GetHotlistResponse response;
    EXPECT_TRUE(call(&v1::Recovery::Stub::GetHotlist, request, response).ok());
    return opened<protocol::Hotlist>(response.hotlist(), response.key_certificate());
  }

  platform::ServiceOptions options_{
      .service = "recovery", .listen = "127.0.0.1:0", .tls = {.insecure = true}};
  std::unique_ptr<storage::RateLimiter> limit_;
  std::unique_ptr<platform::ServiceHost> host_;
  std::unique_ptr<v1::Recovery::Stub> stub_;
};

TEST_F(RecoveryServiceTest, ABackupComesBackToWhoHasTheWords) {
  const protocol::BackupKey key = protocol::BackupKey::draw(market_.rng);
  const SignedDocument first = seal(key, lost_, 1);
  v1::PutBackupResponse answer, again;
  EXPECT_EQ(put(first, &answer), "");
  EXPECT_EQ(opened<protocol::BackupKept>(answer.kept(), answer.key_certificate()).backup_digest,
            first.digest());
  clock_.advance(absl::Hours(1));
  EXPECT_EQ(put(first, &again), "");
  EXPECT_EQ(again.SerializeAsString(), answer.SerializeAsString());
  EXPECT_EQ(put(seal(key, lost_, 3)), "");

  const auto words = protocol::BackupKey::from_words(key.words());
  const auto backup = get(words->holder_key(), now_ms());
  ASSERT_TRUE(backup.ok()) << backup.status();
  EXPECT_EQ(backup->number, 3u);
  EXPECT_TRUE(protocol::equal_ct(open_backup(*words, *backup)->view(), lost_.coin_seed.view()));
}

TEST_F(RecoveryServiceTest, ABackupIsTheAccountHoldersAndOnlyEverNewer) {
  const protocol::BackupKey key = protocol::BackupKey::draw(market_.rng);
  EXPECT_EQ(put(seal(key, lost_, 5)), "");
  EXPECT_EQ(put(seal(key, lost_, 5)), "BACKUP_OUTDATED") << "another one of the same number";
  EXPECT_EQ(put(seal(key, lost_, 4)), "BACKUP_OUTDATED");
  EXPECT_EQ(put(seal(key, next_, 1)), "HOLDER_TAKEN") << "nobody's words open two accounts' seeds";
  WorldWallet forger = lost_;
  forger.identity = next_.identity;
  EXPECT_EQ(put(seal(key, forger, 6)), "BAD_SIGNATURE");
  EXPECT_EQ(put(seal(key, market_.make_wallet(), 1)), "UNKNOWN_ACCOUNT");
  // Who found the wallet puts nothing in front of its owner's seed.
  withdrawal_.lose(lost_);
  EXPECT_EQ(put(seal(key, lost_, 6)), "ACCOUNT_CLOSED");
  EXPECT_EQ(get(key.holder_key(), now_ms())->number, 5u);
}

TEST_F(RecoveryServiceTest, WithoutTheWordsThereIsNoBackup) {
  const protocol::BackupKey key = protocol::BackupKey::draw(market_.rng);
  EXPECT_EQ(put(seal(key, lost_, 1)), "");
  const auto reason = [](const auto& result) { return protocol::reason_of(result.status()); };
  EXPECT_EQ(reason(get(protocol::BackupKey::draw(market_.rng).holder_key(), now_ms())),
            "NO_BACKUP");
  EXPECT_EQ(reason(get(key.holder_key(), now_ms() - 600'001)), "QUERY_STALE");
  const protocol::BackupQuery query{std::string(kIssuer), key.holder_key().public_key(), now_ms()};
  v1::GetBackupRequest request;
  request.set_query(protocol::to_string(
      SignedDocument::sign(query.encode(), lost_.identity.account_key).encode()));
  v1::GetBackupResponse response;
  EXPECT_EQ(protocol::reason_of(call(&v1::Recovery::Stub::GetBackup, request, response)),
            "BAD_SIGNATURE");
}

TEST_F(RecoveryServiceTest, ListsAllCompletedOrdersInPages) {
  constexpr uint64_t kOrders = 130;
  for (uint64_t n = 0; n < kOrders; ++n) market_.take(lost_, market_.coin);
  load(lost_, 1000);
  load(lost_, 500);
  lose_and_replace();
  uint64_t after = 0;
  uint64_t loads = 0;
  std::vector<size_t> pages;
  while (after < kOrders) {
    const SignedDocument query = orders_query(next_, after, loads);
    const auto response = list(query);
    ASSERT_TRUE(response.ok()) << response.status();
    const auto listing = SignedDocument::decode(view_of(response->listing())).value();
    EXPECT_TRUE(listing.check(market_.recovery_key.public_key()).ok());
    std::vector<protocol::OrderRecord> records;
    for (const auto& order : response->orders()) {
      records.push_back({SignedDocument::decode(view_of(order.order())).value(),
                         SignedDocument::decode(view_of(order.completion())).value()});
    }
    const auto listed = protocol::OrdersListed::decode(listing.frame).value();
    EXPECT_TRUE(check_listing(protocol::OrdersQuery::decode(query.frame).value(), listed, records,
                              static_cast<size_t>(response->loads_size()))
                    .ok());
    EXPECT_EQ(listed.last_load, 2u);
    EXPECT_EQ(response->loads_size(), after == 0 ? 2 : 0);
    loads += static_cast<uint64_t>(response->loads_size());
    EXPECT_EQ(response->key_certificates_size(), 2);
    pages.push_back(records.size());
    after += records.size();
  }
  EXPECT_EQ(pages, (std::vector<size_t>{100, 30}));
}

// As long as orders may be, with their attachments.
TEST_F(RecoveryServiceTest, APageHasOnlyWhatAMessageHolds) {
  for (int n = 0; n < 70; ++n) market_.take(lost_, market_.coin);
  lengthen_orders();
  for (int n = 0; n < 1'100; ++n) withdrawal_.load(lost_, 1);
  lose_and_replace();
  uint64_t orders = 0;
  uint64_t loads = 0;
  std::vector<std::pair<int, int>> pages;
  while (orders < 70 || loads < 1'100) {
    const auto response = list(orders_query(next_, orders, loads));
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_LT(response->ByteSizeLong(), size_t{5} << 20);
    for (const std::string& load : response->loads()) {
      const auto loaded =
          protocol::Loaded::decode(SignedDocument::decode(view_of(load))->frame).value();
      EXPECT_EQ(protocol::Load::decode(loaded.load)->sequence, ++loads);
    }
    orders += static_cast<uint64_t>(response->orders_size());
    pages.emplace_back(response->orders_size(), response->loads_size());
    ASSERT_LT(pages.size(), 10u);
  }
  ASSERT_EQ(pages.size(), 3u);
  EXPECT_EQ(pages[0].first + pages[1].first, 70);
  EXPECT_EQ(pages[0].second, 0) << "orders first";
  EXPECT_EQ(pages[1].second, 1'000);
  EXPECT_EQ(pages[2], (std::pair<int, int>{0, 100}));
}

TEST_F(RecoveryServiceTest, AFileThatNoMessageHoldsComesInSlices) {
  std::vector<protocol::ClaimedCoin> coins;
  for (int n = 0; n < 130; ++n) {
    const WithdrawnCoin coin = take(lost_, market_.coin);
    coins.push_back(claimed(coin, coin.order));
  }
  lengthen_orders();
  lose_and_replace();
  const SignedDocument document = claim(next_, ClaimKind::kCoins, std::move(coins));
  filed(document);
  const protocol::ClaimQuery query{std::string(kIssuer), next_.account.account, document.digest(),
                                   now_ms()};
  v1::GetClaimRequest get;
  get.set_query(protocol::to_string(
      SignedDocument::sign(query.encode(), next_.identity.account_key).encode()));
  std::string whole;
  v1::GetClaimResponse got;
  do {
    get.set_offset(whole.size());
    const absl::Status status = call(&v1::Recovery::Stub::GetClaim, get, got);
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_LE(got.slice().size(), size_t{4} << 20);
    whole += got.slice();
  } while (whole.size() < got.size());
  EXPECT_GT(whole.size(), size_t{8} << 20) << "beyond what a message holds";
  EXPECT_EQ(got.digest(), protocol::to_string(protocol::sha256(view_of(whole))));
  const auto file = protocol::ClaimFile::decode(view_of(whole));
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(verify_claim_file(*file, market_.anchors).status(), absl::OkStatus());
  get.set_offset(whole.size());
  EXPECT_EQ(protocol::reason_of(call(&v1::Recovery::Stub::GetClaim, get, got)), "BAD_OFFSET");
}

TEST_F(RecoveryServiceTest, OnlyTheHolderListsOrders) {
  const auto reason = [&](const SignedDocument& query) {
    return protocol::reason_of(list(query).status());
  };
  EXPECT_EQ(reason(orders_query(lost_, 0)), "");
  EXPECT_EQ(reason(orders_query(next_, 0)), "NOT_THE_HOLDER");
  const SignedDocument old = orders_query(lost_, 0);
  clock_.advance(absl::Minutes(11));
  EXPECT_EQ(reason(old), "QUERY_STALE");
  withdrawal_.lose(lost_);
  EXPECT_EQ(reason(orders_query(lost_, 0)), "") << "a card is enough";
}

TEST_F(RecoveryServiceTest, TheHotlistSaysWhatIsNew) {
  EXPECT_EQ(hotlist(0).number, 0u);
  const WithdrawnCoin plain = take(lost_, market_.coin);
  const WithdrawnCoin split = take(lost_, market_.split_coin);
  lose_and_replace();
  filed(claim(next_, ClaimKind::kCoins, {claimed(split, split.order, 0b00011)}));
  filed(claim(next_, ClaimKind::kCoins,
              {claimed(plain, plain.order), claimed(split, split.order, 0b10000)}));
  const uint64_t spend_until = market_.coin.denomination.spend_until;
  const auto entry = [&](const WithdrawnCoin& coin, uint64_t slots) {
    return protocol::HotlistEntry{protocol::HotlistEntry::short_id_of(coin.coin.id()), slots,
                                  spend_until};
  };
  const protocol::Hotlist first = hotlist(1);
  EXPECT_EQ(first.number, 2u);
  EXPECT_EQ(first.entries.size(), 2u);
  EXPECT_NE(std::ranges::find(first.entries, entry(plain, 1)), first.entries.end());
  EXPECT_NE(std::ranges::find(first.entries, entry(split, 0b10000)), first.entries.end());
  const protocol::Hotlist all = hotlist(0);
  EXPECT_EQ(all.entries.size(), 2u);
  EXPECT_NE(std::ranges::find(all.entries, entry(split, 0b10011)), all.entries.end());
  EXPECT_TRUE(hotlist(2).entries.empty());
  v1::GetHotlistRequest request;
  request.set_after(3);
  v1::GetHotlistResponse response;
  EXPECT_EQ(protocol::reason_of(call(&v1::Recovery::Stub::GetHotlist, request, response)),
            "EDITION_AHEAD");
  advance_to(spend_until * 1000);
  EXPECT_TRUE(hotlist(0).entries.empty()) << "no terminal takes them any more anyway";
}

TEST_F(RecoveryServiceTest, FilesAndShowsClaims) {
  const WithdrawnCoin plain = take(lost_, market_.coin);
  lose_and_replace();
  const SignedDocument document = claim(next_, ClaimKind::kCoins, {claimed(plain, plain.order)});
  v1::FileClaimRequest request;
  request.set_claim(protocol::to_string(document.encode()));
  v1::FileClaimResponse response;
  ASSERT_TRUE(call(&v1::Recovery::Stub::FileClaim, request, response).ok());
  const auto receipt =
      opened<protocol::ClaimReceipt>(response.receipt(), response.key_certificate());
  EXPECT_EQ(receipt.number, 1u);
  advance_to(now_ms() + 1);
  request.set_claim(
      protocol::to_string(claim(next_, ClaimKind::kCoins, {claimed(plain, plain.order)}).encode()));
  ASSERT_TRUE(call(&v1::Recovery::Stub::FileClaim, request, response).ok());
  EXPECT_EQ(opened<protocol::ClaimRefused>(response.refused(), response.key_certificate()).reason,
            "CLAIMED_BEFORE");

  const auto ask = [&](const WorldWallet& by) {
    const protocol::ClaimQuery query{std::string(kIssuer), by.account.account, document.digest(),
                                     now_ms()};
    v1::GetClaimRequest get;
    get.set_query(protocol::to_string(
        SignedDocument::sign(query.encode(), by.identity.account_key).encode()));
    v1::GetClaimResponse got;
    const absl::Status status = call(&v1::Recovery::Stub::GetClaim, get, got);
    if (!status.ok()) return protocol::reason_of(status);
    EXPECT_EQ(got.size(), got.slice().size());
    EXPECT_EQ(got.digest(), protocol::to_string(protocol::sha256(view_of(got.slice()))));
    const auto file = protocol::ClaimFile::decode(view_of(got.slice()));
    return protocol::reason_of(verify_claim_file(*file, market_.anchors).status());
  };
  EXPECT_EQ(ask(next_), "");
  EXPECT_EQ(ask(lost_), "");
  EXPECT_EQ(ask(market_.make_wallet()), "NOT_THE_HOLDER");

  v1::ListClaimsRequest list;
  list.set_limit(10);
  v1::ListClaimsResponse listed;
  ASSERT_TRUE(call(&v1::Recovery::Stub::ListClaims, list, listed).ok());
  ASSERT_EQ(listed.claims_size(), 1);
  EXPECT_EQ(listed.claims(0).state(), "held");
  EXPECT_EQ(listed.claims(0).kind(), "coins");
  EXPECT_EQ(listed.claims(0).account_id(), protocol::to_string(lost_.account.account));
  list.set_limit(0);
  EXPECT_EQ(protocol::reason_of(call(&v1::Recovery::Stub::ListClaims, list, listed)), "BAD_LIMIT");
}

TEST_F(RecoveryServiceTest, OptionsThatCannotBeAreRefusedAtTheStart) {
  const auto reason = [&](bool production, const RecoveryOptions& own) {
    platform::ServiceOptions options = options_;
    options.issuer_id = std::string(kIssuer);
    options.database_url = shared_postgres().url("cafe_recovery", database_name_);
    options.production = production;
    platform::ServiceHost host(options, clock_);
    return protocol::reason_of(set_up(host, own));
  };
  RecoveryOptions ahead, holding, settlement, soon, day, interval;
  ahead.clock_ahead_s = 1;
  holding.holding_time_s = 400 * 86400;
  settlement.settlement_period_s = 400 * 86400;
  soon.settlement_period_s = 86399;
  day.settlement_period_s = 86400;
  interval.claim_interval_ms = 0;
  EXPECT_EQ(reason(true, ahead), "BAD_OPTION") << "claims would be credited before their time";
  EXPECT_NE(reason(false, ahead), "BAD_OPTION");
  EXPECT_EQ(reason(true, soon), "BAD_OPTION") << "late deposits would be paid a second time";
  EXPECT_NE(reason(false, soon), "BAD_OPTION");
  EXPECT_NE(reason(true, day), "BAD_OPTION");
  EXPECT_EQ(reason(false, holding), "BAD_OPTION");
  EXPECT_EQ(reason(false, settlement), "BAD_OPTION");
  EXPECT_EQ(reason(false, interval), "BAD_OPTION");
}

TEST_F(RecoveryServiceTest, OneAddressCallsSoOften) {
  start(/*calls_per_minute=*/2);
  const auto attempt = [&] {
    v1::GetHotlistResponse response;
    return protocol::reason_of(
        call(&v1::Recovery::Stub::GetHotlist, v1::GetHotlistRequest(), response));
  };
  EXPECT_EQ(attempt(), "");
  EXPECT_EQ(attempt(), "");
  EXPECT_EQ(attempt(), "RATE_LIMITED");
  clock_.advance(absl::Minutes(1));
  EXPECT_EQ(attempt(), "");
}

}  // namespace
}  // namespace cafe::recovery::testing
