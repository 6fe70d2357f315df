#include "services/withdrawal/issuer_fixture.h"

#include <fstream>

#include "libs/platform/client.h"
#include "libs/platform/grpc_status.h"
#include "libs/storage/ledger.h"

namespace cafe::withdrawal {

using protocol::Bytes;
using protocol::view_of;
using storage::Rows;
using testing::kDay_s;
using testing::kWorldNow_s;
using testing::World;

absl::Status call(absl::FunctionRef<grpc::Status(grpc::ClientContext*)> rpc) {
  grpc::ClientContext context;
  return platform::from_grpc(rpc(&context), context);
}

void must(const absl::Status& status) { must(status.ok() ? absl::StatusOr<int>(0) : status); }

namespace {

/// The same denomination with all its dates moved by as much.
protocol::DenominationKey moved(const protocol::DenominationKey& key, uint64_t by_s) {
  protocol::Denomination d = key.denomination;
  for (uint64_t* date :
       {&d.withdraw_from, &d.withdraw_until, &d.spend_until, &d.deposit_until, &d.claim_until}) {
    *date += by_s;
  }
  return must(protocol::DenominationKey::create(d, key.x));
}

std::unique_ptr<v1::Withdrawal::Stub> connect_stub(int port, const platform::TlsOptions& tls) {
  return v1::Withdrawal::NewStub(
      must(platform::connect("127.0.0.1:" + std::to_string(port), "withdrawal", tls)));
}

}  // namespace

TestIssuer::TestIssuer(uint64_t now_s, testing::PrivatePostgresOptions options_in)
    : market("withdrawal"),
      coin(moved(market.coin, now_s - kWorldNow_s)),
      split_coin(moved(market.split_coin, now_s - kWorldNow_s)),
      cheque(moved(market.cheque, now_s - kWorldNow_s)),
      list(market.list),
      postgres(must(testing::PrivatePostgres::start(std::move(options_in)))),
      redis(must(testing::PrivateRedis::start())),
      now_s_(now_s) {
  list.issued_at += now_s - kWorldNow_s;
  list.denominations = {coin.denomination, split_coin.denomination, cheque.denomination};
  must(postgres->migrate());
  admin_ = must(storage::Database::open({.url = postgres->url()}));
  operator_ = must(storage::Database::open({.url = postgres->url("cafe_operator")}));
  publish();
  write_key_files();
}

void TestIssuer::write_key_files() {
  const auto file = [this](const char* name) { return (folder_.path() / name).string(); };
  options = {.trust = file("trust.json"),
             .denomination_keys = file("denominations.json"),
             .signing_key = file("withdrawal.json"),
             .load_key = file("load.json"),
             .key_certificates = file("certificates"),
             .registrations_per_minute = 0,
             .orders_per_minute = 0};
  must(storage::save_trust(options.trust, market.anchors));
  storage::DenominationSecrets secrets{list.issuer_id, market.rng.seed(), {}};
  for (const auto* key : {&coin, &split_coin, &cheque}) {
    secrets.keys.emplace_back(key->denomination.H, key->x);
  }
  must(storage::save_denomination_secrets(options.denomination_keys, secrets));
  const auto certify = [this](const protocol::SigningKey& key, std::string_view purpose) {
    const protocol::KeyCertificate certificate{list.issuer_id, std::string(purpose),
                                               key.public_key(), now_s_ - kDay_s,
                                               now_s_ + 180 * kDay_s};
    return std::pair(protocol::SignedDocument::sign(certificate.encode(), market.master_key),
                     certificate);
  };
  const auto [document, certificate] = certify(market.withdrawal_key, protocol::kPurposeWithdrawal);
  must(storage::save_online_key(options.signing_key,
                                {market.withdrawal_key, document, certificate}));
  // Made once for all: an RSA key takes its time, and each market's master key is the same one.
  static const storage::LoadSigningKey load =
      must(storage::make_load_key(list.issuer_id, market.master_key));
  must(storage::save_load_key_file(options.load_key, load));
  std::filesystem::create_directory(options.key_certificates);
  const auto deposit = certify(market.deposit_key, protocol::kPurposeDeposit).first;
  must(storage::write_file(options.key_certificates + "/deposit.cert",
                           protocol::to_hex(deposit.encode()) + "\n"));
}

void TestIssuer::publish() {
  signed_list = protocol::SignedDocument::sign(list.encode(), market.master_key);
  must(try_publish(list.number, signed_list));
}

absl::Status TestIssuer::try_publish(uint32_t number, const protocol::SignedDocument& document) {
  Bytes denominations;
  CAFE_ASSIGN_OR_RETURN(const auto contents, protocol::DenominationList::decode(document.frame));
  for (const protocol::Denomination& d : contents.denominations) {
    protocol::append(denominations, d.id());
    protocol::append(denominations, d.H.bytes());
  }
  return operator_->transaction({}, [&](Transaction& tx) {
    return tx
        .query("SELECT withdrawal.publish_list($1, $2, $3, $4)", number, document.digest(),
               document.encode(), denominations)
        .status();
  });
}

void TestIssuer::fund(const protocol::AccountId& account, uint64_t amount) {
  const auto ledger = storage::make_postgres_ledger();
  const Bytes reference = protocol::to_bytes(market.rng.array<16>());
  const auto value = static_cast<int64_t>(amount);
  must(operator_->transaction({}, [&](Transaction& tx) {
    return ledger
        ->post(tx, {.kind = "funding",
                    .reference = reference,
                    .lines = {{{"cash", {}, "EUR"}, -value},
                              {{"customer", protocol::to_bytes(account), "EUR"}, value}}})
        .status();
  }));
}

int64_t TestIssuer::balance(const protocol::AccountId& account) {
  const auto ledger = storage::make_postgres_ledger();
  return must(operator_->transaction({.idempotent = true}, [&](Transaction& tx) {
    return ledger->balance(tx, {"customer", protocol::to_bytes(account), "EUR"});
  }));
}

void TestIssuer::renew_lineage() {
  must(operator_->transaction({}, [&](Transaction& tx) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(const auto run, storage::read_incarnation(tx));
    return tx
        .query("SELECT withdrawal.renew_lineage($1, $2, $3, $4)",
               static_cast<int64_t>(run.system_identifier), run.timeline, run.postmaster_start_us,
               market.rng.array<16>())
        .status();
  }));
}

