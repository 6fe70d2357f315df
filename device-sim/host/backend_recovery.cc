// The calls of a lost wallet, and of terminals that must not take what was claimed.
#include "device-sim/host/backend.h"
#include "device-sim/host/channel.h"
#include "libs/protocol/hash.h"

namespace cafe::host {

using protocol::Bytes;
using protocol::ByteView;

namespace {

absl::Status no_address(const std::string& service) {
  return protocol::invalid("NO_ADDRESS", "The address of the " + service + " service is missing.");
}

// A claim's file grows by a statement now and then, at most one for each claimed slot.
constexpr int kMostChanges = 8;  // while it is read
constexpr uint64_t kMostFileBytes = uint64_t{1} << 30;

absl::Status wrong_slice() {
  return protocol::make_error(absl::StatusCode::kInternal, "WRONG_SLICE",
                              "The parts of the claim's file that the service sends make no file.");
}

absl::Status no_operator() {
  return protocol::invalid("NO_OPERATOR", "Only the operator, by its certificate, does that.");
}

std::vector<Bytes> all_bytes_of(const google::protobuf::RepeatedPtrField<std::string>& fields) {
  std::vector<Bytes> out;
  for (const std::string& field : fields) out.push_back(bytes_of(field));
  return out;
}

}  // namespace

absl::StatusOr<Certified> Backend::report_loss(ByteView signed_report) {
  v1::ReportLossRequest request;
  v1::ReportLossResponse response;
  assign(request.mutable_report(), signed_report);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return withdrawal_->ReportLoss(context, request, &response); }));
  return Certified{bytes_of(response.recorded()), bytes_of(response.key_certificate())};
}

absl::StatusOr<Certified> Backend::replace_account(ByteView signed_replacement,
                                                   ByteView successor_signature) {
  v1::ReplaceAccountRequest request;
  v1::ReplaceAccountResponse response;
  assign(request.mutable_replacement(), signed_replacement);
  assign(request.mutable_successor_signature(), successor_signature);
  CAFE_RETURN_IF_ERROR(call(
      [&](auto* context) { return withdrawal_->ReplaceAccount(context, request, &response); }));
  return Certified{bytes_of(response.replaced()), bytes_of(response.key_certificate())};
}

absl::Status Backend::act_on_loss(const protocol::AccountId& account,
                                  std::string_view identified_by) {
  if (operator_ == nullptr) return no_operator();
  v1::ReportLossRequest request;
  v1::ReportLossResponse response;
  assign(request.mutable_act()->mutable_account_id(), account);
  request.mutable_act()->set_identified_by(std::string(identified_by));
  return call([&](auto* context) { return operator_->ReportLoss(context, request, &response); });
}

absl::Status Backend::act_on_replacement(const protocol::AccountId& lost,
                                         const protocol::AccountId& successor,
                                         std::string_view identified_by) {
  if (operator_ == nullptr) return no_operator();
  v1::ReplaceAccountRequest request;
  v1::ReplaceAccountResponse response;
  assign(request.mutable_act()->mutable_account_id(), lost);
  request.mutable_act()->set_identified_by(std::string(identified_by));
  assign(request.mutable_successor_id(), successor);
  return call(
      [&](auto* context) { return operator_->ReplaceAccount(context, request, &response); });
}

absl::StatusOr<Certified> Backend::put_backup(ByteView signed_backup) {
  if (recovery_ == nullptr) return no_address("recovery");
  v1::PutBackupRequest request;
  v1::PutBackupResponse response;
  assign(request.mutable_backup(), signed_backup);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return recovery_->PutBackup(context, request, &response); }));
  return Certified{bytes_of(response.kept()), bytes_of(response.key_certificate())};
}

absl::StatusOr<Bytes> Backend::get_backup(ByteView signed_query) {
  if (recovery_ == nullptr) return no_address("recovery");
  v1::GetBackupRequest request;
  v1::GetBackupResponse response;
  assign(request.mutable_query(), signed_query);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return recovery_->GetBackup(context, request, &response); }));
  return bytes_of(response.backup());
}

