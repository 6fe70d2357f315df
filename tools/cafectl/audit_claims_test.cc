// The audit of claims: it passes on all that the services put into the tables, and names every row
// that somebody has altered.
#include "tools/cafectl/claim_store.h"
#include "tools/cafectl/claim_tables_fixture.h"

namespace cafe::cafectl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

using ClaimAuditTest = ClaimTables;

TEST_F(ClaimAuditTest, ExplainsEveryCent) {
  store_charged_claim();
  store_cheques_claim();
  const ClaimAudit result = audit();
  EXPECT_THAT(result.claims.violations, IsEmpty());
  EXPECT_GE(result.claims.examined, 2u);
  const ClaimedTotals& totals = result.totals.at("EUR");
  EXPECT_EQ(totals.claimed, 1300 + 5000);
  EXPECT_EQ(totals.credited, 1100 + 3736);
  EXPECT_EQ(totals.charged, 600);
  EXPECT_EQ(totals.recovered(), 500 + 3736);
  EXPECT_EQ(totals.pending, 0);
  EXPECT_EQ(result.states.at("final"), 2u);
  EXPECT_EQ(result.cheques, (Sums{{account_name(cheques().owner, "EUR"), -3736}}));
  const LossAudit losses = audit_losses();
  EXPECT_THAT(losses.losses.violations, IsEmpty());
  EXPECT_EQ(losses.losses.examined, 4u);
  EXPECT_EQ(losses.moves_in_progress, 0u);
}

TEST_F(ClaimAuditTest, TheStoredClaimIsTheOneThatACourtSees) {
  store_charged_claim();
  const auto stored = operator_->transaction(
      {.read_only = true}, [&](storage::Transaction& tx) { return load_claim_file(tx, 1); });
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_TRUE(protocol::verify_claim_file(*stored, market_.anchors).ok());
  EXPECT_EQ(stored->statements.size(), 3u);
  EXPECT_EQ(stored->payments.size(), 2u);
  const auto none = operator_->transaction(
      {.read_only = true}, [&](storage::Transaction& tx) { return load_claim_file(tx, 9); });
  EXPECT_EQ(protocol::reason_of(none.status()), "UNKNOWN_CLAIM");
}

TEST_F(ClaimAuditTest, SeesEveryAlteredRowOfClaims) {
  store_charged_claim();
  store_cheques_claim();
  const std::string other_claim = "says something else than the signed claim";
  const auto claim = [](const std::string& set, const std::string& back,
                        const std::string& says) -> Tampering {
    return {"UPDATE recovery.claim SET " + set + " WHERE number = 1",
            "UPDATE recovery.claim SET " + back + " WHERE number = 1", says};
  };
  sees(
      {
          claim("time_ms = time_ms + 1", "time_ms = time_ms - 1", other_claim),
          claim("kind = 'payments'", "kind = 'coins'", other_claim),
          claim("coins = 1", "coins = 2", other_claim),
          claim("claimant_id = account_id",
                "claimant_id = (SELECT claimant_id FROM recovery.claim WHERE number = 2)",
                other_claim),
          claim("held_until_ms = held_until_ms - 1", "held_until_ms = held_until_ms + 1",
                "says something else than the signed receipt"),
          claim("final_at_ms = final_at_ms + 1", "final_at_ms = final_at_ms - 1",
                "says something else than the signed receipt"),
          claim("state = 'credited'", "state = 'final'", "does not stand where its last statement"),
          claim("receipt = set_byte(receipt, 50, get_byte(receipt, 50) # 1)",
                "receipt = set_byte(receipt, 50, get_byte(receipt, 50) # 1)",
                "its receipt is not the one in its file"),
          claim("file = set_byte(file, 2000, get_byte(file, 2000) # 1)",
                "file = set_byte(file, 2000, get_byte(file, 2000) # 1)", "claim 1: "),
          {"UPDATE recovery.claim SET number = 3 WHERE number = 2",
           "UPDATE recovery.claim SET number = 2 WHERE number = 3",
           "claims are missing in the numbers"},
          {"UPDATE recovery.claim_coin SET slots = slots | 4 WHERE number = 1 AND coin = 1",
           "UPDATE recovery.claim_coin SET slots = slots & ~4::bigint WHERE number = 1 AND coin = "
           "1",
           "coin 1 of it is not the one that it claims"},
          {"UPDATE recovery.claim_coin SET deposit_until = deposit_until + 1 WHERE number = 1",
           "UPDATE recovery.claim_coin SET deposit_until = deposit_until - 1 WHERE number = 1",
           "coin 0 of it is not the one that it claims"},
          {"CREATE TABLE kept AS SELECT * FROM recovery.claimed_slot WHERE slot = 4; "
           "DELETE FROM recovery.claimed_slot WHERE slot = 4",
           "INSERT INTO recovery.claimed_slot SELECT * FROM kept; DROP TABLE kept",
           "1 slots of claimed coins are held by no claim"},
          {"INSERT INTO recovery.claimed_slot SELECT account_id, n, denom_id, i, 9, number, coin "
           "FROM recovery.claimed_slot WHERE slot = 4",
           "DELETE FROM recovery.claimed_slot WHERE slot = 9",
           "1 slots are held by a claim that does not name them"},
          {"CREATE TABLE kept AS SELECT * FROM coinstore.claimed WHERE slot = 4; "
           "DELETE FROM coinstore.claimed WHERE slot = 4",
           "INSERT INTO coinstore.claimed SELECT * FROM kept; DROP TABLE kept",
           "1 claimed slots are not marked in the coin store"},
          {"INSERT INTO coinstore.claimed SELECT claim, month, 9, coin_id FROM coinstore.claimed "
           "WHERE slot = 4",
           "DELETE FROM coinstore.claimed WHERE slot = 9",
           "1 slots are marked in the coin store without a claim"},
      },
      [&] { return audit().claims; });
}

