#include "tests/integration/valid_requests.h"

#include <cafe/v1/deposit.pb.h>
#include <cafe/v1/doublespend.pb.h>
#include <cafe/v1/recovery.pb.h>
#include <cafe/v1/withdrawal.pb.h>

#include <chrono>

#include "libs/protocol/frame.h"
#include "libs/protocol/slot_rows.h"
#include "libs/protocol/spend_rows.h"
#include "tests/integration/lost_holder.h"
#include "tests/integration/signers.h"

namespace cafe::testing {
namespace {

using protocol::Bytes;
using protocol::ByteView;

absl::Status failed(const std::string& what) {
  return protocol::make_error(absl::StatusCode::kInternal, "VALID_REQUESTS", what);
}

// Makes requests out of what the database has kept.
class Archive {
 public:
  explicit Archive(const Cluster& cluster) : cluster_(cluster) {}

  // The first value of a query for a bytea; the first failure is kept in status().
  std::string bytes(const std::string& column, const std::string& from) {
    const auto hex = cluster_.texts("SELECT encode(" + column + ", 'hex') FROM " + from);
    if (!hex.ok() || hex->empty()) {
      status_.Update(hex.ok() ? failed("nothing in " + from) : hex.status());
      return "";
    }
    return protocol::to_string(protocol::from_hex(hex->front()).value_or(Bytes{}));
  }
  uint64_t number(const std::string& column, const std::string& from) {
    const auto value = cluster_.number("SELECT " + column + " FROM " + from);
    status_.Update(value.status());
    return static_cast<uint64_t>(value.value_or(0));
  }
  const absl::Status& status() const { return status_; }

 private:
  const Cluster& cluster_;
  absl::Status status_;
};

// "u32 length ‖ bytes" of each.
std::vector<std::string> split_list(const std::string& list) {
  std::vector<std::string> out;
  for (size_t at = 0; at + 4 <= list.size();) {
    const size_t length = protocol::decode_u32(protocol::view_of(list).subspan(at).first<4>());
    out.push_back(list.substr(at + 4, length));
    at += 4 + length;
  }
  return out;
}

class Requests {
 public:
  explicit Requests(const Cluster& cluster) : archive_(cluster) {}

  absl::StatusOr<std::vector<ValidRequest>> take() {
    if (!archive_.status().ok()) return archive_.status();
    return std::move(out_);
  }

  void of_loads(const SignedByHolder& holder) {
    auto load = std::make_shared<v1::LoadRequest>();
    load->set_order(protocol::to_string(holder.load_order));
    add("withdrawal", "Withdrawal/Load", "", load);
    auto query = std::make_shared<v1::GetLoadRequest>();
    query->set_query(protocol::to_string(holder.load_query));
    add("withdrawal", "Withdrawal/GetLoad", "", query);
  }

  void of_withdrawal(const SignedByWallet& wallet) {
    auto list = std::make_shared<v1::GetDenominationsRequest>();
    list->set_list_number(1);
    add("withdrawal", "Withdrawal/GetDenominations", "", list);
    add("withdrawal", "Withdrawal/BeginRegistration", "",
        std::make_shared<v1::BeginRegistrationRequest>());
    auto registration = std::make_shared<v1::RegisterRequest>();
    registration->set_registration_file(
        archive_.bytes("registration_file", "withdrawal.registration"));
    add("withdrawal", "Withdrawal/Register", "", registration);
    auto open = std::make_shared<v1::OpenOrderRequest>();
    open->set_open(protocol::to_string(wallet.open));
    add("withdrawal", "Withdrawal/Open", "", open);
    auto complete = std::make_shared<v1::CompleteOrderRequest>();
    complete->set_order(archive_.bytes("signed_order", "withdrawal.completed_order"));
    add("withdrawal", "Withdrawal/Complete", "", complete);
    auto request = std::make_shared<v1::VoidOrderRequest>();
    request->set_void_request(protocol::to_string(wallet.void_request));
    add("withdrawal", "Withdrawal/Void", "", request);

    auto find = std::make_shared<v1::FindAccountRequest>();
    find->set_identity_point(archive_.bytes("point", "withdrawal.identity_point"));
    add("withdrawal", "Withdrawal/FindAccount", "operator", find);
    auto close = std::make_shared<v1::CloseAccountRequest>();
    close->set_signed_case(archive_.bytes("signed_case", "coinstore.cases ORDER BY number"));
    add("withdrawal", "Withdrawal/CloseAccount", "doublespend", close);
    auto stop = std::make_shared<v1::StopDenominationRequest>();
    stop->set_denom_id(archive_.bytes("denom_id", "withdrawal.denomination_stop"));
    stop->set_reason("The test stopped it already.");
    add("withdrawal", "Withdrawal/StopDenomination", "operator", stop);
  }

