// The service's calls about accounts that are lost, and for those who look after them; the others
// are in withdrawal_service.cc.
#include "services/withdrawal/account_records.h"
#include "services/withdrawal/lost_accounts.h"
#include "services/withdrawal/withdrawal_service.h"

namespace cafe::withdrawal {
namespace {

using platform::CallInfo;
using platform::serve_unary;
using protocol::to_string;
using protocol::view_of;

absl::Status no_authority() {
  return protocol::invalid("NO_AUTHORITY",
                           "The request brings neither a signed document nor the operator's act.");
}

absl::StatusOr<OperatorWord> operator_word(const CallInfo& call, const v1::OperatorAct& act) {
  CAFE_RETURN_IF_ERROR(platform::require_caller(call, {"operator"}));
  CAFE_ASSIGN_OR_RETURN(const auto account, protocol::AccountId::decode(view_of(act.account_id())));
  return OperatorWord{account, act.identified_by(),
                      call.peer.anonymous() ? "unauthenticated" : call.peer.service};
}

absl::StatusOr<Statement> report(Issuer& issuer, const CallInfo& call,
                                 const v1::ReportLossRequest& in) {
  switch (in.authority_case()) {
    case v1::ReportLossRequest::kReport:
      return report_loss(issuer, view_of(in.report()));
    case v1::ReportLossRequest::kAct: {
      CAFE_ASSIGN_OR_RETURN(const OperatorWord word, operator_word(call, in.act()));
      return report_loss(issuer, word);
    }
    case v1::ReportLossRequest::AUTHORITY_NOT_SET:
      break;
  }
  return no_authority();
}

absl::StatusOr<Statement> replace(Issuer& issuer, const CallInfo& call,
                                  const v1::ReplaceAccountRequest& in) {
  switch (in.authority_case()) {
    case v1::ReplaceAccountRequest::kReplacement:
      return replace_account(issuer, view_of(in.replacement()), view_of(in.successor_signature()));
    case v1::ReplaceAccountRequest::kAct: {
      CAFE_ASSIGN_OR_RETURN(const OperatorWord word, operator_word(call, in.act()));
      CAFE_ASSIGN_OR_RETURN(const auto successor,
                            protocol::AccountId::decode(view_of(in.successor_id())));
      return replace_account(issuer, word, successor);
    }
    case v1::ReplaceAccountRequest::AUTHORITY_NOT_SET:
      break;
  }
  return no_authority();
}

v1::GetAccountResponse::Standing wire_standing(Standing standing) {
  switch (standing) {
    case Standing::kOpen:
      return v1::GetAccountResponse::OPEN;
    case Standing::kLost:
      return v1::GetAccountResponse::LOST;
    case Standing::kConvicted:
      return v1::GetAccountResponse::CONVICTED;
  }
  return v1::GetAccountResponse::STANDING_UNSPECIFIED;
}

/// Who may read of an account, and which one.
absl::StatusOr<protocol::AccountId> asked_account(const CallInfo& call, const std::string& id) {
  CAFE_RETURN_IF_ERROR(platform::require_caller(call, {"recovery", "operator"}));
  return protocol::AccountId::decode(view_of(id));
}

}  // namespace

grpc::ServerUnaryReactor* WithdrawalService::ReportLoss(grpc::CallbackServerContext* context,
                                                        const v1::ReportLossRequest* request,
                                                        v1::ReportLossResponse* response) {
  return serve_unary(runtime_, "Withdrawal/ReportLoss", context, request, response,
                     [this](const CallInfo& call, const v1::ReportLossRequest& in,
                            v1::ReportLossResponse& out) -> absl::Status {
                       CAFE_ASSIGN_OR_RETURN(const Statement statement, report(issuer_, call, in));
                       out.set_recorded(to_string(statement.document));
                       out.set_key_certificate(to_string(statement.key_certificate));
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* WithdrawalService::ReplaceAccount(
    grpc::CallbackServerContext* context, const v1::ReplaceAccountRequest* request,
    v1::ReplaceAccountResponse* response) {
  return serve_unary(runtime_, "Withdrawal/ReplaceAccount", context, request, response,
                     [this](const CallInfo& call, const v1::ReplaceAccountRequest& in,
                            v1::ReplaceAccountResponse& out) -> absl::Status {
                       CAFE_ASSIGN_OR_RETURN(const Statement statement, replace(issuer_, call, in));
                       out.set_replaced(to_string(statement.document));
                       out.set_key_certificate(to_string(statement.key_certificate));
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* WithdrawalService::GetAccount(grpc::CallbackServerContext* context,
                                                        const v1::GetAccountRequest* request,
                                                        v1::GetAccountResponse* response) {
  return serve_unary(
      runtime_, "Withdrawal/GetAccount", context, request, response,
      [this](const CallInfo& call, const v1::GetAccountRequest& in,
             v1::GetAccountResponse& out) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(const auto account, asked_account(call, in.account_id()));
        CAFE_ASSIGN_OR_RETURN(const AccountRecord record, get_account(issuer_, account));
        out.set_registration_file(to_string(record.registration_file));
        out.set_receipt(to_string(record.receipt));
        out.set_standing(wire_standing(record.standing));
        out.set_loss_recorded(to_string(record.loss_recorded));
        for (const AccountRecord::Successor& successor : record.successors) {
          out.add_replacements(to_string(successor.replaced));
          out.add_successor_receipts(to_string(successor.receipt));
        }
        out.set_last_order(record.last_order);
        out.set_last_load(record.last_load);
        for (const protocol::Bytes& certificate : record.key_certificates) {
          out.add_key_certificates(to_string(certificate));
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* WithdrawalService::ListAccountOrders(
    grpc::CallbackServerContext* context, const v1::ListAccountOrdersRequest* request,
    v1::ListAccountOrdersResponse* response) {
  return serve_unary(
      runtime_, "Withdrawal/ListAccountOrders", context, request, response,
      [this](const CallInfo& call, const v1::ListAccountOrdersRequest& in,
             v1::ListAccountOrdersResponse& out) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(const auto account, asked_account(call, in.account_id()));
        CAFE_ASSIGN_OR_RETURN(const auto orders,
                              list_account_orders(issuer_, account, in.after(), in.limit()));
        for (const OrderOfAccount& order : orders) {
          auto& item = *out.add_orders();
          item.set_number(order.number);
          item.set_order(to_string(order.order));
          item.set_completion(to_string(order.completion));
        }
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* WithdrawalService::ListAccountLoads(
    grpc::CallbackServerContext* context, const v1::ListAccountLoadsRequest* request,
    v1::ListAccountLoadsResponse* response) {
  return serve_unary(
      runtime_, "Withdrawal/ListAccountLoads", context, request, response,
      [this](const CallInfo& call, const v1::ListAccountLoadsRequest& in,
             v1::ListAccountLoadsResponse& out) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(const auto account, asked_account(call, in.account_id()));
        CAFE_ASSIGN_OR_RETURN(const auto loads,
                              list_account_loads(issuer_, account, in.after(), in.limit()));
        for (const protocol::Bytes& load : loads) out.add_loads(to_string(load));
        return absl::OkStatus();
      });
}

}  // namespace cafe::withdrawal
