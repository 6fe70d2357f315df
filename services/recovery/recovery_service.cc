#include "services/recovery/recovery_service.h"

#include "services/recovery/backups.h"
#include "services/recovery/claim_store.h"
#include "services/recovery/file_claim.h"
#include "services/recovery/list_orders.h"
#include "services/recovery/show_claim.h"

namespace cafe::recovery {

using platform::CallInfo;
using protocol::ByteView;
using protocol::view_of;

namespace {

constexpr uint32_t kMostListed = 1'000;

void set_bytes(std::string* to, ByteView bytes) { *to = protocol::to_string(bytes); }

// The caller's address without its port.
std::string address_of(const grpc::CallbackServerContext& context) {
  const std::string peer = context.peer();
  return peer.substr(0, peer.rfind(':'));
}

absl::Status rate_limited() {
  return protocol::make_error(absl::StatusCode::kResourceExhausted, "RATE_LIMITED",
                              "Too many calls from this address: wait a minute.");
}

void write_orders(const OrdersAnswer& answer, v1::ListOrdersResponse& response) {
  set_bytes(response.mutable_listing(), answer.listing);
  for (const protocol::OrderRecord& record : answer.orders) {
    v1::ListOrdersResponse::Order& order = *response.add_orders();
    set_bytes(order.mutable_order(), record.order.encode());
    set_bytes(order.mutable_completion(), record.completion.encode());
  }
  for (const protocol::SignedDocument& certificate : answer.key_certificates) {
    set_bytes(response.add_key_certificates(), certificate.encode());
  }
  set_bytes(response.mutable_registration_file(), answer.registration_file);
  set_bytes(response.mutable_receipt(), answer.receipt);
  for (const protocol::SignedDocument& load : answer.loads) {
    set_bytes(response.add_loads(), load.encode());
  }
}

absl::Status list_claims(const RecoveryParts& parts, const v1::ListClaimsRequest& request,
                         v1::ListClaimsResponse& response) {
  if (request.limit() < 1 || request.limit() > kMostListed) {
    return protocol::invalid("BAD_LIMIT", "limit is 1 to 1,000; go on after the last number.");
  }
  CAFE_ASSIGN_OR_RETURN(const std::vector<ClaimRow> claims,
                        look(parts.database, [&](storage::Transaction& tx) {
                          return store::list_claims(tx, request.after_number(), request.limit());
                        }));
  for (const ClaimRow& claim : claims) {
    v1::ClaimSummary& summary = *response.add_claims();
    summary.set_number(claim.number);
    set_bytes(summary.mutable_account_id(), claim.account);
    set_bytes(summary.mutable_claimant_id(), claim.claimant);
    summary.set_kind(claim.kind);
    summary.set_state(claim.state);
    summary.set_filed_ms(claim.filed_ms);
    summary.set_held_until_ms(claim.due.held_until_ms);
    summary.set_final_at_ms(claim.due.final_at_ms);
    summary.set_coins(claim.coins);
    summary.set_note(claim.note);
  }
  return absl::OkStatus();
}

}  // namespace

template <class Request, class Response, class Function>
grpc::ServerUnaryReactor* RecoveryService::serve(std::string_view method,
                                                 grpc::CallbackServerContext* context,
                                                 const Request* request, Response* response,
                                                 Function function) {
  return serve_unary(runtime_, method, context, request, response,
                     [this, address = address_of(*context), function](
                         const CallInfo& call, const Request& request, Response& response) {
                       if (limit_ != nullptr && !limit_->allow(address)) return rate_limited();
                       return function(parts_, call, request, response);
                     });
}

grpc::ServerUnaryReactor* RecoveryService::PutBackup(grpc::CallbackServerContext* context,
                                                     const v1::PutBackupRequest* request,
                                                     v1::PutBackupResponse* response) {
  return serve(
      "Recovery/PutBackup", context, request, response,
      [](const RecoveryParts& parts, const CallInfo& call, const v1::PutBackupRequest& request,
         v1::PutBackupResponse& response) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(const KeptBackup kept,
                              put_backup(parts, view_of(request.backup()), call.deadline));
        set_bytes(response.mutable_kept(), kept.kept);
        set_bytes(response.mutable_key_certificate(), kept.key_certificate);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* RecoveryService::GetBackup(grpc::CallbackServerContext* context,
                                                     const v1::GetBackupRequest* request,
                                                     v1::GetBackupResponse* response) {
  return serve("Recovery/GetBackup", context, request, response,
               [](const RecoveryParts& parts, const CallInfo&, const v1::GetBackupRequest& request,
                  v1::GetBackupResponse& response) -> absl::Status {
                 CAFE_ASSIGN_OR_RETURN(const protocol::Bytes backup,
                                       get_backup(parts, view_of(request.query())));
                 set_bytes(response.mutable_backup(), backup);
                 return absl::OkStatus();
               });
}

grpc::ServerUnaryReactor* RecoveryService::ListOrders(grpc::CallbackServerContext* context,
                                                      const v1::ListOrdersRequest* request,
                                                      v1::ListOrdersResponse* response) {
  return serve(
      "Recovery/ListOrders", context, request, response,
      [](const RecoveryParts& parts, const CallInfo& call, const v1::ListOrdersRequest& request,
         v1::ListOrdersResponse& response) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(const OrdersAnswer answer,
                              list_orders(parts, view_of(request.query()), call.deadline));
        write_orders(answer, response);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* RecoveryService::FileClaim(grpc::CallbackServerContext* context,
                                                     const v1::FileClaimRequest* request,
                                                     v1::FileClaimResponse* response) {
  return serve(
      "Recovery/FileClaim", context, request, response,
      [](const RecoveryParts& parts, const CallInfo& call, const v1::FileClaimRequest& request,
         v1::FileClaimResponse& response) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(const FilingAnswer answer,
                              file_claim(parts, view_of(request.claim()), call.deadline));
        set_bytes(answer.refused ? response.mutable_refused() : response.mutable_receipt(),
                  answer.document);
        set_bytes(response.mutable_key_certificate(), answer.key_certificate);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* RecoveryService::GetClaim(grpc::CallbackServerContext* context,
                                                    const v1::GetClaimRequest* request,
                                                    v1::GetClaimResponse* response) {
  return serve(
      "Recovery/GetClaim", context, request, response,
      [](const RecoveryParts& parts, const CallInfo& call, const v1::GetClaimRequest& request,
         v1::GetClaimResponse& response) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(const protocol::Bytes file,
                              show_claim(parts, view_of(request.query()), call.deadline));
        CAFE_ASSIGN_OR_RETURN(const ClaimSlice slice, slice_of(file, request.offset()));
        set_bytes(response.mutable_slice(), slice.bytes);
        response.set_size(slice.size);
        set_bytes(response.mutable_digest(), slice.digest);
        return absl::OkStatus();
      });
}

grpc::ServerUnaryReactor* RecoveryService::GetHotlist(grpc::CallbackServerContext* context,
                                                      const v1::GetHotlistRequest* request,
                                                      v1::GetHotlistResponse* response) {
  return serve("Recovery/GetHotlist", context, request, response,
               [](const RecoveryParts& parts, const CallInfo&, const v1::GetHotlistRequest& request,
                  v1::GetHotlistResponse& response) -> absl::Status {
                 CAFE_ASSIGN_OR_RETURN(const protocol::Bytes hotlist,
                                       make_hotlist(parts, request.after()));
                 set_bytes(response.mutable_hotlist(), hotlist);
                 set_bytes(response.mutable_key_certificate(), parts.key.certificate.encode());
                 return absl::OkStatus();
               });
}

grpc::ServerUnaryReactor* RecoveryService::ListClaims(grpc::CallbackServerContext* context,
                                                      const v1::ListClaimsRequest* request,
                                                      v1::ListClaimsResponse* response) {
  return serve_unary(runtime_, "Recovery/ListClaims", context, request, response,
                     [this](const CallInfo& call, const v1::ListClaimsRequest& request,
                            v1::ListClaimsResponse& response) -> absl::Status {
                       CAFE_RETURN_IF_ERROR(require_caller(call, {"operator"}));
                       return list_claims(parts_, request, response);
                     });
}

}  // namespace cafe::recovery
