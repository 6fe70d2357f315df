// Denomination lists and keys (section 2): what the wallet believes of its issuer.
#include <algorithm>

#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Denomination;
using protocol::Frame;
using protocol::FrameReader;
using protocol::SignedDocument;

namespace {

constexpr std::string_view kEquivocationLabel = "wallet/equivocation";

// number ‖ digest, as a payee showed it.
Bytes shown_value(uint32_t number, const Bytes32& digest) {
  Bytes value = protocol::to_bytes(protocol::encode_u32(number));
  protocol::append(value, digest);
  return value;
}

}  // namespace

absl::Status Wallet::accept_list(ByteView signed_list) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(signed_list));
  CAFE_ASSIGN_OR_RETURN(const protocol::Point master,
                        s.config.anchors.master_key(s.config.issuer_id));
  if (s.list_document && *s.list_document == document) return absl::OkStatus();
  if (s.list_document && protocol::is_equivocation(*s.list_document, document, master)) {
    CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(
        kEquivocationKey,
        Frame(kEquivocationLabel).add(s.list_document->encode()).add(document.encode()).view())));
    return protocol::refused("LIST_EQUIVOCATION",
                             "The issuer signed two different lists of one number; both are kept "
                             "as evidence. Show them to a court.");
  }
  CAFE_ASSIGN_OR_RETURN(protocol::DenominationList fresh, protocol::open_list(document, master));
  if (fresh.issuer_id != s.config.issuer_id) {
    return protocol::invalid("BAD_ISSUER_ID", "The list is another issuer's.");
  }
  if (s.list && fresh.number <= s.list->number) return absl::OkStatus();
  if (s.list) CAFE_RETURN_IF_ERROR(protocol::check_successor(*s.list, fresh));
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(kListKey, signed_list)));
  s.table = protocol::DenominationTable();
  s.table.add(fresh);
  s.list = std::move(fresh);
  s.list_document = std::move(document);
  return absl::OkStatus();
}

absl::Status Wallet::accept_key_certificate(ByteView signed_certificate, uint64_t now_s) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(signed_certificate));
  CAFE_ASSIGN_OR_RETURN(const auto certificate,
                        protocol::open_key_certificate(document, s.config.anchors,
                                                       protocol::kPurposeWithdrawal, now_s));
  if (certificate.issuer_id != s.config.issuer_id) {
    return protocol::invalid("BAD_ISSUER_ID", "The certificate is another issuer's.");
  }
  const std::string key = record_key(kKeyPrefix, document.digest());
  if (s.store->find(key) != nullptr) return absl::OkStatus();
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(key, signed_certificate)));
  s.withdrawal_keys.push_back(certificate.key);
  return absl::OkStatus();
}

absl::Status Wallet::State::check_withdrawal_signature(const SignedDocument& document) const {
  for (const protocol::Point& key : withdrawal_keys) {
    if (document.check(key).ok()) return absl::OkStatus();
  }
  return protocol::make_error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
                              "No certified withdrawal key of the issuer signed this: fetch the "
                              "issuer's key certificates, or do not trust it.");
}

absl::Status Wallet::State::check_issuer_signature(const SignedDocument& document,
                                                   ByteView key_certificate,
                                                   std::string_view purpose,
                                                   uint64_t at_ms) const {
  CAFE_ASSIGN_OR_RETURN(const auto certificate_document, SignedDocument::decode(key_certificate));
  CAFE_ASSIGN_OR_RETURN(const auto certificate,
                        protocol::open_key_certificate(certificate_document, config.anchors,
                                                       purpose, at_ms / 1000));
  if (certificate.issuer_id != config.issuer_id) {
    return protocol::invalid("BAD_ISSUER_ID", "The certificate is another issuer's.");
  }
  return document.check(certificate.key);
}

absl::Status Wallet::on_notice(ByteView notice_message, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(const auto message, firmware::NoticeMessage::decode(notice_message));
  CAFE_ASSIGN_OR_RETURN(const auto terminal,
                        message.credential.open(state_->config.anchors, now_ms / 1000));
  return state_->take_notice(message.notice, terminal, notice_message);
}