std::string TestIssuer::rows() {
  return must(admin_->transaction(
      {.isolation = storage::Isolation::kRepeatableRead, .read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<std::string> {
        CAFE_ASSIGN_OR_RETURN(
            Rows tables, tx.query("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
                                  "WHERE schemaname IN ('withdrawal', 'ledger') ORDER BY 1"));
        std::string all;
        for (const storage::Row table : tables) {
          const std::string name = table.get<std::string>(0);
          CAFE_ASSIGN_OR_RETURN(
              Rows content, tx.query("SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, "
                                     "'|' ORDER BY t::text)), '') FROM " +
                                     name + " t"));
          all += name + " " + content.front().get<std::string>(0) + "\n";
        }
        return all;
      }));
}

int64_t TestIssuer::count(const std::string& from_where) {
  return must(admin_->transaction(
      {.read_only = true, .idempotent = true}, [&](Transaction& tx) -> absl::StatusOr<int64_t> {
        CAFE_ASSIGN_OR_RETURN(Rows rows, tx.query("SELECT count(*) FROM " + from_where));
        return rows.front().get<int64_t>(0);
      }));
}

std::string TestIssuer::audit() {
  return must(admin_->transaction(
      {.isolation = storage::Isolation::kRepeatableRead, .read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<std::string> {
        std::string wrong;
        CAFE_ASSIGN_OR_RETURN(const auto found, storage::audit_ledger(tx));
        for (const auto& d : found) wrong += d.check + " " + d.subject + " " + d.detail + "\n";
        // What was issued is what the ledger says is outstanding, denomination by denomination.
        CAFE_ASSIGN_OR_RETURN(
            Rows rows,
            tx.query("SELECT encode(coalesce(i.denom_id, l.owner), 'hex'), i.value, l.amount FROM "
                     "(SELECT denom_id, sum(value) AS value FROM withdrawal.issued GROUP BY 1) i "
                     "FULL JOIN (SELECT a.owner, sum(b.amount) AS amount FROM ledger.account a "
                     "JOIN ledger.balance b ON b.account_id = a.id WHERE a.kind = 'coins' "
                     "GROUP BY 1) l ON l.owner = i.denom_id "
                     "WHERE coalesce(i.value, 0) <> coalesce(l.amount, 0)"));
        for (const auto row : rows) wrong += "issued " + row.get<std::string>(0) + "\n";
        // What guardians were loaded with is there for their cheques, and blank ones are counted.
        CAFE_ASSIGN_OR_RETURN(
            rows, tx.query("SELECT (SELECT coalesce(sum(amount), 0) FROM withdrawal.load) - "
                           "(SELECT coalesce(sum(b.amount), 0) FROM ledger.account a JOIN "
                           "ledger.balance b ON b.account_id = a.id WHERE a.kind = 'cheques')"));
        if (rows.front().get<int64_t>(0) != 0) wrong += "loads\n";
        CAFE_ASSIGN_OR_RETURN(
            rows, tx.query("SELECT count(*) FROM withdrawal.issued i FULL JOIN "
                           "withdrawal.blank_cheque b USING (account_id, n, denom_id) "
                           "WHERE (coalesce(i.value, 1) = 0) <> (b.worth IS NOT NULL)"));
        if (rows.front().get<int64_t>(0) != 0) wrong += "blank cheques\n";
        CAFE_ASSIGN_OR_RETURN(
            rows, tx.query("SELECT encode(a.account_id, 'hex') FROM withdrawal.account a WHERE "
                           "a.last_load <> (SELECT coalesce(max(l.sequence), 0) FROM "
                           "withdrawal.load l WHERE l.account_id = a.account_id)"));
        for (const auto row : rows) wrong += "loads " + row.get<std::string>(0) + "\n";
        // The head of each chain is its last completed order.
        CAFE_ASSIGN_OR_RETURN(
            rows, tx.query("SELECT encode(a.account_id, 'hex') FROM withdrawal.account a WHERE "
                           "a.last_order <> (SELECT coalesce(max(c.n), 0) FROM "
                           "withdrawal.completed_order c WHERE c.account_id = a.account_id)"));
        for (const auto row : rows) wrong += "chain " + row.get<std::string>(0) + "\n";
        return wrong;
      }));
}

InProcess::InProcess(TestIssuer& issuer, const platform::Clock& clock,
                     std::optional<WithdrawalOptions> options, const platform::TlsOptions& tls)
    : common_{.service = "withdrawal",
              .listen = "127.0.0.1:0",
              .tls = tls,
              .database_url = issuer.postgres->url("cafe_withdrawal"),
              .redis_url = issuer.redis->address(),
              .issuer_id = issuer.list.issuer_id},
      host_(std::make_unique<platform::ServiceHost>(common_, clock)) {
  must(set_up(*host_, options.value_or(issuer.options)));
  must(host_->start());
  host_->set_ready(true);
  stub_ = connect(tls);
}

std::unique_ptr<v1::Withdrawal::Stub> InProcess::connect(const platform::TlsOptions& tls) const {
  return connect_stub(host_->grpc_port(), tls);
}

ChildProcess::ChildProcess(TestIssuer& issuer, const std::string& failpoints) {
  const std::filesystem::path port_file = issuer.folder() / "port.json";
  std::filesystem::remove(port_file);
  testing::Subprocess::Options start{
      .command = {std::string(CAFE_BINARY_DIR) + "/bin/cafe-withdrawal", "--insecure",
                  "--listen=127.0.0.1:0", "--port-file=" + port_file.string(),
                  "--database-url=" + issuer.postgres->url("cafe_withdrawal"),
                  "--redis-url=" + issuer.redis->address(), "--issuer-id=" + issuer.list.issuer_id,
                  "--trust=" + issuer.options.trust,
                  "--denomination-keys=" + issuer.options.denomination_keys,
                  "--signing-key=" + issuer.options.signing_key,
                  "--load-key=" + issuer.options.load_key},
      .output = issuer.folder() / "withdrawal.log"};
  if (!failpoints.empty()) start.command.push_back("--failpoints=" + failpoints);
  process_ = must(testing::Subprocess::start(std::move(start)));
  const std::string ports = must(process_->read_when_written(port_file, std::chrono::seconds(30)));
  stub_ = connect_stub(std::stoi(ports.substr(ports.find("\"grpc\":") + 7)), {.insecure = true});
}

void ChildProcess::expect_crash() {
  const auto code = process_->wait(std::chrono::seconds(30));
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 128 + SIGKILL);
}

void ChildProcess::terminate() {
  const auto code = process_->terminate();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0) << process_->output();
}

