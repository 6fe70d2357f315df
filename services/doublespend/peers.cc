#include "services/doublespend/peers.h"

#include <utility>

#include "cafe/v1/deposit.grpc.pb.h"
#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/client.h"

namespace cafe::doublespend {
namespace {

using platform::call_unary;
using protocol::view_of;

// The case worker has time; what hangs must not hold up the other cases for long.
platform::CallOptions call_options() {
  return {.timeout = absl::Seconds(5), .idempotent = true, .sleep = {}};
}

class GrpcPeers : public CasePeers {
 public:
  GrpcPeers(const std::shared_ptr<grpc::Channel>& withdrawal,
            const std::shared_ptr<grpc::Channel>& deposit)
      : withdrawal_(v1::Withdrawal::NewStub(withdrawal)), deposit_(v1::Deposit::NewStub(deposit)) {}

  absl::StatusOr<FoundAccount> find_account(const protocol::Point& identity) override {
    v1::FindAccountRequest request;
    request.set_identity_point(protocol::to_string(identity.bytes()));
    v1::FindAccountResponse response;
    CAFE_RETURN_IF_ERROR(call_unary(call_options(), [&](grpc::ClientContext* context) {
      return withdrawal_->FindAccount(context, request, &response);
    }));
    CAFE_ASSIGN_OR_RETURN(const auto account,
                          protocol::AccountId::decode(view_of(response.account_id())));
    CAFE_ASSIGN_OR_RETURN(auto registration, protocol::RegistrationFile::decode(
                                                 view_of(response.registration_file())));
    return FoundAccount{.account = account, .registration = std::move(registration)};
  }

  absl::StatusOr<ArchivedPayment> get_payment(uint64_t batch, uint32_t payment) override {
    v1::GetPaymentRequest request;
    request.set_batch(batch);
    request.set_payment(payment);
    v1::GetPaymentResponse response;
    CAFE_RETURN_IF_ERROR(call_unary(call_options(), [&](grpc::ClientContext* context) {
      return deposit_->GetPayment(context, request, &response);
    }));
    CAFE_ASSIGN_OR_RETURN(auto decoded, protocol::Payment::decode(view_of(response.payment())));
    CAFE_ASSIGN_OR_RETURN(
        auto terminal, protocol::PayeeCredential::decode(view_of(response.terminal_credential())));
    return ArchivedPayment{.payment = std::move(decoded), .terminal = std::move(terminal)};
  }

  absl::StatusOr<IssuedList> get_list(uint32_t number) override {
    v1::GetDenominationsRequest request;
    request.set_list_number(number);
    v1::GetDenominationsResponse response;
    CAFE_RETURN_IF_ERROR(call_unary(call_options(), [&](grpc::ClientContext* context) {
      return withdrawal_->GetDenominations(context, request, &response);
    }));
    CAFE_ASSIGN_OR_RETURN(auto document,
                          protocol::SignedDocument::decode(view_of(response.list())));
    CAFE_ASSIGN_OR_RETURN(auto list, protocol::DenominationList::decode(document.frame));
    return IssuedList{.document = std::move(document), .list = std::move(list)};
  }

  absl::Status close_account(protocol::ByteView signed_case) override {
    v1::CloseAccountRequest request;
    request.set_signed_case(protocol::to_string(signed_case));
    v1::CloseAccountResponse response;
    return call_unary(call_options(), [&](grpc::ClientContext* context) {
      return withdrawal_->CloseAccount(context, request, &response);
    });
  }

 private:
  const std::unique_ptr<v1::Withdrawal::Stub> withdrawal_;
  const std::unique_ptr<v1::Deposit::Stub> deposit_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<CasePeers>> connect_peers(const std::string& withdrawal_address,
                                                         const std::string& deposit_address,
                                                         const platform::TlsOptions& tls) {
  CAFE_ASSIGN_OR_RETURN(const auto withdrawal,
                        platform::connect(withdrawal_address, "withdrawal", tls));
  CAFE_ASSIGN_OR_RETURN(const auto deposit, platform::connect(deposit_address, "deposit", tls));
  return std::make_unique<GrpcPeers>(withdrawal, deposit);
}

}  // namespace cafe::doublespend
