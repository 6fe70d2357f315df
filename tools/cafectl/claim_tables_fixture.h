// The tables as the services would have filled them for a wallet that was lost, replaced twice, and
// claimed: for the tests of the audit, which alter them row by row.
#pragma once

#include <gmock/gmock.h>

#include "libs/protocol/testing/claim_fixture.h"
#include "libs/storage/ledger.h"
#include "libs/storage/ledger_accounts.h"
#include "tests/support/private_postgres.h"
#include "tools/cafectl/audit_claim_sums.h"
#include "tools/cafectl/audit_claims.h"
#include "tools/cafectl/audit_losses.h"
#include "tools/cafectl/claim_json.h"

namespace cafe::cafectl {

using protocol::Bytes;
using protocol::ClaimFile;
using testing::WithdrawnCoin;
using testing::WorldWallet;

namespace kind = storage::account_kind;

class ClaimTables : public testing::ClaimFixture {
 protected:
  void SetUp() override {
    auto server = testing::PrivatePostgres::start();
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    const absl::Status migrated = server_->migrate();
    ASSERT_TRUE(migrated.ok()) << migrated;
    root_ = storage::Database::open({.url = server_->url()}).value();
    operator_ = storage::Database::open({.url = server_->url("cafe_operator")}).value();
    market_.number = 1;
    register_wallets();
    // What the lost wallet's coins and loads put into the ledger.
    post("withdrawal", "coins",
         {{ref(kind::kCash, {}), -1400}, {coins_of(plain_), 500}, {coins_of(split_), 900}});
    post("load", "loads", {{ref(kind::kCash, {}), -5000}, {cheques(), 5000}});
  }

  // --- tables ------------------------------------------------------------------------------------

  template <typename... Args>
  void sql(const std::string& statement, const Args&... args) {
    const auto done = root_->transaction(
        {}, [&](storage::Transaction& tx) { return tx.query(statement, args...); });
    ASSERT_TRUE(done.ok()) << statement << ": " << done.status();
  }
  // As somebody would who got hold of the database: no trigger and no foreign key is in the way.
  void tamper(const std::string& script) {
    const absl::Status done = root_->transaction({}, [&](storage::Transaction& tx) {
      return tx.run_script("SET LOCAL session_replication_role = replica; " + script);
    });
    ASSERT_TRUE(done.ok()) << script << ": " << done;
  }
  storage::AccountRef ref(std::string_view kind, Bytes owner) const {
    return {std::string(kind), std::move(owner), "EUR"};
  }
  storage::AccountRef coins_of(const WithdrawnCoin& coin) const {
    return ref(kind::kCoins, protocol::to_bytes(coin.coin.denom_id));
  }
  storage::AccountRef advance_of(const WithdrawnCoin& coin) const {
    return ref(kind::kClaims, protocol::to_bytes(coin.coin.denom_id));
  }
  storage::AccountRef cheques() const {
    return storage::cheques_account(testing::World::kIssuer, "EUR");
  }
  storage::AccountRef customer(const WorldWallet& wallet) const {
    return ref(kind::kCustomer, protocol::to_bytes(wallet.account.account));
  }
  void post(const std::string& kind, const std::string& reference,
            std::vector<storage::LedgerLine> lines) {
    const storage::Posting posting{kind, {reference.begin(), reference.end()}, std::move(lines)};
    const auto posted = root_->transaction(
        {}, [&](storage::Transaction& tx) { return ledger_->post(tx, posting); });
    ASSERT_TRUE(posted.ok()) << posted.status();
  }