absl::Status Wallet::prepare_registration(Stub& stub) {
  v1::BeginRegistrationResponse begun;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.BeginRegistration(c, {}, &begun); }));
  CAFE_ASSIGN_OR_RETURN(const auto nonce, protocol::to_array<32>(view_of(begun.nonce())));
  const protocol::Scalar o2 = issuer_.market.rng.scalar();
  CAFE_ASSIGN_OR_RETURN(const auto draft,
                        protocol::RegistrationDraft::begin(world.identity, issuer_.list.issuer_id,
                                                           nonce, world.guardian_certificate,
                                                           *protocol::multiply(o2, protocol::g1()),
                                                           issuer_.market.rng));
  CAFE_ASSIGN_OR_RETURN(world.registration,
                        draft.finish(draft.guardian_challenge() * world.guardian.o_coin + o2));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Wallet::send_registration(Stub& stub) {
  v1::RegisterRequest request;
  request.set_registration_file(protocol::to_string(world.registration.encode()));
  v1::RegisterResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Register(c, request, &response); }));
  return response.receipt();
}

void Wallet::join(Stub& stub, uint64_t funds) {
  must(prepare_registration(stub));
  must(send_registration(stub));
  if (funds > 0) issuer_.fund(account(), funds);
}

protocol::OpenRequest Wallet::open_request(std::vector<protocol::OrderLine> lines) const {
  return {issuer_.list.issuer_id,       account(),       next_order, issuer_.list.number,
          issuer_.signed_list.digest(), std::move(lines)};
}

