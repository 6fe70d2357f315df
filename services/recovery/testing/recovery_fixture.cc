#include "services/recovery/testing/recovery_fixture.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "libs/storage/ledger_accounts.h"
#include "libs/storage/session_settings.h"
#include "services/recovery/claims_worker.h"
#include "services/recovery/show_claim.h"

namespace cafe::recovery::testing {

using cafe::testing::PrivatePostgres;
using protocol::Bytes;
using protocol::ByteView;
using protocol::SignedDocument;
using protocol::to_bytes;
using storage::AccountRef;
using storage::Transaction;

namespace {

template <class T>
T must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    ADD_FAILURE() << result.status();
    std::abort();
  }
  return *std::move(result);
}

void must(const absl::Status& status) {
  if (!status.ok()) {
    ADD_FAILURE() << status;
    std::abort();
  }
}

std::string new_database() {
  static std::atomic<int> count = 0;
  const std::string name = absl::StrCat("recovery_", ++count);
  must(shared_postgres().create_database(name));
  must(shared_postgres().migrate(name));
  return name;
}

std::unique_ptr<storage::Database> connect_as(const std::string& role, const std::string& name) {
  return must(storage::Database::open(
      {.url = shared_postgres().url(role, name), .pool_size = 4, .settings = storage::kByKey}));
}

}  // namespace

PrivatePostgres& shared_postgres() {
  static const std::unique_ptr<PrivatePostgres> postgres = must(PrivatePostgres::start());
  return *postgres;
}

RecoveryTest::RecoveryTest()
    : database_name_(new_database()),
      superuser_(connect_as("postgres", database_name_)),
      database_(connect_as("cafe_recovery", database_name_)),
      key_{market_.recovery_key, market_.recovery_certificate,
           protocol::KeyCertificate::decode(market_.recovery_certificate.frame).value()},
      denominations_(std::string(ClaimMarket::kIssuer), market_.master_key.public_key(),
                     withdrawal_, clock_, metrics_, /*production=*/false),
      parts_{.issuer_id = std::string(ClaimMarket::kIssuer),
             .anchors = market_.anchors,
             .key = key_,
             .database = *database_,
             .ledger = *ledger_,
             .withdrawal = withdrawal_,
             .coin_store = coin_store_,
             .deposit = deposit_,
             .denominations = denominations_,
             .periods = {.holding_ms = kWeek_ms, .settlement_ms = kWeek_ms},
             .claim_interval_ms = 1000,
             .clock = clock_,
             .ahead_ms = 0,
             .metrics = series_} {
  withdrawal_.add(lost_);
  withdrawal_.add(next_);
}

RecoveryTest::~RecoveryTest() {
  const auto found =
      must(superuser_->transaction({.isolation = storage::Isolation::kRepeatableRead},
                                   [](Transaction& tx) { return storage::audit_ledger(tx); }));
  for (const storage::LedgerDiscrepancy& each : found) {
    ADD_FAILURE() << each.check << " " << each.subject << " " << each.detail;
  }
}

void RecoveryTest::post(const AccountRef& from, const AccountRef& to, uint64_t amount) {
  const auto moved = static_cast<int64_t>(amount);
  must(superuser_->transaction({}, [&](Transaction& tx) -> absl::Status {
    return ledger_
        ->post(tx, {.kind = "test",
                    .reference = to_bytes(protocol::encode_u64(++posted_)),
                    .lines = {{from, -moved}, {to, moved}}})
        .status();
  }));
}

WithdrawnCoin RecoveryTest::take(WorldWallet& wallet,
                                 const protocol::DenominationKey& denomination) {
  if (denomination.denomination.kind == protocol::Kind::kCoin) {
    post({"cash", {}, "EUR"}, {"coins", to_bytes(denomination.id), "EUR"},
         denomination.denomination.value());
  }
  return market_.take(wallet, denomination);
}

void RecoveryTest::load(const WorldWallet& wallet, uint64_t amount) {
  withdrawal_.load(wallet, amount);
  post({"cash", {}, "EUR"}, storage::cheques_account(ClaimMarket::kIssuer, "EUR"), amount);
}

void RecoveryTest::renew_key() {
  key_.opened.valid_from = now_ms() / 1000;
  key_.opened.valid_until = key_.opened.valid_from + kDay_s;
  key_.certificate = SignedDocument::sign(key_.opened.encode(), market_.master_key);
}

void RecoveryTest::lose_and_replace() {
  withdrawal_.lose(lost_);
  withdrawal_.replace(lost_, next_);
}

protocol::Payment RecoveryTest::pay(std::vector<cafe::testing::Paying> slots) {
  market_.now_s = now_ms() / 1000;
  return market_.pay(lost_, slots);
}

void RecoveryTest::deposit(const protocol::Payment& payment) {
  deposit_.archive.push_back(
      {payment.encode(), protocol::PayeeCredential(market_.terminal_credential).encode()});
  const std::vector<uint64_t> earned = coin_store_.record(payment, deposit_.archive.size());
  const AccountRef payee{"payee", to_bytes(market_.terminal.payee_id), "EUR"};
  for (size_t n = 0; n < earned.size(); ++n) {
    const protocol::DenomId& denom_id = payment.coins[payment.spends[n].coin].denom_id;
    if (earned[n] == 0) continue;
    const bool coin = market_.key(denom_id).denomination.kind == protocol::Kind::kCoin;
    if (!coin) {
      deposit_.credit_cheque(payment.coins[payment.spends[n].coin].id(), deposit_.archive.size(),
                             static_cast<uint32_t>(n));
    }
    post(coin ? AccountRef{"coins", to_bytes(denom_id), "EUR"}
              : storage::cheques_account(ClaimMarket::kIssuer, "EUR"),
         payee, earned[n]);
  }
}