  void insert_account(const WorldWallet& wallet, uint64_t last_load) {
    const auto& registration = wallet.account.registration;
    sql("INSERT INTO withdrawal.account (account_id, serial, a_o, a_q, u, k, last_order, "
        "last_load) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        wallet.account.account.bytes, registration.serial.bytes, registration.A_O.bytes(),
        registration.A_Q.bytes(), registration.U.bytes(), registration.K.bytes(),
        wallet.completed_orders, last_load);
  }
  // Lost, and replaced, by an operator's acts.
  void replace(const WorldWallet& lost, const WorldWallet& successor, uint64_t last_load) {
    const auto& id = lost.account.account.bytes;
    const Bytes certificate = market_.withdrawal_certificate.encode();
    sql("UPDATE withdrawal.account SET closed_at = now() WHERE account_id = $1", id);
    for (const char* act : {"loss", "replacement"}) {
      sql("INSERT INTO withdrawal.operator_act (account_id, kind, identified_by, asked_by) "
          "VALUES ($1, $2, 'passport', 'operator')",
          id, act);
    }
    sql("INSERT INTO withdrawal.loss (account_id, last_order, last_load, statement, signed_by) "
        "VALUES ($1, $2, $3, $4, sha256($5))",
        id, lost.completed_orders, last_load, market_.loss(lost, last_load).encode(), certificate);
    sql("INSERT INTO withdrawal.replacement (lost, successor, statement, signed_by) "
        "VALUES ($1, $2, $3, sha256($4))",
        id, successor.account.account.bytes, market_.replaced(lost, successor).encode(),
        certificate);
  }
  void register_wallets() {
    sql("INSERT INTO withdrawal.key_certificate (document) VALUES ($1)",
        market_.withdrawal_certificate.encode());
    insert_account(lost_, 2);
    insert_account(next_, 0);
    insert_account(last_, 0);
    replace(lost_, next_, 2);
    replace(next_, last_, 0);
    sql("SELECT coinstore.ensure_partition($1, $2)", market_.coin.denomination.deposit_until,
        market_.coin.denomination.claim_until);
  }

  // A claim as it is filed, marked and received.
  void store_held(const ClaimFile& with_history) {
    ClaimFile file = with_history;
    file.statements.clear();
    file.payments.clear();
    const OpenedClaim claim = open_claim(file).value();
    sql("SELECT recovery.next_claim()");
    sql("INSERT INTO recovery.claim (number, claim_digest, account_id, claimant_id, kind, time_ms, "
        "filed_ms, held_until_ms, final_at_ms, coins, file, receipt, key_certificate, "
        "next_look_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0)",
        claim.receipt.number, file.claim.digest(), claim.claim.account.bytes, claim.claim.by.bytes,
        claim_kind_name(claim.claim.kind), claim.claim.time_ms, claim.receipt.time_ms,
        claim.receipt.held_until_ms, claim.receipt.final_at_ms, claim.claim.coins.size(),
        file.encode(), file.claim_receipt.encode(), market_.recovery_certificate.encode());
    for (uint32_t n = 0; n < claim.claim.coins.size(); ++n) {
      store_coin(claim, n);
    }
    sql("UPDATE recovery.claim SET state = 'held' WHERE number = $1", claim.receipt.number);
  }
  void store_coin(const OpenedClaim& claim, uint32_t n) {
    const protocol::ClaimedCoin& coin = claim.claim.coins[n];
    const protocol::Denomination& denomination = *claim.denominations.find(coin.denom_id);
    sql("INSERT INTO recovery.claimed_session (account_id, n, denom_id, i, coin_id) "
        "VALUES ($1, $2, $3, $4, $5)",
        claim.claim.account.bytes, coin.order, coin.denom_id.bytes, coin.i, coin.id().bytes);
    sql("INSERT INTO recovery.claim_coin (number, coin, account_id, n, denom_id, i, coin_id, "
        "slots, spend_until, deposit_until, claim_until) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        claim.receipt.number, n, claim.claim.account.bytes, coin.order, coin.denom_id.bytes, coin.i,
        coin.id().bytes, static_cast<int64_t>(coin.slots), denomination.spend_until,
        denomination.deposit_until, denomination.claim_until);
    for (uint32_t slot = 0; slot < 64; ++slot) {
      if ((coin.slots >> slot & 1) == 0) continue;
      sql("INSERT INTO coinstore.claimed (claim, month, slot, coin_id) "
          "VALUES ($1, coinstore.month_of($2), $3, $4)",
          claim.receipt.number, denomination.deposit_until, slot, coin.id().bytes);
    }
  }
  // Its statements up to `count`.
  void store_statements(const ClaimFile& file, size_t from, size_t count) {
    const OpenedClaim claim = open_claim(file).value();
    const uint64_t number = claim.receipt.number;
    for (const protocol::CasePayment& payment : file.payments) {
      sql("INSERT INTO recovery.claim_payment (number, payment_digest, payment, credential) "
          "VALUES ($1, sha256($2), $2, $3) ON CONFLICT DO NOTHING",
          number, payment.payment.encode(), payment.terminal.encode());
    }
    for (size_t n = from; n < count; ++n) {
      const protocol::ClaimStatement& statement = claim.statements[n];
      sql("INSERT INTO recovery.claim_statement (number, sequence, state, document, "
          "key_certificate, credited_to, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7)",
          number, statement.sequence, claim_state_name(statement.state),
          file.statements[n].encode(), market_.recovery_certificate.encode(),
          credited_->account.account.bytes, statement.time_ms);
      for (const protocol::Deduction& deduction : statement.deductions) {
        if (deduction.charged != (n > 0)) continue;  // stated with the credit
        sql("INSERT INTO recovery.deduction (number, coin, slot, paid_after, charged, currency, "
            "value, uncollected, payment_digest, spend, sequence) "
            "VALUES ($1, $2, $3, $4, $5, 'EUR', $6, 0, $7, 0, $8) ON CONFLICT DO NOTHING",
            number, deduction.coin, deduction.slot,
            deduction.code == protocol::Deduction::Code::kPaidAfter, deduction.charged,
            deduction.value, deduction.payment_digest, statement.sequence);
      }
      sql("UPDATE recovery.claim SET state = $2, sequence = $3 WHERE number = $1", number,
          claim_state_name(statement.state), statement.sequence);
    }
  }