absl::StatusOr<protocol::OpenAnswer> Wallet::open(Stub& stub,
                                                  const protocol::OpenRequest& request) const {
  CAFE_ASSIGN_OR_RETURN(const std::string answer,
                        call_open(stub, protocol::SignedDocument::sign(request.encode(), key())));
  CAFE_ASSIGN_OR_RETURN(auto opened, protocol::OpenAnswer::decode(view_of(answer)));
  CAFE_RETURN_IF_ERROR(protocol::check_open_answer(request, opened));
  return opened;
}

absl::StatusOr<protocol::OpenAnswer> Wallet::open(Stub& stub,
                                                  std::vector<protocol::OrderLine> lines) const {
  return open(stub, open_request(std::move(lines)));
}

PreparedOrder Wallet::prepare(const protocol::OpenAnswer& opened,
                              const protocol::Seed& seed) const {
  PreparedOrder prepared{{opened, {}, {}}, {}, {}};
  std::vector<protocol::Point> all_B_O;
  for (uint32_t line = 0; line < opened.lines.size(); ++line) {
    const protocol::Denomination* denomination = nullptr;
    for (const auto& d : issuer_.list.denominations) {
      if (d.id() == opened.lines[line].denom_id) denomination = &d;
    }
    for (uint32_t i = 0; i < opened.lines[line].coins.size(); ++i) {
      auto slots = issuer_.market.make_slots(*denomination);
      protocol::CoinPlace place{line, i, testing::points_of_slots(slots)};
      all_B_O.insert(all_B_O.end(), place.B_O.begin(), place.B_O.end());
      auto blinded =
          must(protocol::wallet_blind(seed, opened, place, *denomination,
                                      protocol::m_for(denomination->kind, world.account.points),
                                      world.guardian_point(denomination->kind)));
      prepared.order.challenges.push_back(blinded.challenges());
      prepared.coins.push_back({std::move(place), std::move(slots), std::move(blinded)});
    }
  }
  prepared.order.attachment = protocol::seal_attachment(seed, opened, all_B_O, issuer_.market.rng);
  prepared.document = protocol::SignedDocument::sign(prepared.order.encode(), key());
  return prepared;
}

absl::StatusOr<std::string> Wallet::complete(Stub& stub, const PreparedOrder& prepared) const {
  return call_complete(stub, protocol::to_string(prepared.document.encode()));
}

