#include "services/deposit/testing/back_end.h"

#include <atomic>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "libs/platform/client.h"
#include "libs/platform/grpc_status.h"
#include "libs/storage/ledger_accounts.h"

namespace cafe::deposit::testing {

using cafe::testing::PrivatePostgres;
using cafe::testing::Subprocess;
using protocol::Bytes;
using protocol::to_bytes;
using protocol::view_of;
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
  const std::string name = absl::StrCat("deposit_", ++count);
  must(shared_postgres().create_database(name));
  must(shared_postgres().migrate(name));
  return name;
}

std::unique_ptr<storage::Database> connect_to(const std::string& name) {
  return must(
      storage::Database::open({.url = shared_postgres().url("postgres", name), .pool_size = 2}));
}

// Without a deadline: a ManualClock may be days ahead of it.
template <class Response, class Call>
absl::StatusOr<Response> call(Call&& rpc) {
  Response response;
  grpc::ClientContext context;
  const grpc::Status status = rpc(&context, &response);
  if (!status.ok()) return platform::from_grpc(status, context);
  return response;
}

}  // namespace

PrivatePostgres& shared_postgres() {
  static const std::unique_ptr<PrivatePostgres> postgres = must(PrivatePostgres::start());
  return *postgres;
}

Payee::Payee(int port)
    : stub_(v1::Deposit::NewStub(must(
          platform::connect(absl::StrCat("127.0.0.1:", port), "deposit", {.insecure = true})))) {}

absl::StatusOr<v1::DepositResponse> Payee::deposit(const Bytes& order,
                                                   std::span<const Bytes> payments,
                                                   const Bytes& holder_credential) const {
  v1::DepositRequest request;
  request.set_holder_credential(protocol::to_string(holder_credential));
  request.set_order(protocol::to_string(order));
  for (const Bytes& payment : payments) request.add_payments(protocol::to_string(payment));
  return call<v1::DepositResponse>([&](grpc::ClientContext* context, auto* response) {
    return stub_->Deposit(context, request, response);
  });
}

absl::StatusOr<v1::DepositResponse> Payee::deposit(Shop& shop, const Till& till,
                                                   const protocol::Bytes16& key,
                                                   std::span<const Bytes> payments) const {
  return deposit(shop.order(till, key, payments), payments);
}

absl::StatusOr<v1::AuthorizeResponse> Payee::authorize(const Bytes& payment,
                                                       const std::string& request_id,
                                                       absl::Time deadline) const {
  v1::AuthorizeRequest request;
  request.set_payment(protocol::to_string(payment));
  return call<v1::AuthorizeResponse>([&](grpc::ClientContext* context, auto* response) {
    if (!request_id.empty()) context->AddMetadata(platform::kRequestIdMetadata, request_id);
    if (deadline < absl::InfiniteFuture()) context->set_deadline(absl::ToChronoTime(deadline));
    return stub_->Authorize(context, request, response);
  });
}

absl::StatusOr<v1::GetPaymentResponse> Payee::get_payment(uint64_t batch, uint32_t payment) const {
  v1::GetPaymentRequest request;
  request.set_batch(batch);
  request.set_payment(payment);
  return call<v1::GetPaymentResponse>([&](grpc::ClientContext* context, auto* response) {
    return stub_->GetPayment(context, request, response);
  });
}

absl::Status Payee::void_terms(const Bytes& refusal, const Bytes& credential) const {
  v1::VoidTermsRequest request;
  request.set_refusal(protocol::to_string(refusal));
  request.set_credential(protocol::to_string(credential));
  return call<v1::VoidTermsResponse>([&](grpc::ClientContext* context, auto* response) {
           return stub_->VoidTerms(context, request, response);
         })
      .status();
}

absl::StatusOr<v1::LocateResponse> Payee::locate_cheques(
    std::span<const protocol::CoinId> cheques) const {
  v1::LocateRequest request;
  for (const protocol::CoinId& cheque : cheques) request.add_coin_ids(protocol::to_string(cheque));
  return call<v1::LocateResponse>([&](grpc::ClientContext* context, auto* response) {
    return stub_->LocateCheques(context, request, response);
  });
}