SignedDocument RecoveryTest::claim(const WorldWallet& by, ClaimKind kind,
                                   std::vector<protocol::ClaimedCoin> coins,
                                   std::vector<protocol::VoidPayment> payments) {
  const protocol::Claim claim{.issuer_id = std::string(ClaimMarket::kIssuer),
                              .account = lost_.account.account,
                              .by = by.account.account,
                              .kind = kind,
                              .time_ms = now_ms(),
                              .coins = std::move(coins),
                              .payments = std::move(payments)};
  return SignedDocument::sign(claim.encode(), by.identity.account_key);
}

FilingAnswer RecoveryTest::file(const SignedDocument& claim) {
  return must(file_claim(parts_, claim.encode(), absl::InfiniteFuture()));
}

protocol::ClaimReceipt RecoveryTest::filed(const SignedDocument& claim) {
  const FilingAnswer answer = file(claim);
  if (answer.refused) {
    ADD_FAILURE() << "refused: " << refused(claim);
    std::abort();
  }
  const auto document = must(SignedDocument::decode(answer.document));
  must(document.check(market_.recovery_key.public_key()));
  const auto receipt = must(protocol::ClaimReceipt::decode(document.frame));
  EXPECT_EQ(receipt.claim_digest, claim.digest());
  EXPECT_EQ(receipt.account, lost_.account.account);
  return receipt;
}

std::string RecoveryTest::refused(const SignedDocument& claim) {
  const FilingAnswer answer = file(claim);
  if (!answer.refused) return "not refused";
  const auto document = must(SignedDocument::decode(answer.document));
  must(document.check(market_.recovery_key.public_key()));
  const auto refusal = must(protocol::ClaimRefused::decode(document.frame));
  EXPECT_EQ(refusal.claim_digest, claim.digest());
  if (refusal.item == protocol::ClaimRefused::kWholeClaim) return refusal.reason;
  return absl::StrCat(refusal.reason, "@", refusal.item);
}

absl::Status RecoveryTest::try_work() { return advance_due_claims(parts_, std::stop_token()); }

void RecoveryTest::work() { must(try_work()); }

void RecoveryTest::advance_to(uint64_t time_ms) {
  clock_.set(absl::FromUnixMillis(static_cast<int64_t>(time_ms)));
}

protocol::ClaimFile RecoveryTest::file_of(const SignedDocument& claim, const WorldWallet& by) {
  const protocol::ClaimQuery query{std::string(ClaimMarket::kIssuer), by.account.account,
                                   claim.digest(), now_ms()};
  const Bytes file = must(
      show_claim(parts_, SignedDocument::sign(query.encode(), by.identity.account_key).encode(),
                 absl::InfiniteFuture()));
  return must(protocol::ClaimFile::decode(file));
}

protocol::ClaimJudgement RecoveryTest::judged(const SignedDocument& claim, const WorldWallet& by) {
  return must(verify_claim_file(file_of(claim, by), market_.anchors));
}

protocol::ClaimTotal RecoveryTest::total(const SignedDocument& claim, const WorldWallet& by) {
  const protocol::ClaimJudgement judgement = judged(claim, by);
  EXPECT_EQ(judgement.totals.size(), 1u);
  return judgement.totals.at(0);
}

int64_t RecoveryTest::balance(std::string_view kind, ByteView owner) {
  return must(superuser_->transaction({}, [&](Transaction& tx) {
    return ledger_->balance(
        tx, {.kind = std::string(kind), .owner = to_bytes(owner), .currency = "EUR"});
  }));
}

int64_t RecoveryTest::customer(const WorldWallet& wallet) {
  return balance("customer", wallet.account.account);
}

int64_t RecoveryTest::outstanding(const protocol::DenominationKey& denomination) {
  return balance("coins", denomination.id);
}

int64_t RecoveryTest::advances(const protocol::DenominationKey& denomination) {
  return -balance("claims", denomination.id);
}

int64_t RecoveryTest::loaded() {
  return balance("cheques", storage::cheques_account(ClaimMarket::kIssuer, "EUR").owner);
}

int64_t RecoveryTest::cheque_advances() {
  return -balance("claims", storage::cheques_account(ClaimMarket::kIssuer, "EUR").owner);
}

int64_t RecoveryTest::number(const std::string& sql) {
  return must(superuser_->transaction({}, [&](Transaction& tx) -> absl::StatusOr<int64_t> {
    CAFE_ASSIGN_OR_RETURN(const storage::Rows rows, tx.query(sql));
    return rows.front().get<int64_t>(0);
  }));
}

void RecoveryTest::run_sql(const std::string& sql) {
  must(superuser_->transaction({}, [&](Transaction& tx) { return tx.run_script(sql); }));
}

void RecoveryTest::spend_from(const WorldWallet& wallet, uint64_t amount) {
  post({"customer", to_bytes(wallet.account.account), "EUR"}, {"cash", {}, "EUR"}, amount);
}

void RecoveryTest::drain_coins(const protocol::DenominationKey& denomination, uint64_t amount) {
  post({"coins", to_bytes(denomination.id), "EUR"}, {"cash", {}, "EUR"}, amount);
}

void RecoveryTest::drain_loads(uint64_t amount) {
  post(storage::cheques_account(ClaimMarket::kIssuer, "EUR"), {"cash", {}, "EUR"}, amount);
}

}  // namespace cafe::recovery::testing
