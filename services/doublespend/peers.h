// What a case needs of the other services.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/platform/service_options.h"
#include "libs/protocol/case_file.h"

namespace cafe::doublespend {

struct FoundAccount {
  protocol::AccountId account;
  protocol::RegistrationFile registration;
};

// An archived payment with the chain of its terminal's key.
struct ArchivedPayment {
  protocol::Payment payment;
  protocol::PayeeCredential terminal;
};

struct IssuedList {
  protocol::SignedDocument document;
  protocol::DenominationList list;  // not verified: verify_case_file does that
};

// Thread-safe. Errors are the services' (NOT_FOUND among them), and INVALID_ARGUMENT for an answer
// that cannot be decoded.
class CasePeers {
 public:
  virtual ~CasePeers() = default;
  // The registration behind an identity point, coin's or cheque's.
  virtual absl::StatusOr<FoundAccount> find_account(const protocol::Point& identity) = 0;
  virtual absl::StatusOr<ArchivedPayment> get_payment(uint64_t batch, uint32_t payment) = 0;
  // 0: the newest.
  virtual absl::StatusOr<IssuedList> get_list(uint32_t number) = 0;
  virtual absl::Status close_account(protocol::ByteView signed_case) = 0;
};

// The withdrawal and deposit services over gRPC. Does not connect yet. Errors: InvalidArgument
// (certificate files).
absl::StatusOr<std::unique_ptr<CasePeers>> connect_peers(const std::string& withdrawal_address,
                                                         const std::string& deposit_address,
                                                         const platform::TlsOptions& tls);

}  // namespace cafe::doublespend