absl::StatusOr<std::vector<testing::WithdrawnCoin>> Wallet::unblind(
    const PreparedOrder& prepared, const std::string& bytes) const {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(view_of(bytes)));
  CAFE_RETURN_IF_ERROR(document.check(issuer_.market.withdrawal_key.public_key()));
  CAFE_ASSIGN_OR_RETURN(const auto completion, protocol::Completion::decode(document.frame));
  if (completion.order_digest != prepared.document.digest() ||
      completion.responses.size() != prepared.coins.size()) {
    return absl::InternalError("the completion is not for this order");
  }
  std::vector<testing::WithdrawnCoin> coins;
  for (size_t n = 0; n < prepared.coins.size(); ++n) {
    const CoinInOrder& half = prepared.coins[n];
    const protocol::OpenedLine& line = prepared.order.opened.lines[half.place.line];
    for (const auto& denomination : issuer_.list.denominations) {
      if (denomination.id() != line.denom_id) continue;
      CAFE_ASSIGN_OR_RETURN(auto coin, protocol::wallet_unblind(
                                           half.blinded, denomination,
                                           protocol::m_for(denomination.kind, world.account.points),
                                           line, half.place.i, completion.responses[n]));
      CAFE_RETURN_IF_ERROR(protocol::check_coin(coin, denomination));
      coins.push_back({std::move(coin), denomination, half.blinded, half.slots, half.place.B_O,
                       line, half.place.i, completion.responses[n]});
    }
  }
  return coins;
}

absl::StatusOr<std::vector<testing::WithdrawnCoin>> Wallet::withdraw(
    Stub& stub, std::vector<protocol::OrderLine> lines) {
  CAFE_ASSIGN_OR_RETURN(const auto opened, open(stub, std::move(lines)));
  const PreparedOrder prepared = prepare(opened);
  CAFE_ASSIGN_OR_RETURN(const std::string completion, complete(stub, prepared));
  ++next_order;
  return unblind(prepared, completion);
}

protocol::LoadOrder Wallet::load_order(uint64_t amount, uint64_t sequence) const {
  return {issuer_.list.issuer_id, account(), "EUR", amount, sequence};
}

absl::StatusOr<std::string> Wallet::load(Stub& stub, const protocol::LoadOrder& order) const {
  return call_load(stub, protocol::SignedDocument::sign(order.encode(), key()));
}

absl::StatusOr<std::string> Wallet::find_load(Stub& stub, uint64_t sequence) const {
  const protocol::LoadQuery query{issuer_.list.issuer_id, account(), sequence};
  v1::GetLoadRequest request;
  request.set_query(
      protocol::to_string(protocol::SignedDocument::sign(query.encode(), key()).encode()));
  v1::GetLoadResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.GetLoad(c, request, &response); }));
  return response.loaded();
}

absl::StatusOr<v1::VoidOrderResponse> Wallet::ask_void(Stub& stub, uint64_t order,
                                                       uint64_t time_slot) const {
  const protocol::VoidedOrder voided{issuer_.list.issuer_id, account(), order, time_slot};
  v1::VoidOrderRequest request;
  request.set_void_request(
      protocol::to_string(protocol::SignedDocument::sign(voided.encode_request(), key()).encode()));
  v1::VoidOrderResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Void(c, request, &response); }));
  return response;
}

bool Wallet::is_void_statement(const std::string& statement, uint64_t order,
                               uint64_t time_slot) const {
  const auto document = protocol::SignedDocument::decode(view_of(statement));
  if (!document.ok() || !document->check(issuer_.market.withdrawal_key.public_key()).ok()) {
    return false;
  }
  const auto voided = protocol::VoidedOrder::decode_statement(document->frame);
  return voided.ok() &&
         *voided == protocol::VoidedOrder{issuer_.list.issuer_id, account(), order, time_slot};
}

absl::StatusOr<std::string> call_load(Stub& stub, const protocol::SignedDocument& order) {
  v1::LoadRequest request;
  request.set_order(protocol::to_string(order.encode()));
  v1::LoadResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Load(c, request, &response); }));
  return response.loaded();
}

absl::StatusOr<std::string> call_open(Stub& stub, const protocol::SignedDocument& document) {
  return call_open(stub, protocol::to_string(document.encode()));
}

absl::StatusOr<std::string> call_open(Stub& stub, const std::string& document) {
  v1::OpenOrderRequest request;
  request.set_open(document);
  v1::OpenOrderResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Open(c, request, &response); }));
  return response.answer();
}

absl::StatusOr<std::string> call_complete(Stub& stub, const std::string& document) {
  v1::CompleteOrderRequest request;
  request.set_order(document);
  v1::CompleteOrderResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Complete(c, request, &response); }));
  return response.completion();
}

absl::StatusOr<v1::GetDenominationsResponse> call_denominations(Stub& stub, uint32_t number) {
  v1::GetDenominationsRequest request;
  request.set_list_number(number);
  v1::GetDenominationsResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.GetDenominations(c, request, &response); }));
  return response;
}

}  // namespace cafe::withdrawal