BackEnd::BackEnd(uint64_t now_s)
    : shop(now_s), database_name(new_database()), database(connect_to(database_name)) {
  must(storage::save_trust(folder.path() / "trust.json", shop.anchors));
  must(storage::save_online_key(folder.path() / "deposit.json", shop.deposit_key));
  peers.withdrawal.set_list(protocol::to_string(shop.signed_list.encode()));
  peers.coin_store.now_ms = now_s * 1000;
}

platform::ServiceOptions BackEnd::service_options() const {
  platform::ServiceOptions options;
  options.service = "deposit";
  options.listen = "127.0.0.1:0";
  options.tls.insecure = true;
  options.database_url = shared_postgres().url("cafe_deposit", database_name);
  options.issuer_id = Shop::kIssuer;
  options.log_level = "error";
  return options;
}

DepositOptions BackEnd::options() const {
  DepositOptions options;
  options.trust = (folder.path() / "trust.json").string();
  options.signing_key = (folder.path() / "deposit.json").string();
  options.doublespend = peers.address();
  options.withdrawal = peers.address();
  options.sweep_interval_ms = 3'600'000;
  options.refresh_interval_ms = 3'600'000;
  return options;
}

void BackEnd::enrol(const Till& till, uint64_t cover, const std::string& currency) {
  must(database->transaction({}, [&](Transaction& tx) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(
        const storage::Rows known,
        tx.query("SELECT FROM deposit.payee WHERE payee_id = $1", till.payee_id.bytes));
    if (known.empty()) {
      CAFE_RETURN_IF_ERROR(tx.query("SELECT deposit.enrol_payee($1, 'Corner Shop', $2, $3)",
                                    till.payee_id.bytes, cover, currency)
                               .status());
    }
    return tx
        .query("SELECT deposit.enrol_terminal($1, $2, $3, $4)", till.payee_id.bytes,
               till.terminal_id.bytes, till.key.public_key().bytes(), till.credential.encode())
        .status();
  }));
}

void BackEnd::fund(const storage::AccountRef& account, uint64_t amount) {
  const auto ledger = storage::make_postgres_ledger();
  const auto moved = static_cast<int64_t>(amount);
  must(database->transaction({}, [&](Transaction& tx) -> absl::Status {
    return ledger
        ->post(tx, {.kind = "test_issue",
                    .reference = to_bytes(protocol::encode_u64(++issues_)),
                    .lines = {{{"cash", {}, account.currency}, -moved}, {account, moved}}})
        .status();
  }));
}

void BackEnd::issue(const protocol::DenominationKey& denomination, uint64_t amount) {
  fund({"coins", to_bytes(denomination.id), denomination.denomination.currency}, amount);
}

void BackEnd::load(uint64_t amount, const std::string& currency) {
  fund(storage::cheques_account(Shop::kIssuer, currency), amount);
}

void BackEnd::run_sql(const std::string& sql) {
  must(database->transaction({}, [&](Transaction& tx) { return tx.run_script(sql); }));
}

int64_t BackEnd::number(const std::string& sql) {
  return must(database->transaction({}, [&](Transaction& tx) -> absl::StatusOr<int64_t> {
    CAFE_ASSIGN_OR_RETURN(const storage::Rows rows, tx.query(sql));
    return rows.front().get<int64_t>(0);
  }));
}

int64_t BackEnd::balance(std::string_view kind, protocol::ByteView owner,
                         const std::string& currency) {
  const auto ledger = storage::make_postgres_ledger();
  return must(database->transaction({}, [&](Transaction& tx) {
    return ledger->balance(
        tx, {.kind = std::string(kind), .owner = to_bytes(owner), .currency = currency});
  }));
}

int64_t BackEnd::outstanding(const protocol::DenominationKey& denomination) {
  return balance("coins", denomination.id, denomination.denomination.currency);
}

int64_t BackEnd::credited(const Till& till, const std::string& currency) {
  return balance("payee", till.payee_id, currency);
}

int64_t BackEnd::loss(const std::string& currency) { return -balance("loss", {}, currency); }

int64_t BackEnd::loaded(const std::string& currency) {
  return balance("cheques", storage::cheques_account(Shop::kIssuer, currency).owner, currency);
}

int64_t BackEnd::alarmed() {
  return number("SELECT coalesce(sum(amount), 0)::bigint FROM deposit.cheque_alarm");
}

