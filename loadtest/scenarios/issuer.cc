#include "loadtest/scenarios/issuer.h"

#include <cafe/v1/withdrawal.pb.h>

#include <cstdio>
#include <semaphore>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "libs/protocol/loadtest_key.h"
#include "libs/storage/key_files.h"

namespace cafe::loadtest {

using protocol::Denomination;
using protocol::view_of;

uint64_t now_ms() { return static_cast<uint64_t>(absl::ToUnixMillis(absl::Now())); }

absl::StatusOr<protocol::Bytes> SignedAnswers::open(const Issuer& issuer, std::string_view document,
                                                    std::string_view key_certificate) {
  CAFE_ASSIGN_OR_RETURN(auto signed_document, protocol::SignedDocument::decode(view_of(document)));
  if (opened_++ % kCheckEvery == 0) {
    CAFE_ASSIGN_OR_RETURN(const auto key_document,
                          protocol::SignedDocument::decode(view_of(key_certificate)));
    CAFE_ASSIGN_OR_RETURN(
        const auto key,
        protocol::open_key_certificate(key_document, issuer.anchors, purpose_, now_ms() / 1000));
    CAFE_RETURN_IF_ERROR(signed_document.check(key.key));
  }
  return std::move(signed_document.frame);
}

void add_issuer_options(CLI::App& command, IssuerOptions& options) {
  const auto option = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->capture_default_str();
  };
  option("--issuer-id", options.issuer_id, "The issuer")->required();
  option("--trust", options.trust, "trust.json")->required()->check(CLI::ExistingFile);
  option("--withdrawal", options.withdrawal, "Address of the withdrawal service, host:port")
      ->required();
  option("--deposit", options.deposit, "Address of the deposit service");
  option("--doublespend", options.doublespend, "Address of the double-spend service");
  option("--tls-ca", options.tls.ca, "PEM file of the CA that names the services");
  option("--tls-cert", options.tls.cert,
         "PEM file of a service's certificate, for methods that are for services only");
  option("--tls-key", options.tls.key, "PEM file of its key");
  option("--insecure", options.tls.insecure, "Plaintext");
  option("--connections", options.connections, "TCP connections to each service")
      ->check(CLI::Range(1, 1024));
  option("--timeout-ms", options.timeout_ms, "Of each call")->check(CLI::Range(1, 600'000));
  option("--terminal", options.terminals,
         "A terminal's file, as `cafectl terminal enrol` writes it; may be repeated");
  option("--manufacturer-key", options.manufacturer_key,
         "The manufacturer's key file: guardians are made here");
  option("--fund-command", options.fund_command,
         "Funds accounts: reads lines \"account currency amount reference\"");
  option("--denomination", options.denominations,
         "Denomination to use; may be repeated (default: all that fit)");
  option("--threads", options.threads, "Threads that make requests before a run")
      ->check(CLI::Range(1, 256));
  option("--coin-seed", options.seed,
         "Coins, accounts and what is planted are drawn from it; one serves an issuer once "
         "(default: random)");
  option("--preloaded", options.preloaded, "Rows that are in the coin store already");
}

absl::StatusOr<std::unique_ptr<Connections>> connect(const IssuerOptions& options,
                                                     const std::string& service) {
  const std::string& address = service == "withdrawal" ? options.withdrawal
                               : service == "deposit"  ? options.deposit
                                                       : options.doublespend;
  if (address.empty()) {
    return protocol::invalid("BAD_OPTION", absl::StrCat("This scenario needs --", service, "."));
  }
  CAFE_ASSIGN_OR_RETURN(auto connections,
                        Connections::open({.address = address,
                                           .service = service,
                                           .tls = options.tls,
                                           .connections = options.connections,
                                           .timeout = absl::Milliseconds(options.timeout_ms)}));
  CAFE_RETURN_IF_ERROR(connections->wait_ready());
  return connections;
}

absl::StatusOr<Issuer> fetch_issuer(const IssuerOptions& options, Connections& withdrawal) {
  Issuer issuer;
  CAFE_ASSIGN_OR_RETURN(issuer.anchors, storage::load_trust(options.trust));
  CAFE_ASSIGN_OR_RETURN(const protocol::Point master_key,
                        issuer.anchors.master_key(options.issuer_id));
  CAFE_ASSIGN_OR_RETURN(const auto answer,
                        withdrawal.ask<v1::GetDenominationsResponse>(
                            "/cafe.v1.Withdrawal/GetDenominations", v1::GetDenominationsRequest()));
  CAFE_ASSIGN_OR_RETURN(const auto document,
                        protocol::SignedDocument::decode(view_of(answer.list())));
  CAFE_ASSIGN_OR_RETURN(issuer.list, protocol::open_list(document, master_key));
  issuer.list_digest = document.digest();
  return issuer;
}

absl::StatusOr<std::vector<Denomination>> choose_denominations(const IssuerOptions& options,
                                                               const Issuer& issuer, Use use,
                                                               uint64_t now_s) {
  std::vector<Denomination> chosen;
  for (const Denomination& denomination : issuer.list.denominations) {
    const bool named = std::find(options.denominations.begin(), options.denominations.end(),
                                 denomination.id().hex()) != options.denominations.end();
    const bool fits = options.denominations.empty()
                          ? protocol::is_loadtest(denomination) == (use == Use::kMake)
                          : named;
    const bool kind_fits = use == Use::kMake || denomination.kind == protocol::Kind::kCoin;
    if (fits && kind_fits && denomination.withdraw_from <= now_s &&
        now_s < denomination.withdraw_until && !issuer.list.is_compromised(denomination.id())) {
      chosen.push_back(denomination);
    }
  }
  if (chosen.empty()) {
    return protocol::make_error(
        absl::StatusCode::kNotFound, "NO_DENOMINATION",
        use == Use::kMake
            ? "The issuer has no denomination for load tests that is open now: give one "
              "\"loadtest\": true in its configuration."
            : "The issuer has no denomination of coins that is open now.");
  }
  return chosen;
}

absl::StatusOr<std::vector<Terminal>> read_terminals(const IssuerOptions& options) {
  std::vector<Terminal> terminals;
  for (const std::string& file : options.terminals) {
    CAFE_ASSIGN_OR_RETURN(Terminal terminal, read_terminal(file));
    terminals.push_back(std::move(terminal));
  }
  if (terminals.empty()) {
    return protocol::invalid("BAD_OPTION", "This scenario needs at least one --terminal.");
  }
  return terminals;
}

namespace {

// Registers accounts, at most kAtOnce under way.
class Registrar {
 public:
  explicit Registrar(Connections& withdrawal) : withdrawal_(withdrawal) {}

  void start(const Account& account) {
    slots_.acquire();
    withdrawal_.call("/cafe.v1.Withdrawal/BeginRegistration",
                     serialize(v1::BeginRegistrationRequest()),
                     [this, &account](const absl::Status& status, grpc::ByteBuffer& answer) {
                       if (const absl::Status begun = go_on(account, status, answer); !begun.ok())
                         end(begun);
                     });
  }
  // Once all are through: the first error.
  absl::Status finish() {
    for (int i = 0; i < kAtOnce; ++i) slots_.acquire();
    const std::lock_guard lock(mutex_);
    return first_error_;
  }
  bool failed() {
    const std::lock_guard lock(mutex_);
    return !first_error_.ok();
  }

 private:
  static constexpr int kAtOnce = 16;

  absl::Status go_on(const Account& account, const absl::Status& status, grpc::ByteBuffer& answer) {
    CAFE_RETURN_IF_ERROR(status);
    CAFE_ASSIGN_OR_RETURN(const auto begun, parse<v1::BeginRegistrationResponse>(answer));
    CAFE_ASSIGN_OR_RETURN(const auto nonce, protocol::to_array<32>(view_of(begun.nonce())));
    protocol::SystemRng rng;
    CAFE_ASSIGN_OR_RETURN(const protocol::Bytes file, account.registration(nonce, rng));
    v1::RegisterRequest request;
    request.set_registration_file(protocol::to_string(file));
    withdrawal_.call("/cafe.v1.Withdrawal/Register", serialize(request),
                     [this](const absl::Status& registered, grpc::ByteBuffer&) {
                       const bool was_there = protocol::reason_of(registered) == "ACCOUNT_TAKEN";
                       end(was_there ? absl::OkStatus() : registered);
                     });
    return absl::OkStatus();
  }
  void end(const absl::Status& status) {
    {
      const std::lock_guard lock(mutex_);
      first_error_.Update(status);
    }
    slots_.release();
  }

  Connections& withdrawal_;
  std::counting_semaphore<> slots_{kAtOnce};
  std::mutex mutex_;
  absl::Status first_error_;
};

}  // namespace

absl::StatusOr<std::vector<Account>> register_accounts(const IssuerOptions& options, uint32_t count,
                                                       const std::string& purpose,
                                                       Connections& withdrawal,
                                                       const Progress& progress) {
  if (options.manufacturer_key.empty()) {
    return protocol::invalid("BAD_OPTION", "Registering accounts needs --manufacturer-key.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto manufacturer,
                        storage::load_signing_key(options.manufacturer_key, "manufacturer"));
  std::vector<Account> accounts;
  accounts.reserve(count);
  Registrar registrar(withdrawal);
  absl::Status made;
  for (uint32_t i = 0; i < count && made.ok() && !registrar.failed(); ++i) {
    auto account =
        Account::make(absl::StrCat(options.seed, "/", purpose), i, options.issuer_id, manufacturer);
    made = account.status();
    if (!made.ok()) break;
    accounts.push_back(*std::move(account));
    registrar.start(accounts.back());
    if ((i + 1) % 500 == 0 || i + 1 == count) {
      progress(absl::StrCat("registered ", i + 1, " of ", count, " accounts"));
    }
  }
  // Even then: what is under way refers to the accounts.
  const absl::Status registered = registrar.finish();
  CAFE_RETURN_IF_ERROR(made);
  CAFE_RETURN_IF_ERROR(registered);
  return accounts;
}

absl::Status fund_accounts(const IssuerOptions& options, std::span<const Account> accounts,
                           const std::string& currency, uint64_t amount) {
  const auto failed = [](const std::string& why) {
    return protocol::make_error(absl::StatusCode::kInternal, "FUNDING_FAILED",
                                "The fund command failed: " + why + ".");
  };
  if (options.fund_command.empty()) {
    return protocol::invalid("BAD_OPTION", "Accounts need money: name a --fund-command.");
  }
  FILE* pipe = popen((options.fund_command + " >/dev/null").c_str(), "w");
  if (pipe == nullptr) return failed("it cannot be started");
  bool written = true;
  for (const Account& account : accounts) {
    written = written && std::fprintf(pipe, "%s %s %llu loadtest-%s\n", account.id().hex().c_str(),
                                      currency.c_str(), static_cast<unsigned long long>(amount),
                                      currency.c_str()) > 0;
  }
  const int code = pclose(pipe);
  if (!written || code != 0) return failed(absl::StrCat("exit status ", code));
  return absl::OkStatus();
}

}  // namespace cafe::loadtest