TEST_F(ClaimAuditTest, SeesEveryAlteredRowOfWhatBecameOfThem) {
  store_charged_claim();
  store_cheques_claim();
  const auto statement = [](const std::string& set, const std::string& back,
                            const std::string& says) -> Tampering {
    const std::string where = " WHERE number = 1 AND sequence = 2";
    return {"UPDATE recovery.claim_statement SET " + set + where,
            "UPDATE recovery.claim_statement SET " + back + where, says};
  };
  const auto deduction = [](const std::string& set, const std::string& back,
                            const std::string& says) -> Tampering {
    const std::string where = " WHERE number = 1 AND coin = 0";
    return {"UPDATE recovery.deduction SET " + set + where,
            "UPDATE recovery.deduction SET " + back + where, says};
  };
  const std::string other = "a deduction is not the one in its statement";
  sees(
      {
          statement("document = set_byte(document, 100, get_byte(document, 100) # 1)",
                    "document = set_byte(document, 100, get_byte(document, 100) # 1)", "claim 1: "),
          statement("state = 'final'", "state = 'credited'",
                    "statement 2 says something else than its row"),
          statement("credited_to = substr(credited_to, 2, 31) || substr(credited_to, 1, 1)",
                    "credited_to = substr(credited_to, 32, 1) || substr(credited_to, 1, 31)",
                    "statement 2 credits neither the claimant nor who took her place"),
          {"CREATE TABLE kept AS SELECT * FROM recovery.claim_payment WHERE number = 2; "
           "DELETE FROM recovery.claim_payment WHERE number = 2",
           "INSERT INTO recovery.claim_payment SELECT * FROM kept; DROP TABLE kept",
           "is not stored"},
          {"UPDATE recovery.claim_payment SET credential = set_byte(credential, 300, "
           "get_byte(credential, 300) # 1) WHERE number = 2",
           "UPDATE recovery.claim_payment SET credential = set_byte(credential, 300, "
           "get_byte(credential, 300) # 1) WHERE number = 2",
           "claim 2: "},
          deduction("value = value + 1", "value = value - 1", other),
          deduction("paid_after = false", "paid_after = true", other),
          deduction("sequence = 3", "sequence = 2", other),
          deduction("currency = 'USD'", "currency = 'EUR'", other),
          deduction("uncollected = 1", "uncollected = 0",
                    "do not sum to what its statement calls uncollected"),
          {"CREATE TABLE kept AS SELECT * FROM recovery.deduction WHERE number = 2; "
           "DELETE FROM recovery.deduction WHERE number = 2",
           "INSERT INTO recovery.deduction SELECT * FROM kept; DROP TABLE kept",
           "a statement deducts what no row does"},
          // What an alarm says that the issuer bore must have been posted.
          {"INSERT INTO recovery.cheque_alarm VALUES (2, 'EUR', 36, 1)",
           "DELETE FROM recovery.cheque_alarm", "documents say -3700, the ledger -3736"},
      },
      [&] { return audit().claims; });
}