std::string BackEnd::audit() {
  const auto found =
      must(database->transaction({.isolation = storage::Isolation::kRepeatableRead},
                                 [](Transaction& tx) { return storage::audit_ledger(tx); }));
  std::string lines;
  for (const storage::LedgerDiscrepancy& each : found) {
    absl::StrAppend(&lines, each.check, " ", each.subject, " ", each.detail, "\n");
  }
  return lines;
}

std::string BackEnd::fingerprint() {
  return must(database->transaction({}, [](Transaction& tx) -> absl::StatusOr<std::string> {
    std::string all;
    for (const char* query :
         {"SELECT count(*) || coalesce(md5(string_agg(b::text, '' ORDER BY batch)), '')"
          " FROM deposit.batch b",
          "SELECT count(*)::text FROM deposit.spent_before",
          "SELECT count(*)::text FROM deposit.granted_authorization",
          "SELECT count(*)::text FROM deposit.denomination_stop",
          "SELECT count(*)::text FROM deposit.cheque_alarm",
          "SELECT count(*) || coalesce(md5(string_agg(s::text, '' ORDER BY coin_id, ticks)), '')"
          " FROM deposit.cheque_spend s",
          "SELECT count(*) || coalesce(md5(string_agg(v::text, '' ORDER BY terms_digest)), '')"
          " FROM deposit.voided_terms v",
          "SELECT count(*)::text FROM deposit.payee", "SELECT count(*)::text FROM deposit.terminal",
          "SELECT count(*) || '/' || coalesce(sum(id), 0) FROM ledger.posting",
          "SELECT count(*) || '/' || coalesce(sum(abs(amount)), 0) FROM ledger.entry"}) {
      CAFE_ASSIGN_OR_RETURN(const storage::Rows rows, tx.query(query));
      absl::StrAppend(&all, rows.front().get<std::string>(0), " ");
    }
    return all;
  }));
}

protocol::Receipt BackEnd::receipt(const v1::DepositResponse& response) {
  const auto certificate = must(protocol::open_key_certificate(
      must(protocol::SignedDocument::decode(view_of(response.key_certificate()))), shop.anchors,
      protocol::kPurposeDeposit, shop.now_s));
  const auto document = must(protocol::SignedDocument::decode(view_of(response.receipt())));
  must(document.check(certificate.key));
  return must(protocol::Receipt::decode(document.frame));
}

InProcess::InProcess(const BackEnd& back_end, const platform::Clock& clock,
                     const DepositOptions& options)
    : service_(back_end.service_options()), host_(service_, clock) {
  must(set_up(host_, options));
  must(host_.start());
  host_.set_ready(true);
}

OwnProcess::OwnProcess(const BackEnd& back_end, const DepositOptions& options,
                       const std::string& failpoints) {
  const platform::ServiceOptions service = back_end.service_options();
  static std::atomic<int> count = 0;  // a killed one's port file stays behind
  const std::string port_file =
      (back_end.folder.path() / absl::StrCat("ports-", ++count, ".json")).string();
  std::vector<std::string> command = {absl::StrCat(CAFE_BINARY_DIR, "/bin/cafe-deposit"),
                                      "--insecure",
                                      "--listen",
                                      service.listen,
                                      "--port-file",
                                      port_file,
                                      "--database-url",
                                      service.database_url,
                                      "--issuer-id",
                                      service.issuer_id,
                                      "--trust",
                                      options.trust,
                                      "--signing-key",
                                      options.signing_key,
                                      "--doublespend",
                                      options.doublespend,
                                      "--withdrawal",
                                      options.withdrawal,
                                      "--sweep-interval-ms",
                                      absl::StrCat(options.sweep_interval_ms),
                                      "--sweep-after-ms",
                                      absl::StrCat(options.sweep_after_ms)};
  if (!failpoints.empty()) command.insert(command.end(), {"--failpoints", failpoints});
  process_ = must(Subprocess::start(
      {.command = std::move(command), .output = back_end.folder.path() / "service.log"}));
  const std::string ports = must(process_->read_when_written(port_file, std::chrono::seconds(30)));
  const size_t at = ports.find("\"grpc\":") + 7;
  if (!absl::SimpleAtoi(ports.substr(at, ports.find_first_of(",}", at) - at), &port_)) {
    ADD_FAILURE() << "no port in " << ports;
  }
}

}  // namespace cafe::deposit::testing