  void of_money_back(const SignedByHolder& holder) {
    auto deposit = std::make_shared<v1::DepositRequest>();
    deposit->set_order(protocol::to_string(holder.deposit_order));
    for (const Bytes& payment : holder.payments)
      deposit->add_payments(protocol::to_string(payment));
    deposit->set_holder_credential(protocol::to_string(holder.credential));
    add("deposit", "Deposit/Deposit", "", deposit);
  }

  void of_deposit() {
    const std::string smallest =
        "deposit.batch JOIN deposit.payee USING (payee_id) WHERE account_id IS NULL "
        "ORDER BY octet_length(payments)";
    const std::vector<std::string> payments = split_list(archive_.bytes("payments", smallest));
    auto deposit = std::make_shared<v1::DepositRequest>();
    deposit->set_order(archive_.bytes("signed_order", smallest));
    for (const std::string& payment : payments) deposit->add_payments(payment);
    add("deposit", "Deposit/Deposit", "", deposit);
    auto authorize = std::make_shared<v1::AuthorizeRequest>();
    if (!payments.empty()) authorize->set_payment(payments.front());
    add("deposit", "Deposit/Authorize", "", authorize);
    auto get = std::make_shared<v1::GetPaymentRequest>();
    get->set_batch(archive_.number("batch", smallest));
    add("deposit", "Deposit/GetPayment", "operator", get);
  }

  // A row that the coin store holds, as it was told of it.
  protocol::PackedSpend spent_row() {
    const std::string spent = "coinstore.spent ORDER BY coin_id, slot";
    const auto field = [&](const char* sql) {
      return protocol::to_array<32>(protocol::view_of(archive_.bytes(sql, spent)))
          .value_or(protocol::Bytes32{});
    };
    const auto number = [&](const char* sql) { return archive_.number(sql, spent); };
    const uint64_t deposit_until = number(
        "extract(epoch FROM timestamptz '1970-01-15 00:00Z' +"
        " month * interval '1 month')::bigint");
    return {.coin_id = {field("coin_id")},
            .d = field("substr(trace, 1, 32)"),
            .r1 = field("substr(trace, 33, 32)"),
            .r2 = field("substr(trace, 65, 32)"),
            .deposit_until = deposit_until,
            .claim_until = deposit_until + 365 * 86400,
            .batch = number("coinstore.batch_of(place)"),
            .position = static_cast<uint32_t>(number("coinstore.position_of(place)")),
            .slot = static_cast<uint32_t>(number("slot"))};
  }

