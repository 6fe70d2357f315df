#include "device-sim/host/backend.h"

#include <chrono>
#include <thread>

#include "device-sim/host/channel.h"

namespace cafe::host {

using protocol::Bytes;
using protocol::ByteView;
using protocol::view_of;

absl::StatusOr<std::unique_ptr<Backend>> Backend::connect(const BackendOptions& options,
                                                          Latencies& latencies) {
  std::unique_ptr<Backend> backend(new Backend(options, latencies));
  CAFE_ASSIGN_OR_RETURN(const auto withdrawal, open_channel(options.withdrawal_address,
                                                            "withdrawal", options, Line::kShared));
  CAFE_ASSIGN_OR_RETURN(const auto deposit,
                        open_channel(options.deposit_address, "deposit", options, Line::kShared));
  backend->withdrawal_ = v1::Withdrawal::NewStub(withdrawal);
  backend->deposit_ = v1::Deposit::NewStub(deposit);
  if (!options.doublespend_address.empty()) {
    CAFE_ASSIGN_OR_RETURN(
        const auto doublespend,
        open_channel(options.doublespend_address, "doublespend", options, Line::kOperator));
    backend->doublespend_ = v1::DoubleSpend::NewStub(doublespend);
  }
  if (!options.recovery_address.empty()) {
    CAFE_ASSIGN_OR_RETURN(const auto recovery, open_channel(options.recovery_address, "recovery",
                                                            options, Line::kShared));
    backend->recovery_ = v1::Recovery::NewStub(recovery);
  }
  if (!options.operator_cert.empty()) {
    CAFE_ASSIGN_OR_RETURN(
        const auto as_operator,
        open_channel(options.withdrawal_address, "withdrawal", options, Line::kOperator));
    backend->operator_ = v1::Withdrawal::NewStub(as_operator);
  }
  return backend;
}

absl::Status Backend::call(const std::function<grpc::Status(grpc::ClientContext*)>& rpc) {
  const auto give_up =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.patience_ms);
  auto pause = std::chrono::milliseconds(20);
  for (;;) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::milliseconds(options_.call_timeout_ms));
    // A call that fails at once because its service is away drives no reconnection either: in gRPC
    // it is the waiting calls that carry the TLS handshake on.
    context.set_wait_for_ready(true);
    const grpc::Status status = rpc(&context);
    if (status.ok()) return absl::OkStatus();
    // Every message here may be sent again: documents are idempotent.
    const bool away = status.error_code() == grpc::UNAVAILABLE ||
                      status.error_code() == grpc::DEADLINE_EXCEEDED ||
                      status.error_code() == grpc::RESOURCE_EXHAUSTED ||
                      status.error_code() == grpc::ABORTED ||
                      status.error_code() == grpc::CANCELLED;
    if (!away || std::chrono::steady_clock::now() + pause > give_up)
      return from_grpc(status, context);
    ++repeated_;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::milliseconds(500));
  }
}

absl::StatusOr<IssuerInfo> Backend::denominations(uint32_t list_number) {
  v1::GetDenominationsRequest request;
  request.set_list_number(list_number);
  v1::GetDenominationsResponse response;
  CAFE_RETURN_IF_ERROR(call(
      [&](auto* context) { return withdrawal_->GetDenominations(context, request, &response); }));
  IssuerInfo info{.list = bytes_of(response.list()),
                  .key_certificates = {},
                  .load_key = bytes_of(response.load_key())};
  for (const std::string& certificate : response.key_certificates())
    info.key_certificates.push_back(bytes_of(certificate));
  return info;
}

absl::StatusOr<protocol::Bytes32> Backend::begin_registration() {
  const v1::BeginRegistrationRequest request;
  v1::BeginRegistrationResponse response;
  CAFE_RETURN_IF_ERROR(call(
      [&](auto* context) { return withdrawal_->BeginRegistration(context, request, &response); }));
  return protocol::to_array<32>(view_of(response.nonce()));
}

