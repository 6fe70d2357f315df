#include "services/deposit/deposit_service.h"

#include "services/deposit/archived_payment.h"
#include "services/deposit/cheque_spends.h"
#include "services/deposit/void_terms.h"

namespace cafe::deposit {

using platform::CallInfo;
using platform::serve_unary;
using protocol::Bytes;
using protocol::ByteView;
using protocol::view_of;

namespace {
void set_bytes(std::string* to, ByteView bytes) { *to = protocol::to_string(bytes); }
}  // namespace

grpc::ServerUnaryReactor* DepositService::Deposit(grpc::CallbackServerContext* context,
                                                  const v1::DepositRequest* request,
                                                  v1::DepositResponse* response) {
  return serve_unary(
      runtime_, "Deposit/Deposit", context, request, response,
      [this](const CallInfo& call, const v1::DepositRequest& request,
             v1::DepositResponse& response) { return deposit(call, request, response); });
}

grpc::ServerUnaryReactor* DepositService::Authorize(grpc::CallbackServerContext* context,
                                                    const v1::AuthorizeRequest* request,
                                                    v1::AuthorizeResponse* response) {
  return platform::serve_late(
      runtime_, "Deposit/Authorize", context,
      [&](const std::shared_ptr<platform::LateCall>& call) -> absl::Status {
        return authorizations_.submit(
            {.payment = view_of(request->payment()),
             .call = call,
             .answer = [response](const AuthorizationAnswer& answer) {
               set_bytes(response->mutable_authorization(), answer.authorization);
               set_bytes(response->mutable_key_certificate(), answer.key_certificate);
             }});
      });
}

grpc::ServerUnaryReactor* DepositService::GetPayment(grpc::CallbackServerContext* context,
                                                     const v1::GetPaymentRequest* request,
                                                     v1::GetPaymentResponse* response) {
  return serve_unary(
      runtime_, "Deposit/GetPayment", context, request, response,
      [this](const CallInfo& call, const v1::GetPaymentRequest& request,
             v1::GetPaymentResponse& response) { return get_payment(call, request, response); });
}

grpc::ServerUnaryReactor* DepositService::VoidTerms(grpc::CallbackServerContext* context,
                                                    const v1::VoidTermsRequest* request,
                                                    v1::VoidTermsResponse* response) {
  return serve_unary(runtime_, "Deposit/VoidTerms", context, request, response,
                     [this](const CallInfo& call, const v1::VoidTermsRequest& request,
                            v1::VoidTermsResponse&) -> absl::Status {
                       CAFE_RETURN_IF_ERROR(require_caller(call, {"recovery"}));
                       return void_terms(parts_, view_of(request.refusal()),
                                         view_of(request.credential()));
                     });
}

grpc::ServerUnaryReactor* DepositService::LocateCheques(grpc::CallbackServerContext* context,
                                                        const v1::LocateRequest* request,
                                                        v1::LocateResponse* response) {
  return serve_unary(runtime_, "Deposit/LocateCheques", context, request, response,
                     [this](const CallInfo& call, const v1::LocateRequest& request,
                            v1::LocateResponse& response) -> absl::Status {
                       CAFE_RETURN_IF_ERROR(require_caller(call, {"recovery", "operator"}));
                       return locate_cheques(request, response);
                     });
}

absl::Status DepositService::deposit(const CallInfo& call, const v1::DepositRequest& request,
                                     v1::DepositResponse& response) {
  std::vector<Bytes> payments;
  payments.reserve(request.payments_size());
  for (const std::string& payment : request.payments()) {
    payments.push_back(protocol::to_bytes(view_of(payment)));
  }
  CAFE_ASSIGN_OR_RETURN(const BatchAnswer answer,
                        deposits_.deposit(view_of(request.order()), payments,
                                          view_of(request.holder_credential()), call.deadline));
  CAFE_ASSIGN_OR_RETURN(const std::vector<Evidence> evidence, decode_evidence(answer.evidence));
  set_bytes(response.mutable_receipt(), answer.receipt);
  set_bytes(response.mutable_key_certificate(), answer.key_certificate);
  for (const Evidence& item : evidence) {
    v1::SpentBeforeEvidence& out = *response.add_evidence();
    out.set_payment(item.payment);
    out.set_spend(item.spend);
    set_bytes(out.mutable_d(), item.first.d.bytes());
    set_bytes(out.mutable_r1(), item.first.r1.bytes());
    set_bytes(out.mutable_r2(), item.first.r2.bytes());
  }
  return absl::OkStatus();
}

absl::Status DepositService::get_payment(const CallInfo& call, const v1::GetPaymentRequest& request,
                                         v1::GetPaymentResponse& response) {
  CAFE_RETURN_IF_ERROR(require_caller(call, {"doublespend", "recovery", "operator"}));
  if (request.batch() > INT64_MAX) {
    return protocol::invalid("BAD_BATCH", "Batch numbers are below 2^63.");
  }
  CAFE_ASSIGN_OR_RETURN(const ArchivedPayment archived,
                        find_archived_payment(parts_.database, request.batch(), request.payment()));
  set_bytes(response.mutable_payment(), archived.payment);
  set_bytes(response.mutable_terminal_credential(), archived.terminal_credential);
  set_bytes(response.mutable_payee_id(), archived.payee_id);
  response.set_received_ms(archived.received_ms);
  return absl::OkStatus();
}

absl::Status DepositService::locate_cheques(const v1::LocateRequest& request,
                                            v1::LocateResponse& response) {
  if (request.coin_ids_size() < 1 || request.coin_ids_size() > kMaxLocatedCheques) {
    return protocol::invalid("COIN_COUNT", "A call names 1 to 4,096 coins.");
  }
  std::vector<protocol::CoinId> coins;
  coins.reserve(static_cast<size_t>(request.coin_ids_size()));
  for (const std::string& id : request.coin_ids()) {
    CAFE_ASSIGN_OR_RETURN(coins.emplace_back(), protocol::CoinId::decode(view_of(id)));
  }
  CAFE_ASSIGN_OR_RETURN(const std::vector<LocatedCheque> found,
                        deposit::locate_cheques(parts_.database, coins, unix_ms(parts_.clock)));
  for (const LocatedCheque& cheque : found) {
    v1::LocateResponse::Spend& spend = *response.add_spends();
    spend.set_coin(cheque.coin);
    spend.set_slot(0);  // a cheque has one
    spend.set_batch(cheque.batch);
    spend.set_position(cheque.position);
    spend.set_ticks(cheque.ticks);
    spend.set_ticks_batch(cheque.ticks_batch);
    spend.set_ticks_position(cheque.ticks_position);
  }
  return absl::OkStatus();
}

}  // namespace cafe::deposit
