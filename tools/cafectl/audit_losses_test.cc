// The audit of lost accounts and their successors: it names every row that somebody has altered.
#include "tools/cafectl/claim_tables_fixture.h"

namespace cafe::cafectl {
namespace {

using protocol::SignedDocument;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using LossAuditTest = ClaimTables;

TEST_F(LossAuditTest, SeesEveryAlteredRowOfLostAccounts) {
  const std::string lost = " WHERE account_id = '\\x" + lost_.account.account.hex() + "'";
  const std::string replaced = " WHERE lost = '\\x" + lost_.account.account.hex() + "'";
  const std::string next = "'\\x" + next_.account.account.hex() + "'";
  const std::string last = "'\\x" + last_.account.account.hex() + "'";
  const std::string flip = " = set_byte(statement, 150, get_byte(statement, 150) # 1)";
  sees(
      {
          {"UPDATE withdrawal.loss SET last_order = last_order + 1" + lost,
           "UPDATE withdrawal.loss SET last_order = last_order - 1" + lost,
           "its row says something else than the signed statement"},
          {"UPDATE withdrawal.loss SET last_load = last_load + 1" + lost,
           "UPDATE withdrawal.loss SET last_load = last_load - 1" + lost,
           "its row says something else than the signed statement"},
          {"UPDATE withdrawal.loss SET statement" + flip + lost,
           "UPDATE withdrawal.loss SET statement" + flip + lost, "the loss of account"},
          {"UPDATE withdrawal.account SET last_order = last_order + 1" + lost,
           "UPDATE withdrawal.account SET last_order = last_order - 1" + lost,
           "something was ordered or loaded after the account was lost"},
          {"UPDATE withdrawal.account SET closed_at = NULL" + lost,
           "UPDATE withdrawal.account SET closed_at = now()" + lost, "the account is not closed"},
          {"UPDATE withdrawal.replacement SET successor = " + last + replaced,
           "UPDATE withdrawal.replacement SET successor = " + next + replaced,
           "its successor is not the one in the signed statement"},
          {"UPDATE withdrawal.replacement SET statement" + flip + replaced,
           "UPDATE withdrawal.replacement SET statement" + flip + replaced,
           "the replacement of account"},
          {"CREATE TABLE kept AS SELECT lost, successor, statement, signed_by FROM "
           "withdrawal.replacement" +
               replaced + "; DELETE FROM withdrawal.replacement" + replaced,
           "INSERT INTO withdrawal.replacement (lost, successor, statement, signed_by) SELECT * "
           "FROM kept; DROP TABLE kept",
           "1 acts of operators without what they did"},
          {"INSERT INTO withdrawal.replacement_move (lost, currency, number, amount) SELECT lost, "
           "'EUR', 1, 5 FROM withdrawal.replacement" +
               replaced,
           "DELETE FROM withdrawal.replacement_move", "documents say -5, the ledger 0"},
      },
      [&] { return audit_losses().losses; });
}

// A report that the holder signed binds the issuer as much as it does her.
TEST_F(LossAuditTest, AStatementAnswersTheRequestThatIsStored) {
  const std::string issuer(testing::World::kIssuer);
  const auto& id = last_.account.account;
  const protocol::LossReport report{issuer, id, market_.claim_s * 1000};
  const auto signed_report = SignedDocument::sign(report.encode(), last_.identity.account_key);
  const protocol::LossRecorded recorded{
      issuer, id, protocol::Authority::kAccountKey, signed_report.digest(), market_.claim_s * 1000,
      0,      0};
  sql("UPDATE withdrawal.account SET closed_at = now() WHERE account_id = $1", id.bytes);
  sql("INSERT INTO withdrawal.loss (account_id, report, last_order, last_load, statement, "
      "signed_by) VALUES ($1, $2, 0, 0, $3, sha256($4))",
      id.bytes, signed_report.encode(),
      SignedDocument::sign(recorded.encode(), market_.withdrawal_key).encode(),
      market_.withdrawal_certificate.encode());
  EXPECT_THAT(audit_losses().losses.violations, IsEmpty());
  const auto store_report = [&](const SignedDocument& document) {
    tamper("UPDATE withdrawal.loss SET report = '\\x" + protocol::to_hex(document.encode()) +
           "' WHERE account_id = '\\x" + id.hex() + "'");
    return all(audit_losses().losses);
  };
  protocol::LossReport later = report;
  ++later.time_ms;
  EXPECT_THAT(store_report(SignedDocument::sign(later.encode(), last_.identity.account_key)),
              HasSubstr("its statement answers another request"));
  EXPECT_THAT(store_report(SignedDocument::sign(report.encode(), next_.identity.account_key)),
              HasSubstr("the loss of account " + id.hex()));
  EXPECT_EQ(store_report(signed_report), "[]");
  tamper("UPDATE withdrawal.loss SET report = NULL WHERE account_id = '\\x" + id.hex() + "'");
  EXPECT_THAT(all(audit_losses().losses), HasSubstr("rests on something else than what is stored"));
}

// Nobody was made a successor who has not signed for it: what she is charged stands on that.
TEST_F(LossAuditTest, ASuccessorByKeyHasAgreed) {
  const auto& id = lost_.account.account;
  const protocol::Replacement names{std::string(testing::World::kIssuer), id, next_.account.account,
                                    market_.claim_s * 1000};
  const auto request = SignedDocument::sign(names.encode(), lost_.identity.account_key);
  const protocol::Replaced replaced{names.issuer_id,  id,
                                    names.successor,  protocol::Authority::kAccountKey,
                                    request.digest(), market_.claim_s * 1000};
  const Bytes statement = SignedDocument::sign(replaced.encode(), market_.withdrawal_key).encode();
  const auto store_consent = [&](const protocol::Bytes64& consent) {
    tamper("UPDATE withdrawal.replacement SET request = '\\x" + protocol::to_hex(request.encode()) +
           "', consent = '\\x" + protocol::to_hex(consent) + "', statement = '\\x" +
           protocol::to_hex(statement) + "' WHERE lost = '\\x" + id.hex() +
           "'; DELETE FROM withdrawal.operator_act WHERE account_id = '\\x" + id.hex() +
           "' AND kind = 'replacement'");
    return all(audit_losses().losses);
  };
  protocol::Bytes64 consent = next_.identity.account_key.sign(names.encode());
  EXPECT_EQ(store_consent(consent), "[]");
  const std::string unwilling = "the replacement of account " + id.hex() + ": The account that is";
  EXPECT_THAT(store_consent(lost_.identity.account_key.sign(names.encode())), HasSubstr(unwilling));
  EXPECT_THAT(store_consent(last_.identity.account_key.sign(names.encode())), HasSubstr(unwilling));
  consent[40] ^= 1;
  EXPECT_THAT(store_consent(consent), HasSubstr(unwilling));
}

}  // namespace
}  // namespace cafe::cafectl
