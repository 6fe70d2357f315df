#include "tests/integration/valid_requests.h"

#include <cafe/v1/deposit.pb.h>
#include <cafe/v1/doublespend.pb.h>
#include <cafe/v1/withdrawal.pb.h>

#include <chrono>

#include "device-sim/host/encounter.h"
#include "device-sim/simulator/devices.h"
#include "libs/protocol/deposit.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/holder.h"
#include "libs/protocol/load_order.h"
#include "libs/protocol/slot_rows.h"
#include "libs/protocol/spend_rows.h"

namespace cafe::testing {
namespace {

using protocol::Bytes;
using protocol::ByteView;

uint64_t now_ms() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

absl::Status failed(const std::string& what) {
  return protocol::make_error(absl::StatusCode::kInternal, "VALID_REQUESTS", what);
}

// What a wallet signs that the issuer does not keep.
struct SignedByWallet {
  Bytes open;          // of the next order, which is never completed
  Bytes void_request;  // of a completed order
};

absl::StatusOr<std::unique_ptr<host::Backend>> connect(const Cluster& cluster,
                                                       host::Latencies& latencies) {
  return host::Backend::connect({.withdrawal_address = cluster.address("withdrawal"),
                                 .deposit_address = cluster.address("deposit"),
                                 .doublespend_address = cluster.address("doublespend"),
                                 .tls_ca = cluster.file("tls/ca.pem"),
                                 .operator_cert = {},
                                 .operator_key = {}},
                                latencies);
}

absl::Status fund(Cluster& cluster, const protocol::AccountId& account) {
  return cluster
      .cafectl({"account", "fund", "--account", account.hex(), "--currency", "EUR", "--amount",
                "100000", "--reference", "malformed"})
      .status();
}

absl::StatusOr<SignedByWallet> use_wallet(Cluster& cluster) {
  host::Latencies latencies;
  CAFE_ASSIGN_OR_RETURN(const auto backend, connect(cluster, latencies));
  CAFE_ASSIGN_OR_RETURN(const auto anchors, host::read_trust(cluster.trust()));
  CAFE_ASSIGN_OR_RETURN(const auto manufacturer,
                        host::read_signing_key(cluster.file("manufacturer.key")));
  CAFE_ASSIGN_OR_RETURN(
      const auto device,
      simulator::WalletDevice::make("malformed", {.issuer_id = kClusterIssuer, .anchors = anchors},
                                    manufacturer));
  CAFE_ASSIGN_OR_RETURN(const auto issuer, backend->denominations());
  wallet::Wallet& wallet = device->firmware();
  CAFE_RETURN_IF_ERROR(wallet.accept_list(issuer.list));
  for (const Bytes& certificate : issuer.key_certificates)
    (void)wallet.accept_key_certificate(certificate, now_ms() / 1000);  // some are not for wallets
  CAFE_ASSIGN_OR_RETURN(const auto nonce, backend->begin_registration());
  CAFE_ASSIGN_OR_RETURN(const Bytes file, wallet.begin_registration(nonce));
  CAFE_ASSIGN_OR_RETURN(const Bytes receipt, backend->register_wallet(file));
  CAFE_RETURN_IF_ERROR(wallet.on_registration_receipt(receipt));
  CAFE_ASSIGN_OR_RETURN(const auto account, wallet.account());
  CAFE_RETURN_IF_ERROR(fund(cluster, account));
  CAFE_ASSIGN_OR_RETURN(const auto shop, simulator::Shop::make(cluster.terminal_file(0), anchors));
  CAFE_RETURN_IF_ERROR(shop->terminal().accept_list(issuer.list));
  CAFE_RETURN_IF_ERROR(
      host::show_lists(device->firmware(), shop->terminal(), {}, "malformed", now_ms()));

  std::vector<protocol::OrderLine> lines;
  for (const protocol::Denomination& denomination : wallet.list()->denominations) {
    if (denomination.currency == "EUR" && denomination.kind == protocol::Kind::kCoin)
      lines.push_back({denomination.id(), 2});
  }
  SignedByWallet out;
  CAFE_ASSIGN_OR_RETURN(const Bytes open, wallet.start_order(lines, now_ms() / 1000));
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, backend->open_order(open));
  CAFE_ASSIGN_OR_RETURN(const Bytes order, wallet.on_open_answer(answer, now_ms() / 1000));
  CAFE_ASSIGN_OR_RETURN(out.void_request, wallet.void_request());
  CAFE_ASSIGN_OR_RETURN(const Bytes completion, backend->complete_order(order));
  CAFE_RETURN_IF_ERROR(wallet.on_completion(completion).status());
  CAFE_ASSIGN_OR_RETURN(out.open, wallet.start_order(lines, now_ms() / 1000));
  return out;
}

// What a holder signs who loads her guardian and pays money back; what changes something has
// happened already.
struct SignedByHolder {
  Bytes load_order;
  Bytes load_query;
  Bytes deposit_order;
  std::vector<Bytes> payments;
  Bytes credential;
};

// That of a registration, with the certificate of the key that signed it.
absl::StatusOr<Bytes> credential_of(const protocol::SignedDocument& receipt,
                                    const std::vector<Bytes>& certificates,
                                    const protocol::TrustAnchors& anchors) {
  for (const Bytes& bytes : certificates) {
    CAFE_ASSIGN_OR_RETURN(const auto certificate, protocol::SignedDocument::decode(bytes));
    const protocol::HolderCredential credential{certificate, receipt};
    if (credential.open(anchors).ok()) return credential.encode();
  }
  return failed("no certificate of the key that signed the registration");
}

// A holder without a device: her guardian and her wallet are the library's functions.
absl::StatusOr<SignedByHolder> use_holder(Cluster& cluster) {
  host::Latencies latencies;
  CAFE_ASSIGN_OR_RETURN(const auto backend, connect(cluster, latencies));
  CAFE_ASSIGN_OR_RETURN(const auto manufacturer,
                        host::read_signing_key(cluster.file("manufacturer.key")));
  protocol::SeededRng rng("malformed holder");
  const protocol::GuardianKeys guardian{rng.scalar(), rng.scalar()};
  const auto point = [](const protocol::Scalar& o) {
    return *protocol::multiply(o, protocol::g1());
  };
  const protocol::GuardianCertificate certificate{protocol::Serial{rng.array<16>()},
                                                  point(guardian.o_coin), point(guardian.o_cheque)};
  CAFE_ASSIGN_OR_RETURN(const auto identity,
                        protocol::WalletIdentity::derive(rng.seed(), kClusterIssuer, certificate));
  CAFE_ASSIGN_OR_RETURN(const auto nonce, backend->begin_registration());
  const protocol::Scalar o2 = rng.scalar();
  CAFE_ASSIGN_OR_RETURN(
      const auto draft,
      protocol::RegistrationDraft::begin(
          identity, kClusterIssuer, nonce,
          protocol::SignedDocument::sign(certificate.encode(), manufacturer), point(o2), rng));
  CAFE_ASSIGN_OR_RETURN(const auto file,
                        draft.finish(draft.guardian_challenge() * guardian.o_coin + o2));
  CAFE_ASSIGN_OR_RETURN(const Bytes receipt, backend->register_wallet(file.encode()));
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(receipt));
  CAFE_ASSIGN_OR_RETURN(const auto registered,
                        protocol::RegistrationReceipt::decode(document.frame));
  CAFE_RETURN_IF_ERROR(fund(cluster, registered.account));