  // charged_claim() with all that it moves: 11.00 EUR credited, 6.00 charged, 5.00 drawn.
  void store_charged_claim() {
    const ClaimFile file = charged_claim();
    store_held(file);
    store_statements(file, 0, 1);
    post("claim", "1",
         {{advance_of(plain_), -500}, {advance_of(split_), -600}, {customer(*credited_), 1100}});
    store_statements(file, 1, 3);
    post("claim_charge", "1a", {{customer(*credited_), -500}, {advance_of(plain_), 500}});
    post("claim_charge", "1b", {{customer(*credited_), -100}, {advance_of(split_), 100}});
    post("recovery", "1", {{coins_of(split_), -500}, {advance_of(split_), 500}});
  }
  // spent_cheques_claim(): 37.36 EUR of 50.00 that were loaded.
  void store_cheques_claim() {
    market_.number = 2;
    const ClaimFile file = spent_cheques_claim();
    store_held(file);
    store_statements(file, 0, 1);
    const auto advance = ref(kind::kClaims, cheques().owner);
    post("claim", "2", {{advance, -3736}, {customer(*credited_), 3736}});
    post("recovery", "2", {{cheques(), -3736}, {advance, 3736}});
  }

  // --- the audit ---------------------------------------------------------------------------------

  Published published() const {
    Published out;
    for (const auto* key : {&market_.coin, &market_.split_coin, &market_.cheque}) {
      out[key->id.hex()] = {.issuer_id = key->denomination.issuer_id,
                            .currency = "EUR",
                            .kind = key->denomination.kind,
                            .value = key->denomination.value(),
                            .deposit_until = key->denomination.deposit_until};
    }
    return out;
  }
  ClaimAudit audit() {
    const auto result = operator_->transaction(
        {.isolation = storage::Isolation::kRepeatableRead, .read_only = true},
        [&](storage::Transaction& tx) { return check_claims(tx, market_.anchors, published()); });
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value();
  }
  LossAudit audit_losses() {
    const auto result = operator_->transaction(
        {.isolation = storage::Isolation::kRepeatableRead, .read_only = true},
        [&](storage::Transaction& tx) { return check_losses(tx, market_.anchors); });
    EXPECT_TRUE(result.ok()) << result.status();
    return result.value();
  }
  static std::string all(const AuditCheck& check) { return Json(check.violations).dump(); }

  // One altered row at a time; what the check says then, and that it is content again afterwards.
  struct Tampering {
    std::string alter;
    std::string mend;
    std::string says;
  };
  template <typename Run>
  void sees(const std::vector<Tampering>& cases, Run run) {
    for (const Tampering& c : cases) {
      tamper(c.alter);
      EXPECT_THAT(all(run()), ::testing::HasSubstr(c.says)) << c.alter;
      tamper(c.mend);
      EXPECT_THAT(run().violations, ::testing::IsEmpty()) << c.mend;
    }
  }

  const WorldWallet* credited_ = &last_;  // whom statements credit
  std::unique_ptr<testing::PrivatePostgres> server_;
  std::unique_ptr<storage::Database> root_, operator_;
  std::unique_ptr<storage::Ledger> ledger_ = storage::make_postgres_ledger();
};

}  // namespace cafe::cafectl