// It is closed, so what it is credited with stays against its debts.
TEST_F(ClaimAuditTest, OnlyAConvictedAccountIsCreditedInPlaceOfItsSuccessor) {
  credited_ = &lost_;
  store_charged_claim();
  EXPECT_THAT(all(audit().claims), HasSubstr("statement 1 credits neither the claimant"));
  tamper("UPDATE withdrawal.account SET closed_case = 1 WHERE account_id = '\\x" +
         protocol::to_hex(lost_.account.account) + "'");
  EXPECT_THAT(audit().claims.violations, IsEmpty());
  credited_ = &last_;
}

TEST_F(ClaimAuditTest, SeesEveryPostingWithoutADocument) {
  store_charged_claim();
  // The account of the plain coin's advances is even again; each of these moves it.
  struct Case {
    std::string kind;
    std::vector<storage::LedgerLine> lines;
    std::string says;
  };
  const std::vector<Case> cases = {
      {"claim", {{advance_of(plain_), -7}, {customer(last_), 7}}, "documents say -500"},
      {"claim_charge", {{customer(last_), -7}, {advance_of(plain_), 7}}, "documents say 500"},
      {"claim_charge",
       {{ref(kind::kLoss, {}), -7}, {advance_of(plain_), 7}},
       "uncollected charges  EUR: documents say 0, the ledger -7"},
      {"recovery", {{coins_of(split_), -7}, {advance_of(split_), 7}}, "documents say 500"},
      {"recovery",
       {{cheques(), -7}, {ref(kind::kClaims, cheques().owner), 7}},
       "without a document"},
      {"refund",
       {{customer(last_), -7}, {advance_of(plain_), 7}},
       "postings of kind refund moved advances of claims"},
  };
  int number = 100;
  for (const Case& c : cases) {
    std::vector<storage::LedgerLine> back = c.lines;
    for (storage::LedgerLine& line : back) line.amount = -line.amount;
    post(c.kind, std::to_string(++number), c.lines);
    EXPECT_THAT(all(audit().claims), HasSubstr(c.says)) << c.kind;
    post(c.kind, std::to_string(++number), back);
    if (c.kind == "refund") break;  // its kind stays in the books
    EXPECT_THAT(audit().claims.violations, IsEmpty()) << c.kind;
  }
}

// A slot that was credited, and then deposited: counted once until the claim is looked at again.
TEST_F(ClaimAuditTest, CountsWhatIsNotChargedYetOnce) {
  ClaimFile file = coins_claim();
  market_.state(file, protocol::ClaimState::kCredited, {});
  store_held(file);
  store_statements(file, 0, 1);
  post("claim", "1",
       {{advance_of(plain_), -500}, {advance_of(split_), -800}, {customer(last_), 1300}});
  EXPECT_THAT(audit().claims.violations, IsEmpty());
  // The deposit takes all that was issued of that denomination.
  post("deposit", "1", {{coins_of(plain_), -500}, {ref(kind::kPayee, Bytes(16, 1)), 500}});
  EXPECT_THAT(all(audit().claims), HasSubstr("deposits and claims come to 500 more"));
  tamper(
      "INSERT INTO deposit.batch (payee_id, terminal_id, idempotency_key, order_digest, "
      "signed_order, payments, payment_count, refusals, received_ms, state, receipt, "
      "key_certificate, evidence) VALUES (''::bytea, ''::bytea, decode(repeat('01', 16), 'hex'), "
      "decode(repeat('01', 32), 'hex'), ''::bytea, ''::bytea, 1, ''::bytea, 1, 'done', ''::bytea, "
      "''::bytea, ''::bytea)");
  sql("INSERT INTO coinstore.spent (place, month, slot, coin_id, trace) "
      "SELECT max(batch) << 17, coinstore.month_of($1), 0, $2, $3 FROM deposit.batch",
      plain_.denomination.deposit_until, plain_.coin.id().bytes, Bytes(96, 1));
  const ClaimAudit result = audit();
  EXPECT_THAT(result.claims.violations, IsEmpty());
  EXPECT_EQ(result.totals.at("EUR").pending, 500);
  EXPECT_EQ(result.totals.at("EUR").recovered(), 1300);
}

}  // namespace
}  // namespace cafe::cafectl