  const auto sign = [&](Bytes frame) {
    return protocol::SignedDocument::sign(std::move(frame), identity.account_key).encode();
  };
  const std::string issuer_id(kClusterIssuer);
  SignedByHolder out{
      sign(protocol::LoadOrder{issuer_id, registered.account, "EUR", 2'500, 1}.encode()),
      sign(protocol::LoadQuery{issuer_id, registered.account, 1}.encode()),
      {},
      {},
      {}};
  CAFE_RETURN_IF_ERROR(backend->load(out.load_order).status());

  // What she pays back is no payment, and is refused as such: her order is answered all the same.
  out.payments = {protocol::to_bytes(protocol::view_of("no payment"))};
  CAFE_ASSIGN_OR_RETURN(const auto anchors, host::read_trust(cluster.trust()));
  CAFE_ASSIGN_OR_RETURN(const auto issuer, backend->denominations());
  CAFE_ASSIGN_OR_RETURN(out.credential, credential_of(document, issuer.key_certificates, anchors));
  out.deposit_order =
      sign(protocol::DepositOrder{issuer_id, protocol::holder_payee_id(registered.account),
                                  protocol::holder_terminal_id(registered.account), rng.array<16>(),
                                  protocol::payments_digest(out.payments)}
               .encode());
  CAFE_RETURN_IF_ERROR(backend->deposit(out.deposit_order, out.payments, out.credential).status());
  return out;
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
    auto get = std::make_shared<v1::GetCaseRequest>();
    get->set_number(archive_.number("number", "coinstore.cases ORDER BY number"));
    add("doublespend", "DoubleSpend/GetCase", "operator", get);
    auto list = std::make_shared<v1::ListCasesRequest>();
    list->set_limit(10);
    add("doublespend", "DoubleSpend/ListCases", "operator", list);
  }

 private:
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
  return requests.take();
}

}  // namespace cafe::testing