  void of_doublespend() {
    auto record = std::make_shared<v1::RecordRequest>();
    const protocol::PackedSpend row = spent_row();
    protocol::append_spend_row(*record->mutable_rows(), row);
    add("doublespend", "DoubleSpend/Record", "deposit", record, true);

    auto reserve = std::make_shared<v1::ReserveRequest>();
    v1::ReserveRequest::Payment& payment = *reserve->add_payments();
    protocol::append_slot_row(
        *payment.mutable_slots(),
        {.coin_id = row.coin_id, .d = row.d, .deposit_until = row.deposit_until, .slot = row.slot});
    payment.set_request_id("till-1");
    reserve->set_hold_ms(60'000);
    add("doublespend", "DoubleSpend/Reserve", "deposit", reserve, true);

    auto lookup = std::make_shared<v1::LookupRequest>();
    lookup->add_coin_ids(protocol::to_string(row.coin_id));
    lookup->add_coin_ids(std::string(32, 'x'));
    add("doublespend", "DoubleSpend/Lookup", "", lookup);
    auto prefix = std::make_shared<v1::LookupPrefixRequest>();
    prefix->set_bits(8);
    prefix->set_prefix(uint32_t{row.coin_id.bytes[0]} << 24);
    add("doublespend", "DoubleSpend/LookupPrefix", "", prefix);
    add("doublespend", "DoubleSpend/MarkClaimed", "recovery",
        std::make_shared<v1::MarkClaimedRequest>(claimed_slot()), true);
    auto locate = std::make_shared<v1::LocateRequest>();
    locate->add_coin_ids(protocol::to_string(row.coin_id));
    locate->add_coin_ids(std::string(32, 'x'));
    add("doublespend", "DoubleSpend/Locate", "recovery", locate);
    auto get = std::make_shared<v1::GetCaseRequest>();
    get->set_number(archive_.number("number", "coinstore.cases ORDER BY number"));
    add("doublespend", "DoubleSpend/GetCase", "operator", get);
    auto list = std::make_shared<v1::ListCasesRequest>();
    list->set_limit(10);
    add("doublespend", "DoubleSpend/ListCases", "operator", list);
  }

  void of_lost_accounts(const LostHolder& holder) {
    const std::string lost = protocol::to_string(holder.lost);
    auto report = std::make_shared<v1::ReportLossRequest>();
    report->set_report(protocol::to_string(holder.report));
    add("withdrawal", "Withdrawal/ReportLoss", "", report);
    auto replacement = std::make_shared<v1::ReplaceAccountRequest>();
    replacement->set_replacement(protocol::to_string(holder.replacement));
    replacement->set_successor_signature(protocol::to_string(holder.consent));
    add("withdrawal", "Withdrawal/ReplaceAccount", "", replacement);
    // The same by the operator, who identifies her.
    auto act = std::make_shared<v1::ReportLossRequest>();
    act->mutable_act()->set_account_id(lost);
    act->mutable_act()->set_identified_by("passport, at the counter");
    add("withdrawal", "Withdrawal/ReportLoss", "operator", act);
    auto acted = std::make_shared<v1::ReplaceAccountRequest>();
    *acted->mutable_act() = act->act();
    acted->set_successor_id(protocol::to_string(holder.successor));
    add("withdrawal", "Withdrawal/ReplaceAccount", "operator", acted);

    auto account = std::make_shared<v1::GetAccountRequest>();
    account->set_account_id(lost);
    add("withdrawal", "Withdrawal/GetAccount", "recovery", account);
    auto orders = std::make_shared<v1::ListAccountOrdersRequest>();
    orders->set_account_id(lost);
    orders->set_limit(100);
    add("withdrawal", "Withdrawal/ListAccountOrders", "recovery", orders);
    auto loads = std::make_shared<v1::ListAccountLoadsRequest>();
    loads->set_account_id(lost);
    loads->set_limit(100);
    add("withdrawal", "Withdrawal/ListAccountLoads", "recovery", loads);
    auto terms = std::make_shared<v1::VoidTermsRequest>();
    terms->set_refusal(protocol::to_string(holder.refusal));
    terms->set_credential(protocol::to_string(holder.credential));
    add("deposit", "Deposit/VoidTerms", "recovery", terms);
    auto cheques = std::make_shared<v1::LocateRequest>();
    cheques->add_coin_ids(archive_.bytes(
        "coin_id", "recovery.claim_coin JOIN recovery.claim USING (number) WHERE kind = 'cheques'"));
    cheques->add_coin_ids(std::string(32, 'x'));
    add("deposit", "Deposit/LocateCheques", "recovery", cheques);
  }

  void of_recovery(const LostHolder& holder) {
    auto put = std::make_shared<v1::PutBackupRequest>();
    put->set_backup(protocol::to_string(holder.backup));
    add("recovery", "Recovery/PutBackup", "", put);
    auto get = std::make_shared<v1::GetBackupRequest>();
    get->set_query(protocol::to_string(holder.backup_query));
    add("recovery", "Recovery/GetBackup", "", get);
    auto orders = std::make_shared<v1::ListOrdersRequest>();
    orders->set_query(protocol::to_string(holder.orders_query));
    add("recovery", "Recovery/ListOrders", "", orders);
    for (const Bytes& claim : {holder.payment_claim, holder.coin_claim, holder.cheque_claim}) {
      auto file = std::make_shared<v1::FileClaimRequest>();
      file->set_claim(protocol::to_string(claim));
      add("recovery", "Recovery/FileClaim", "", file);
    }
    auto claim = std::make_shared<v1::GetClaimRequest>();
    claim->set_query(protocol::to_string(holder.claim_query));
    add("recovery", "Recovery/GetClaim", "", claim);
    add("recovery", "Recovery/GetHotlist", "", std::make_shared<v1::GetHotlistRequest>());
    auto list = std::make_shared<v1::ListClaimsRequest>();
    list->set_limit(10);
    add("recovery", "Recovery/ListClaims", "operator", list);
  }

 private:
  // A slot that is claimed, as the coin store was told of it.
  v1::MarkClaimedRequest claimed_slot() {
    const std::string claimed = "coinstore.claimed ORDER BY coin_id, slot";
    const uint64_t in_month = archive_.number(
        "extract(epoch FROM timestamptz '1970-01-15 00:00Z' + month * interval '1 month')::bigint",
        claimed);
    v1::MarkClaimedRequest request;
    request.set_claim(archive_.number("claim", claimed));
    v1::MarkClaimedRequest::Coin& coin = *request.add_coins();
    coin.set_coin_id(archive_.bytes("coin_id", claimed));
    coin.set_slots(uint64_t{1} << archive_.number("slot", claimed));
    coin.set_deposit_until(in_month);
    coin.set_claim_until(in_month);
    return request;
  }

  void add(const std::string& service, const std::string& method, const std::string& caller,
           std::shared_ptr<const google::protobuf::Message> message, bool trusts_caller = false) {
    out_.push_back({service, "/cafe.v1." + method, caller, std::move(message), trusts_caller});
  }

  Archive archive_;
  std::vector<ValidRequest> out_;
};

}  // namespace

absl::StatusOr<std::vector<ValidRequest>> make_valid_requests(Cluster& cluster) {
  CAFE_ASSIGN_OR_RETURN(const auto run,
                        cluster.simulate({"--wallets=4", "--payments=12", "--double-spenders=1",
                                          "--deposit-batch=3", "--seed=malformed"}));
  CAFE_ASSIGN_OR_RETURN(const Json report, run->report());
  if (report.at("result") != "pass") return failed(report.at("wrong").dump(2));
  CAFE_ASSIGN_OR_RETURN(const SignedByWallet wallet, use_wallet(cluster));
  CAFE_ASSIGN_OR_RETURN(const SignedByHolder holder, use_holder(cluster));
  CAFE_ASSIGN_OR_RETURN(const LostHolder lost, lose_and_recover(cluster));
  // Also the work that follows a case is done.
  if (!eventually(std::chrono::seconds(30), [&] {
        return cluster
                   .number(
                       "SELECT count(*) FROM coinstore.cases WHERE state = 'open' OR "
                       "(first_of_account AND account_closed_ms IS NULL)")
                   .value_or(1) == 0;
      }))
    return failed("the cases do not come to an end");
  Requests requests(cluster);
  requests.of_withdrawal(wallet);
  requests.of_loads(holder);
  requests.of_money_back(holder);
  requests.of_deposit();
  requests.of_doublespend();
  requests.of_lost_accounts(lost);
  requests.of_recovery(lost);
  return requests.take();
}

}  // namespace cafe::testing
