#include "services/withdrawal/loss_fixture.h"

namespace cafe::withdrawal {

using protocol::SignedDocument;
using protocol::to_string;
using protocol::view_of;

namespace {

template <typename Request, typename Response>
absl::StatusOr<Response> ask(Stub& stub, const Request& request,
                             grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&,
                                                       Response*)) {
  Response response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* context) { return (stub.*rpc)(context, request, &response); }));
  return response;
}

absl::StatusOr<std::string> send(Stub& stub, const v1::ReportLossRequest& request) {
  CAFE_ASSIGN_OR_RETURN(const auto response, ask(stub, request, &Stub::ReportLoss));
  EXPECT_FALSE(response.key_certificate().empty());
  return response.recorded();
}

absl::StatusOr<std::string> send(Stub& stub, const v1::ReplaceAccountRequest& request) {
  CAFE_ASSIGN_OR_RETURN(const auto response, ask(stub, request, &Stub::ReplaceAccount));
  EXPECT_FALSE(response.key_certificate().empty());
  return response.replaced();
}

/// The signed frame.
protocol::Bytes open(const TestIssuer& issuer, const std::string& statement) {
  const auto document = must(SignedDocument::decode(view_of(statement)));
  must(document.check(issuer.market.withdrawal_key.public_key()));
  return document.frame;
}

}  // namespace

SignedDocument loss_report(const TestIssuer& issuer, const Wallet& wallet, uint64_t time_ms) {
  const protocol::LossReport report{issuer.list.issuer_id, wallet.account(), time_ms};
  return SignedDocument::sign(report.encode(), wallet.key());
}

Agreed agree(const protocol::Replacement& replacement, const Wallet& lost,
             const Wallet& successor) {
  const protocol::Bytes frame = replacement.encode();
  return {SignedDocument::sign(frame, lost.key()), protocol::to_bytes(successor.key().sign(frame))};
}

Agreed replacement(const TestIssuer& issuer, const Wallet& lost, const Wallet& successor,
                   uint64_t time_ms) {
  return agree({issuer.list.issuer_id, lost.account(), successor.account(), time_ms}, lost,
               successor);
}

absl::StatusOr<std::string> call_report(Stub& stub, const SignedDocument& report) {
  v1::ReportLossRequest request;
  request.set_report(to_string(report.encode()));
  return send(stub, request);
}

absl::StatusOr<std::string> call_replace(Stub& stub, const Agreed& replacement) {
  v1::ReplaceAccountRequest request;
  request.set_replacement(to_string(replacement.document.encode()));
  request.set_successor_signature(to_string(replacement.consent));
  return send(stub, request);
}

absl::StatusOr<std::string> call_report(Stub& stub, const protocol::AccountId& account,
                                        const std::string& identified_by) {
  v1::ReportLossRequest request;
  request.mutable_act()->set_account_id(to_string(account));
  request.mutable_act()->set_identified_by(identified_by);
  return send(stub, request);
}

absl::StatusOr<std::string> call_replace(Stub& stub, const protocol::AccountId& lost,
                                         const protocol::AccountId& successor,
                                         const std::string& identified_by) {
  v1::ReplaceAccountRequest request;
  request.mutable_act()->set_account_id(to_string(lost));
  request.mutable_act()->set_identified_by(identified_by);
  request.set_successor_id(to_string(successor));
  return send(stub, request);
}

protocol::LossRecorded open_recorded(const TestIssuer& issuer, const std::string& statement) {
  return must(protocol::LossRecorded::decode(open(issuer, statement)));
}

protocol::Replaced open_replaced(const TestIssuer& issuer, const std::string& statement) {
  return must(protocol::Replaced::decode(open(issuer, statement)));
}

absl::StatusOr<v1::GetAccountResponse> call_account(Stub& stub,
                                                    const protocol::AccountId& account) {
  v1::GetAccountRequest request;
  request.set_account_id(to_string(account));
  return ask(stub, request, &Stub::GetAccount);
}

absl::StatusOr<v1::ListAccountOrdersResponse> call_orders(Stub& stub,
                                                          const protocol::AccountId& account,
                                                          uint64_t after, uint32_t limit) {
  v1::ListAccountOrdersRequest request;
  request.set_account_id(to_string(account));
  request.set_after(after);
  request.set_limit(limit);
  return ask(stub, request, &Stub::ListAccountOrders);
}

absl::StatusOr<v1::ListAccountLoadsResponse> call_loads(Stub& stub,
                                                        const protocol::AccountId& account,
                                                        uint64_t after, uint32_t limit) {
  v1::ListAccountLoadsRequest request;
  request.set_account_id(to_string(account));
  request.set_after(after);
  request.set_limit(limit);
  return ask(stub, request, &Stub::ListAccountLoads);
}

void run_sql(TestIssuer& issuer, const std::string& sql) {
  must(issuer.admin().transaction({}, [&](Transaction& tx) { return tx.run_script(sql); }));
}

std::string sql_id(const protocol::AccountId& account) { return "'\\x" + account.hex() + "'"; }

}  // namespace cafe::withdrawal
