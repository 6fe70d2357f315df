#include "services/withdrawal/issuer_fixture.h"

#include <fstream>

#include "libs/platform/client.h"
#include "libs/storage/ledger.h"

namespace cafe::withdrawal {

using protocol::Bytes;
using protocol::view_of;
using storage::Rows;
using testing::kDay_s;
using testing::kWorldNow_s;
using testing::World;

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

void TestIssuer::fund(const protocol::AccountId& account, uint64_t amount,
                      const std::string& currency) {
  const auto ledger = storage::make_postgres_ledger();
  const Bytes reference = protocol::to_bytes(market.rng.array<16>());
  const auto value = static_cast<int64_t>(amount);
  must(operator_->transaction({}, [&](Transaction& tx) {
    return ledger
        ->post(tx, {.kind = "funding",
                    .reference = reference,
                    .lines = {{{"cash", {}, currency}, -value},
                              {{"customer", protocol::to_bytes(account), currency}, value}}})
        .status();
  }));
}

int64_t TestIssuer::balance(const protocol::AccountId& account, const std::string& currency) {
  const auto ledger = storage::make_postgres_ledger();
  return must(operator_->transaction({.idempotent = true}, [&](Transaction& tx) {
    return ledger->balance(tx, {"customer", protocol::to_bytes(account), currency});
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
        // A lost account is closed, and stands where its statement says.
        CAFE_ASSIGN_OR_RETURN(
            rows, tx.query("SELECT encode(a.account_id, 'hex') FROM withdrawal.account a JOIN "
                           "withdrawal.loss l USING (account_id) WHERE a.closed_at IS NULL OR "
                           "l.last_order <> a.last_order OR l.last_load <> a.last_load"));
        for (const auto row : rows) wrong += "loss " + row.get<std::string>(0) + "\n";
        // Each move was posted, from the lost account to its successor, and nothing else was.
        CAFE_ASSIGN_OR_RETURN(
            rows,
            tx.query("SELECT count(*) FROM (SELECT m.lost || int8send(m.number) || "
                     "m.currency::bytea AS reference, m.currency, m.lost, r.successor, m.amount "
                     "FROM withdrawal.replacement_move m JOIN withdrawal.replacement r USING "
                     "(lost)) m FULL JOIN (SELECT p.reference, f.currency, f.owner AS lost, "
                     "t.owner AS successor, c.amount FROM ledger.posting p "
                     "JOIN ledger.entry c ON c.posting_id = p.id AND c.amount > 0 "
                     "JOIN ledger.entry d ON d.posting_id = p.id AND d.amount < 0 "
                     "JOIN ledger.account t ON t.id = c.account_id "
                     "JOIN ledger.account f ON f.id = d.account_id "
                     "WHERE p.kind = 'replacement') p "
                     "USING (reference, currency, lost, successor, amount) "
                     "WHERE (m IS NULL) OR (p IS NULL)"));
        if (rows.front().get<int64_t>(0) != 0) wrong += "moves\n";
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
  must(start(issuer, failpoints));
}

std::unique_ptr<ChildProcess> ChildProcess::try_start(TestIssuer& issuer,
                                                      const std::string& failpoints) {
  std::unique_ptr<ChildProcess> child(new ChildProcess);
  if (child->start(issuer, failpoints).ok()) return child;
  child->expect_crash();
  return nullptr;
}

absl::Status ChildProcess::start(TestIssuer& issuer, const std::string& failpoints) {
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
  CAFE_ASSIGN_OR_RETURN(process_, testing::Subprocess::start(std::move(start)));
  CAFE_ASSIGN_OR_RETURN(const std::string ports,
                        process_->read_when_written(port_file, std::chrono::seconds(30)));
  stub_ = connect_stub(std::stoi(ports.substr(ports.find("\"grpc\":") + 7)), {.insecure = true});
  return absl::OkStatus();
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

}  // namespace cafe::withdrawal
