#include "services/recovery/account.h"

#include <algorithm>

namespace cafe::recovery {
namespace {

using protocol::AccountId;
using protocol::Point;
using protocol::RegistrationReceipt;
using protocol::SignedDocument;

absl::Status does_not_fit(std::string_view what) {
  std::string message = "Withdrawal's answer about an account does not hold together: ";
  message += what;
  return protocol::make_error(absl::StatusCode::kInternal, "PEER_ANSWER", message);
}

absl::StatusOr<std::vector<SignedDocument>> decode_all(std::span<const protocol::Bytes> encoded) {
  std::vector<SignedDocument> documents;
  for (const protocol::Bytes& each : encoded) {
    CAFE_ASSIGN_OR_RETURN(documents.emplace_back(), SignedDocument::decode(each));
  }
  return documents;
}

// The keys that registrations, losses and successors may be signed with.
class IssuerKeys {
 public:
  static absl::StatusOr<IssuerKeys> open(std::span<const SignedDocument> certificates,
                                         std::string_view issuer_id,
                                         const protocol::TrustAnchors& anchors) {
    IssuerKeys keys;
    for (const SignedDocument& certificate : certificates) {
      CAFE_ASSIGN_OR_RETURN(
          const protocol::KeyCertificate opened,
          open_key_certificate(certificate, anchors, protocol::kPurposeWithdrawal, std::nullopt));
      if (opened.issuer_id == issuer_id) keys.keys_.push_back(opened.key);
    }
    return keys;
  }
  bool signed_by_one(const SignedDocument& document) const {
    return std::ranges::any_of(keys_, [&](const Point& key) { return document.check(key).ok(); });
  }

 private:
  std::vector<Point> keys_;
};

absl::StatusOr<RegistrationReceipt> open_receipt(const SignedDocument& document,
                                                 const IssuerKeys& keys) {
  if (!keys.signed_by_one(document)) return does_not_fit("a receipt that no key of it signed");
  return RegistrationReceipt::decode(document.frame);
}

// The chain of who replaced whom, from the account on.
absl::StatusOr<std::vector<Speaker>> open_successors(const Account& account,
                                                     const IssuerKeys& keys) {
  if (account.replacements.size() != account.successor_receipts.size()) {
    return does_not_fit("not one receipt for each successor");
  }
  std::vector<Speaker> successors;
  for (size_t i = 0; i < account.replacements.size(); ++i) {
    if (!keys.signed_by_one(account.replacements[i])) {
      return does_not_fit("a replacement that no key of it signed");
    }
    CAFE_ASSIGN_OR_RETURN(const auto replaced,
                          protocol::Replaced::decode(account.replacements[i].frame));
    CAFE_ASSIGN_OR_RETURN(const RegistrationReceipt receipt,
                          open_receipt(account.successor_receipts[i], keys));
    const AccountId& before = i == 0 ? account.holder.id : successors.back().id;
    if (replaced.lost != before || replaced.successor != receipt.account) {
      return does_not_fit("a chain of successors with a gap");
    }
    successors.push_back({receipt.account, receipt.K});
  }
  return successors;
}

absl::Status check_loss(const Account& account, const IssuerKeys& keys) {
  if ((account.standing == Standing::kLost) && !account.loss) {
    return does_not_fit("a lost account without a record of its loss");
  }
  if (!account.loss) return absl::OkStatus();
  if (!keys.signed_by_one(*account.loss)) return does_not_fit("a loss that no key of it signed");
  CAFE_ASSIGN_OR_RETURN(const auto recorded, protocol::LossRecorded::decode(account.loss->frame));
  if (recorded.account != account.holder.id) return does_not_fit("another account's loss");
  return absl::OkStatus();
}

}  // namespace

const Speaker* Account::speaker(const AccountId& id) const {
  if (id == holder.id) return &holder;
  if (!successors.empty() && id == successors.back().id) return &successors.back();
  return nullptr;
}

absl::StatusOr<Account> open_account(const AccountAnswer& answer, const AccountId& id,
                                     std::string_view issuer_id,
                                     const protocol::TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(auto certificates, decode_all(answer.key_certificates));
  CAFE_ASSIGN_OR_RETURN(const IssuerKeys keys, IssuerKeys::open(certificates, issuer_id, anchors));
  CAFE_ASSIGN_OR_RETURN(auto file, protocol::RegistrationFile::decode(answer.registration_file));
  CAFE_ASSIGN_OR_RETURN(const auto registration,
                        protocol::Registration::decode(file.registration.frame));
  CAFE_ASSIGN_OR_RETURN(auto receipt, SignedDocument::decode(answer.receipt));
  CAFE_ASSIGN_OR_RETURN(const RegistrationReceipt opened, open_receipt(receipt, keys));
  if (opened.account != id || opened.issuer_id != issuer_id || opened.K != registration.K ||
      opened.registration_digest != file.registration.digest()) {
    return does_not_fit("a receipt of another registration");
  }
  CAFE_ASSIGN_OR_RETURN(const auto points, protocol::IdentityPoints::compute(
                                               registration.A_O, registration.A_Q, registration.U));

  Account account{.standing = answer.standing,
                  .holder = {id, opened.K},
                  .successors = {},
                  .points = points,
                  .last_order = answer.last_order,
                  .last_load = answer.last_load,
                  .registration = std::move(file),
                  .receipt = std::move(receipt),
                  .replacements = {},
                  .successor_receipts = {},
                  .loss = {},
                  .key_certificates = std::move(certificates)};
  CAFE_ASSIGN_OR_RETURN(account.replacements, decode_all(answer.replacements));
  CAFE_ASSIGN_OR_RETURN(account.successor_receipts, decode_all(answer.successor_receipts));
  CAFE_ASSIGN_OR_RETURN(account.successors, open_successors(account, keys));
  if (!answer.loss_recorded.empty()) {
    CAFE_ASSIGN_OR_RETURN(account.loss, SignedDocument::decode(answer.loss_recorded));
  }
  CAFE_RETURN_IF_ERROR(check_loss(account, keys));
  return account;
}

absl::Status check_speaker(const Account& account, const AccountId& by,
                           const SignedDocument& document) {
  const Speaker* const speaker = account.speaker(by);
  if (speaker == nullptr) {
    return protocol::make_error(absl::StatusCode::kPermissionDenied, "NOT_THE_HOLDER",
                                "Only the account itself or its last successor speaks for it.");
  }
  return document.check(speaker->key);
}

}  // namespace cafe::recovery