absl::StatusOr<Bytes> Backend::register_wallet(ByteView registration_file) {
  const Timer timer(latencies_, Operation::kRegister);
  v1::RegisterRequest request;
  v1::RegisterResponse response;
  assign(request.mutable_registration_file(), registration_file);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return withdrawal_->Register(context, request, &response); }));
  return bytes_of(response.receipt());
}

absl::StatusOr<Bytes> Backend::open_order(ByteView signed_open) {
  const Timer timer(latencies_, Operation::kOpen);
  v1::OpenOrderRequest request;
  v1::OpenOrderResponse response;
  assign(request.mutable_open(), signed_open);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return withdrawal_->Open(context, request, &response); }));
  return bytes_of(response.answer());
}

absl::StatusOr<Bytes> Backend::complete_order(ByteView signed_order) {
  const Timer timer(latencies_, Operation::kComplete);
  v1::CompleteOrderRequest request;
  v1::CompleteOrderResponse response;
  assign(request.mutable_order(), signed_order);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return withdrawal_->Complete(context, request, &response); }));
  return bytes_of(response.completion());
}

absl::StatusOr<VoidOutcome> Backend::void_order(ByteView signed_void_request) {
  v1::VoidOrderRequest request;
  v1::VoidOrderResponse response;
  assign(request.mutable_void_request(), signed_void_request);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return withdrawal_->Void(context, request, &response); }));
  const bool is_void = response.has_void_statement();
  return VoidOutcome{is_void,
                     bytes_of(is_void ? response.void_statement() : response.completion())};
}

absl::StatusOr<Bytes> Backend::load(ByteView signed_order) {
  v1::LoadRequest request;
  v1::LoadResponse response;
  assign(request.mutable_order(), signed_order);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return withdrawal_->Load(context, request, &response); }));
  return bytes_of(response.loaded());
}

absl::StatusOr<Bytes> Backend::get_load(ByteView signed_query) {
  v1::GetLoadRequest request;
  v1::GetLoadResponse response;
  assign(request.mutable_query(), signed_query);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return withdrawal_->GetLoad(context, request, &response); }));
  return bytes_of(response.loaded());
}

absl::StatusOr<DepositAnswer> Backend::deposit(ByteView signed_order,
                                               const std::vector<Bytes>& payments,
                                               ByteView holder_credential) {
  const Timer timer(latencies_, Operation::kDeposit);
  v1::DepositRequest request;
  v1::DepositResponse response;
  assign(request.mutable_order(), signed_order);
  for (const Bytes& payment : payments) assign(request.add_payments(), payment);
  assign(request.mutable_holder_credential(), holder_credential);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return deposit_->Deposit(context, request, &response); }));
  return DepositAnswer{bytes_of(response.receipt()), bytes_of(response.key_certificate())};
}

absl::StatusOr<DepositAnswer> Backend::authorize(ByteView payment) {
  const Timer timer(latencies_, Operation::kAuthorize);
  v1::AuthorizeRequest request;
  v1::AuthorizeResponse response;
  assign(request.mutable_payment(), payment);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return deposit_->Authorize(context, request, &response); }));
  return DepositAnswer{bytes_of(response.authorization()), bytes_of(response.key_certificate())};
}

absl::StatusOr<std::vector<CaseRow>> Backend::cases() {
  if (doublespend_ == nullptr) {
    return protocol::invalid("NO_ADDRESS", "Cases are read at the double-spend service: name it.");
  }
  std::vector<CaseRow> out;
  for (;;) {
    v1::ListCasesRequest request;
    v1::ListCasesResponse response;
    request.set_limit(1000);
    request.set_after_number(out.empty() ? 0 : out.back().number);
    CAFE_RETURN_IF_ERROR(
        call([&](auto* context) { return doublespend_->ListCases(context, request, &response); }));
    for (const v1::CaseSummary& row : response.cases())
      out.push_back({row.number(), row.state(), bytes_of(row.account_id())});
    if (response.cases_size() < 1000) return out;
  }
}

}  // namespace cafe::host
