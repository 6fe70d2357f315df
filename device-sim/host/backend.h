// The issuer's services as devices reach them: bytes in, bytes out. Calls that may be repeated are
// repeated while a service is away, so that a restart of the services is only a delay.
#pragma once

#include <cafe/v1/deposit.grpc.pb.h>
#include <cafe/v1/doublespend.grpc.pb.h>
#include <cafe/v1/recovery.grpc.pb.h>
#include <cafe/v1/withdrawal.grpc.pb.h>

#include <functional>
#include <memory>
#include <string>

#include "device-sim/firmware/wallet/recovery.h"
#include "device-sim/host/statistics.h"
#include "libs/protocol/bytes.h"

namespace cafe::host {

struct BackendOptions {
  std::string withdrawal_address;  // host:port
  std::string deposit_address;
  std::string doublespend_address;  // empty: no cases are read, and no spent coins looked up
  std::string recovery_address;     // empty: nothing is recovered, and no hotlist fetched
  std::string tls_ca;               // PEM file; empty: plaintext
  // The operator's certificate and key (PEM files), for reading the cases and for what an operator
  // does for holders. Empty: neither.
  std::string operator_cert;
  std::string operator_key;
  uint32_t call_timeout_ms = 15'000;
  uint32_t patience_ms = 60'000;  // how long to try again while a service is away
};

struct IssuerInfo {
  protocol::Bytes list;
  std::vector<protocol::Bytes> key_certificates;
  protocol::Bytes load_key;  // its certificate; empty where the issuer loads no guardians
};

struct VoidOutcome {
  bool is_void;
  protocol::Bytes document;  // the void statement, or the completion
};

struct DepositAnswer {
  protocol::Bytes receipt;
  protocol::Bytes key_certificate;
};

// A signed document with the certificate of the issuer's key that signed it.
struct Certified {
  protocol::Bytes document;
  protocol::Bytes key_certificate;
};

struct ClaimAnswer {
  bool refused;
  Certified answer;  // the receipt, or the refusal
};

struct CaseRow {
  uint64_t number;
  std::string state;
  protocol::Bytes account;  // empty until proved
};

// Errors carry the service's reason (protocol::reason_of). Thread-safe.
class Backend {
 public:
  static absl::StatusOr<std::unique_ptr<Backend>> connect(const BackendOptions& options,
                                                          Latencies& latencies);

  // The newest list, or the one of a number.
  absl::StatusOr<IssuerInfo> denominations(uint32_t list_number = 0);
  absl::StatusOr<protocol::Bytes32> begin_registration();
  absl::StatusOr<protocol::Bytes> register_wallet(protocol::ByteView registration_file);
  absl::StatusOr<protocol::Bytes> open_order(protocol::ByteView signed_open);
  absl::StatusOr<protocol::Bytes> complete_order(protocol::ByteView signed_order);
  absl::StatusOr<VoidOutcome> void_order(protocol::ByteView signed_void_request);
  // The signed answer with the load of the guardian's counter.
  absl::StatusOr<protocol::Bytes> load(protocol::ByteView signed_order);
  absl::StatusOr<protocol::Bytes> get_load(protocol::ByteView signed_query);
  // `holder_credential` is empty for terminals.
  absl::StatusOr<DepositAnswer> deposit(protocol::ByteView signed_order,
                                        const std::vector<protocol::Bytes>& payments,
                                        protocol::ByteView holder_credential = {});
  absl::StatusOr<DepositAnswer> authorize(protocol::ByteView payment);

  // --- A lost wallet (backend_recovery.cc); NO_ADDRESS without the service's ---
  absl::StatusOr<Certified> report_loss(protocol::ByteView signed_report);
  absl::StatusOr<Certified> replace_account(protocol::ByteView signed_replacement,
                                            protocol::ByteView successor_signature);
  absl::StatusOr<Certified> put_backup(protocol::ByteView signed_backup);
  absl::StatusOr<protocol::Bytes> get_backup(protocol::ByteView signed_query);
  absl::StatusOr<wallet::ListedOrders> list_orders(protocol::ByteView signed_query);
  absl::StatusOr<ClaimAnswer> file_claim(protocol::ByteView signed_claim);
  // The whole file, put together of its slices; asked for anew where it grew meanwhile. WRONG_SLICE
  // where the service's answers make no file.
  absl::StatusOr<protocol::Bytes> get_claim(protocol::ByteView signed_query);
  absl::StatusOr<Certified> hotlist(uint64_t after);
  // [guard] On a connection of its own, which is closed then. PREFIX_TOO_SHORT.
  absl::StatusOr<Certified> look_up(const protocol::CoinPrefix& prefix);
  bool knows_recovery() const { return recovery_ != nullptr; }

  // --- As the issuer's operator, for holders without a key whom it has identified; NO_OPERATOR
  // without its certificate ---
  absl::Status act_on_loss(const protocol::AccountId& account, std::string_view identified_by);
  absl::Status act_on_replacement(const protocol::AccountId& lost,
                                  const protocol::AccountId& successor,
                                  std::string_view identified_by);

  absl::StatusOr<std::vector<CaseRow>> cases();
  bool can_read_cases() const { return doublespend_ != nullptr && !options_.operator_cert.empty(); }
  uint64_t repeated_calls() const { return repeated_; }

 private:
  Backend(BackendOptions options, Latencies& latencies)
      : options_(std::move(options)), latencies_(latencies) {}
  absl::Status call(const std::function<grpc::Status(grpc::ClientContext*)>& rpc);

  BackendOptions options_;
  Latencies& latencies_;
  std::unique_ptr<v1::Withdrawal::Stub> withdrawal_;
  std::unique_ptr<v1::Deposit::Stub> deposit_;
  std::unique_ptr<v1::DoubleSpend::Stub> doublespend_;
  std::unique_ptr<v1::Recovery::Stub> recovery_;
  std::unique_ptr<v1::Withdrawal::Stub> operator_;  // null without the certificate
  std::atomic<uint64_t> repeated_ = 0;
};

}  // namespace cafe::host
