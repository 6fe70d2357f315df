#include "services/withdrawal/withdrawal_service.h"

#include "services/withdrawal/accounts.h"
#include "services/withdrawal/load_guardian.h"
#include "services/withdrawal/register_account.h"

namespace cafe::withdrawal {
namespace {

using platform::CallInfo;
using platform::serve_unary;
using protocol::to_string;
using protocol::view_of;

// An opening is most of a millisecond of arithmetic that is answered one after the other: a large
// group would only wait for it. A completion is a share of a transaction.
constexpr size_t kLargestOpening = 16;
constexpr size_t kLargestCompletion = 64;
// Orders that were opened go first: an opening whose completion is refused, or comes too late, was
// work for nothing, and the completion's caller has waited twice. So no more is opened while two
// groups wait to be completed.
constexpr size_t kMostCompleting = 2 * kLargestCompletion;

/// "ipv4:203.0.113.7:50312" without the port, which changes with each connection.
std::string address_of(const grpc::CallbackServerContext& context) {
  const std::string peer = context.peer();
  return peer.substr(0, peer.rfind(':'));
}

absl::Status get_denominations(Issuer& issuer, const v1::GetDenominationsRequest& request,
                               v1::GetDenominationsResponse& response) {
  CAFE_ASSIGN_OR_RETURN(const auto offer, issuer.lists.offer());
  const DenominationBook& newest = *offer->book;
  if (request.list_number() == 0 || request.list_number() == newest.list().number) {
    response.set_list(to_string(newest.document().encode()));
  } else {
    CAFE_ASSIGN_OR_RETURN(
        const auto row,
        issuer.db.transaction({.read_only = true, .idempotent = true}, [&](Transaction& tx) {
          return find_list(tx, request.list_number());
        }));
    CAFE_ASSIGN_OR_RETURN(const auto document, issuer.lists.verified(row.document));
    response.set_list(to_string(document.encode()));
  }
  for (const protocol::Bytes& certificate : issuer.keys.certificates) {
    response.add_key_certificates(to_string(certificate));
  }
  for (const protocol::DenomId& id : offer->stopped) response.add_stopped(to_string(id));
  response.set_load_key(to_string(issuer.keys.load.certificate.encode()));
  return absl::OkStatus();
}

}  // namespace

WithdrawalService::WithdrawalService(platform::UnaryRuntime& runtime, Issuer& issuer,
                                     const GroupOptions& groups, platform::Metrics& metrics)
    : runtime_(runtime),
      issuer_(issuer),
      held_back_(metrics.counter("cafe_work_rejected_total", "Jobs that were not run.",
                                 {{"pool", "open"}, {"reason", "COMPLETIONS_FIRST"}})),
      openings_(
          {.name = "open",
           .threads = groups.open_threads,
           .largest = kLargestOpening,
           .limits = groups.limits},
          issuer.clock, metrics,
          [this](std::vector<WaitingOrder> waiting) { answer(std::move(waiting), open_orders); }),
      completions_({.name = "complete",
                    .threads = groups.complete_threads,
                    .largest = kLargestCompletion,
                    .limits = groups.limits},
                   issuer.clock, metrics, [this](std::vector<WaitingOrder> waiting) {
                     completing_ -= waiting.size();
                     answer(std::move(waiting), complete_orders);
                   }) {}

grpc::ServerUnaryReactor* WithdrawalService::GetDenominations(
    grpc::CallbackServerContext* context, const v1::GetDenominationsRequest* request,
    v1::GetDenominationsResponse* response) {
  return serve_unary(
      runtime_, "Withdrawal/GetDenominations", context, request, response,
      [this](const CallInfo&, const v1::GetDenominationsRequest& in,
             v1::GetDenominationsResponse& out) { return get_denominations(issuer_, in, out); });
}

grpc::ServerUnaryReactor* WithdrawalService::BeginRegistration(
    grpc::CallbackServerContext* context, const v1::BeginRegistrationRequest* request,
    v1::BeginRegistrationResponse* response) {
  return serve_unary(runtime_, "Withdrawal/BeginRegistration", context, request, response,
                     [this](const CallInfo&, const v1::BeginRegistrationRequest&,
                            v1::BeginRegistrationResponse& out) {
                       out.set_nonce(to_string(issuer_.nonces.draw(issuer_.now_s(), issuer_.rng)));
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* WithdrawalService::Register(grpc::CallbackServerContext* context,
                                                      const v1::RegisterRequest* request,
                                                      v1::RegisterResponse* response) {
  return serve_unary(
      runtime_, "Withdrawal/Register", context, request, response,
      [this, address = address_of(*context)](const CallInfo&, const v1::RegisterRequest& in,
                                             v1::RegisterResponse& out) -> absl::Status {
        CAFE_RETURN_IF_ERROR(issuer_.admit_peer(address));
        CAFE_ASSIGN_OR_RETURN(const auto receipt,
                              register_account(issuer_, view_of(in.registration_file())));
        out.set_receipt(to_string(receipt));
        return absl::OkStatus();
      });
}

absl::Status WithdrawalService::open_later(WaitingOrder order) {
  if (completing_ >= kMostCompleting) {
    held_back_.Increment();
    return protocol::make_error(absl::StatusCode::kResourceExhausted, "QUEUE_FULL",
                                "Too many orders are waiting to be completed: call again later.");
  }
  const size_t bytes = order.document.size();
  return openings_.submit(order.call->info().deadline, bytes, std::move(order));
}

absl::Status WithdrawalService::complete_later(WaitingOrder order) {
  const size_t bytes = order.document.size();
  ++completing_;
  const absl::Status queued =
      completions_.submit(order.call->info().deadline, bytes, std::move(order));
  if (!queued.ok()) --completing_;
  return queued;
}

void WithdrawalService::answer(std::vector<WaitingOrder> waiting, AnswerAll answer_all) {
  std::vector<OrderQuestion> questions;
  questions.reserve(waiting.size());
  for (WaitingOrder& order : waiting) {
    if (platform::finish_if_abandoned(*order.call, runtime_.clock)) continue;
    questions.push_back({.document = order.document,
                         .answer = [call = std::move(order.call),
                                    out = order.answer](absl::StatusOr<protocol::Bytes> answer) {
                           if (answer.ok()) *out = to_string(*answer);
                           call->finish(answer.status());
                         }});
  }
  if (!questions.empty()) answer_all(issuer_, std::move(questions));
}

grpc::ServerUnaryReactor* WithdrawalService::Open(grpc::CallbackServerContext* context,
                                                  const v1::OpenOrderRequest* request,
                                                  v1::OpenOrderResponse* response) {
  return platform::serve_late(
      runtime_, "Withdrawal/Open", context, [&](const std::shared_ptr<platform::LateCall>& call) {
        return open_later({view_of(request->open()), response->mutable_answer(), call});
      });
}

grpc::ServerUnaryReactor* WithdrawalService::Complete(grpc::CallbackServerContext* context,
                                                      const v1::CompleteOrderRequest* request,
                                                      v1::CompleteOrderResponse* response) {
  return platform::serve_late(
      runtime_, "Withdrawal/Complete", context,
      [&](const std::shared_ptr<platform::LateCall>& call) {
        return complete_later({view_of(request->order()), response->mutable_completion(), call});
      });
}

grpc::ServerUnaryReactor* WithdrawalService::Void(grpc::CallbackServerContext* context,
                                                  const v1::VoidOrderRequest* request,
                                                  v1::VoidOrderResponse* response) {
  return serve_unary(runtime_, "Withdrawal/Void", context, request, response,
                     [this](const CallInfo&, const v1::VoidOrderRequest& in,
                            v1::VoidOrderResponse& out) -> absl::Status {
                       CAFE_ASSIGN_OR_RETURN(const auto outcome,
                                             void_order(issuer_, view_of(in.void_request())));
                       if (outcome.completed) {
                         out.set_completion(to_string(outcome.document));
                       } else {
                         out.set_void_statement(to_string(outcome.document));
                       }
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* WithdrawalService::Load(grpc::CallbackServerContext* context,
                                                  const v1::LoadRequest* request,
                                                  v1::LoadResponse* response) {
  return serve_unary(
      runtime_, "Withdrawal/Load", context, request, response,
      [this](const CallInfo&, const v1::LoadRequest& in, v1::LoadResponse& out) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(const auto loaded, load_guardian(issuer_, view_of(in.order())));
        out.set_loaded(to_string(loaded));
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* WithdrawalService::GetLoad(grpc::CallbackServerContext* context,
                                                     const v1::GetLoadRequest* request,
                                                     v1::GetLoadResponse* response) {
  return serve_unary(runtime_, "Withdrawal/GetLoad", context, request, response,
                     [this](const CallInfo&, const v1::GetLoadRequest& in,
                            v1::GetLoadResponse& out) -> absl::Status {
                       CAFE_ASSIGN_OR_RETURN(const auto loaded,
                                             find_load(issuer_, view_of(in.query())));
                       out.set_loaded(to_string(loaded));
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* WithdrawalService::FindAccount(grpc::CallbackServerContext* context,
                                                         const v1::FindAccountRequest* request,
                                                         v1::FindAccountResponse* response) {
  return serve_unary(
      runtime_, "Withdrawal/FindAccount", context, request, response,
      [this](const CallInfo& call, const v1::FindAccountRequest& in,
             v1::FindAccountResponse& out) -> absl::Status {
        CAFE_RETURN_IF_ERROR(platform::require_caller(call, {"doublespend", "operator"}));
        CAFE_ASSIGN_OR_RETURN(const auto found,
                              find_identity(issuer_, view_of(in.identity_point())));
        out.set_account_id(to_string(found.id));
        out.set_registration_file(to_string(found.registration_file));
        out.set_closed(found.closed);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* WithdrawalService::CloseAccount(grpc::CallbackServerContext* context,
                                                          const v1::CloseAccountRequest* request,
                                                          v1::CloseAccountResponse* response) {
  return serve_unary(runtime_, "Withdrawal/CloseAccount", context, request, response,
                     [this](const CallInfo& call, const v1::CloseAccountRequest& in,
                            v1::CloseAccountResponse& out) -> absl::Status {
                       CAFE_RETURN_IF_ERROR(platform::require_caller(call, {"doublespend"}));
                       CAFE_ASSIGN_OR_RETURN(const auto closing,
                                             close_convicted(issuer_, view_of(in.signed_case())));
                       out.set_account_id(to_string(closing.account));
                       out.set_was_closed_already(closing.was_closed_already);
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* WithdrawalService::StopDenomination(
    grpc::CallbackServerContext* context, const v1::StopDenominationRequest* request,
    v1::StopDenominationResponse* response) {
  return serve_unary(
      runtime_, "Withdrawal/StopDenomination", context, request, response,
      [this](const CallInfo& call, const v1::StopDenominationRequest& in,
             v1::StopDenominationResponse&) -> absl::Status {
        CAFE_RETURN_IF_ERROR(platform::require_caller(call, {"deposit", "operator"}));
        return stop_denomination(issuer_, view_of(in.denom_id()), in.reason(),
                                 call.peer.anonymous() ? "unauthenticated" : call.peer.service);
      });
}

}  // namespace cafe::withdrawal