absl::StatusOr<wallet::ListedOrders> Backend::list_orders(ByteView signed_query) {
  if (recovery_ == nullptr) return no_address("recovery");
  v1::ListOrdersRequest request;
  v1::ListOrdersResponse response;
  assign(request.mutable_query(), signed_query);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return recovery_->ListOrders(context, request, &response); }));
  wallet::ListedOrders listed;
  listed.listing = bytes_of(response.listing());
  for (const auto& order : response.orders()) {
    listed.orders.push_back({bytes_of(order.order()), bytes_of(order.completion())});
  }
  listed.key_certificates = all_bytes_of(response.key_certificates());
  listed.registration_file = bytes_of(response.registration_file());
  listed.receipt = bytes_of(response.receipt());
  listed.loads = all_bytes_of(response.loads());
  return listed;
}

absl::StatusOr<ClaimAnswer> Backend::file_claim(ByteView signed_claim) {
  if (recovery_ == nullptr) return no_address("recovery");
  v1::FileClaimRequest request;
  v1::FileClaimResponse response;
  assign(request.mutable_claim(), signed_claim);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return recovery_->FileClaim(context, request, &response); }));
  const bool refused = response.has_refused();
  return ClaimAnswer{refused,
                     {bytes_of(refused ? response.refused() : response.receipt()),
                      bytes_of(response.key_certificate())}};
}

absl::StatusOr<Bytes> Backend::get_claim(ByteView signed_query) {
  if (recovery_ == nullptr) return no_address("recovery");
  v1::GetClaimRequest request;
  v1::GetClaimResponse response;
  assign(request.mutable_query(), signed_query);
  Bytes file;
  std::string digest;  // of the file that the slices so far are of
  int slices_of_old_files = 0;
  do {
    request.set_offset(file.size());
    CAFE_RETURN_IF_ERROR(
        call([&](auto* context) { return recovery_->GetClaim(context, request, &response); }));
    if (!file.empty() && response.digest() != digest) {
      if (++slices_of_old_files > kMostChanges) return wrong_slice();
      file.clear();
      continue;
    }
    digest = response.digest();
    const size_t slice = response.slice().size();
    if (slice == 0 || response.size() > kMostFileBytes || slice > response.size() - file.size()) {
      return wrong_slice();
    }
    protocol::append(file, bytes_of(response.slice()));
  } while (file.empty() || file.size() < response.size());
  if (digest != protocol::to_string(protocol::sha256(file))) return wrong_slice();
  return file;
}

absl::StatusOr<Certified> Backend::hotlist(uint64_t after) {
  if (recovery_ == nullptr) return no_address("recovery");
  v1::GetHotlistRequest request;
  v1::GetHotlistResponse response;
  request.set_after(after);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return recovery_->GetHotlist(context, request, &response); }));
  return Certified{bytes_of(response.hotlist()), bytes_of(response.key_certificate())};
}

absl::StatusOr<Certified> Backend::look_up(const protocol::CoinPrefix& prefix) {
  if (options_.doublespend_address.empty()) return no_address("double-spend");
  CAFE_ASSIGN_OR_RETURN(const auto channel, open_channel(options_.doublespend_address,
                                                         "doublespend", options_, Line::kAlone));
  const auto store = v1::DoubleSpend::NewStub(channel);
  v1::LookupPrefixRequest request;
  v1::LookupPrefixResponse response;
  request.set_bits(prefix.bits);
  request.set_prefix(prefix.value);
  CAFE_RETURN_IF_ERROR(
      call([&](auto* context) { return store->LookupPrefix(context, request, &response); }));
  return Certified{bytes_of(response.answer()), bytes_of(response.key_certificate())};
}

}  // namespace cafe::host