absl::Status Wallet::State::take_notice(const SignedDocument& document,
                                        const protocol::TerminalCertificate& terminal,
                                        ByteView message) {
  CAFE_RETURN_IF_ERROR(document.check(terminal.key));
  CAFE_ASSIGN_OR_RETURN(const auto notice, firmware::ListNotice::decode(document.frame));
  if (notice.acquirer_id != terminal.acquirer_id || notice.payee_id != terminal.payee_id ||
      notice.terminal_id != terminal.terminal_id) {
    return protocol::invalid("WRONG_PAYEE", "The notice names another terminal than its signer.");
  }
  for (const firmware::ShownList& shown : notice.lists) {
    if (shown.issuer_id != config.issuer_id) continue;
    if (list && shown.number == list->number && shown.digest != list_document->digest()) {
      CAFE_RETURN_IF_ERROR(store->commit(
          Batch().put(record_key(kDiffersPrefix, protocol::encode_u32(shown.number)), message)));
      return protocol::refused("LIST_DIFFERS",
                               "This payee was shown another list of the same number than this "
                               "wallet: withdraw nothing from it.");
    }
    const std::string key = record_key(kShownPrefix, notice.payee_id);
    const Bytes value = shown_value(shown.number, shown.digest);
    const Bytes* known = store->find(key);
    if (known == nullptr || *known != value) {
      CAFE_RETURN_IF_ERROR(store->commit(Batch().put(key, value)));
    }
  }
  return absl::OkStatus();
}

absl::Status Wallet::State::take_notice_of_offer(const protocol::TerminalCredential& credential,
                                                 const SignedDocument& notice,
                                                 const protocol::TerminalCertificate& terminal) {
  const Bytes message = firmware::NoticeMessage{credential, notice}.encode();
  const absl::Status noted = take_notice(notice, terminal, message);
  return protocol::reason_of(noted) == "LIST_DIFFERS" ? absl::OkStatus() : noted;
}

absl::StatusOr<const Denomination*> Wallet::State::denomination_of(
    const protocol::DenomId& id) const {
  const Denomination* found = table.find(id);
  if (found == nullptr) {
    return protocol::refused("UNKNOWN_DENOMINATION",
                             "The denomination is not in the wallet's list: fetch the newest.");
  }
  return found;
}

uint32_t Wallet::State::confirmations() const {
  if (!list) return 0;
  if (store->find(record_key(kDiffersPrefix, protocol::encode_u32(list->number))) != nullptr) {
    return 0;
  }
  const Bytes mine = shown_value(list->number, list_document->digest());
  uint32_t count = 0;
  bool differs = false;
  store->scan(kShownPrefix, [&](std::string_view, ByteView shown) {
    if (std::equal(shown.begin(), shown.end(), mine.begin(), mine.end())) {
      ++count;
    } else if (std::equal(mine.begin(), mine.begin() + 4, shown.begin())) {
      differs = true;  // shown before this wallet had the list
    }
  });
  return differs ? 0 : count;
}

bool Wallet::list_confirmed() const {
  return state_->list.has_value() && state_->confirmations() >= state_->config.list_confirmations;
}

const protocol::DenominationList* Wallet::list() const {
  return state_->list ? &*state_->list : nullptr;
}

std::optional<std::pair<Bytes, Bytes>> Wallet::equivocation() const {
  const Bytes* record = state_->store->find(kEquivocationKey);
  if (record == nullptr) return std::nullopt;
  auto in = FrameReader::open(kEquivocationLabel, *record);
  if (!in.ok()) return std::nullopt;
  auto first = in->bytes();
  auto second = in->bytes();
  if (!first.ok() || !second.ok()) return std::nullopt;
  return std::make_pair(*std::move(first), *std::move(second));
}

}  // namespace cafe::wallet
