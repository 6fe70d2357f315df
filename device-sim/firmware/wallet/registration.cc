// Registration (section 3), and what shows it to others.
#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Frame;
using protocol::FrameReader;
using protocol::HolderCredential;
using protocol::SignedDocument;

namespace {

constexpr std::string_view kRegistrationLabel = "wallet/registration";

}  // namespace

absl::Status not_registered() {
  return protocol::refused("NOT_REGISTERED", "The wallet has no account yet: register it.");
}

absl::StatusOr<Bytes> Wallet::begin_registration(const Bytes32& nonce) {
  State& s = *state_;
  if (const Bytes* record = s.store->find(kRegistrationKey)) {
    CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kRegistrationLabel, *record));
    CAFE_ASSIGN_OR_RETURN(const Bytes32 earlier, in.array<32>());
    CAFE_ASSIGN_OR_RETURN(Bytes file, in.bytes());
    if (earlier == nonce) return file;
  }
  if (s.registered()) {
    return protocol::refused("ALREADY_REGISTERED", "The wallet has its account already.");
  }
  return s.with_account(PinUse::kRegistration, [&] { return s.register_with(nonce); });
}

// With a slot that pays nothing.
absl::StatusOr<Bytes> Wallet::State::register_with(const Bytes32& nonce) {
  State& s = *this;
  const std::string no_currency(3, 'X');  // ISO 4217's code for none
  CAFE_ASSIGN_OR_RETURN(const MadeSlot slot,
                        s.guardian.make_slot(protocol::Kind::kCoin, no_currency, 0));
  CAFE_ASSIGN_OR_RETURN(const auto draft,
                        protocol::RegistrationDraft::begin(*s.identity, s.config.issuer_id, nonce,
                                                           s.guardian_document, slot.B_O, s.rng));
  CAFE_ASSIGN_OR_RETURN(const protocol::Scalar answer,
                        s.guardian.answer_coin(slot.handle, draft.guardian_challenge()));
  CAFE_ASSIGN_OR_RETURN(const protocol::RegistrationFile file, draft.finish(answer));
  CAFE_RETURN_IF_ERROR(s.guardian.free_slot(slot.handle));
  Bytes encoded = file.encode();
  CAFE_RETURN_IF_ERROR(s.store->commit(
      Batch().put(kRegistrationKey, Frame(kRegistrationLabel).add(nonce).add(encoded).view())));
  return encoded;
}

absl::StatusOr<Bytes> Wallet::pending_registration() const {
  const State& s = *state_;
  const Bytes* record = s.store->find(kRegistrationKey);
  if (record == nullptr || s.registered()) {
    return protocol::refused("NO_REGISTRATION", "The wallet waits for no receipt.");
  }
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kRegistrationLabel, *record));
  CAFE_RETURN_IF_ERROR(in.array<32>().status());
  return in.bytes();
}

absl::Status Wallet::on_registration_receipt(ByteView receipt_bytes) {
  State& s = *state_;
  const Bytes* record = s.store->find(kRegistrationKey);
  if (record == nullptr) {
    return protocol::refused("NOT_REGISTERED", "The wallet has not begun to register.");
  }
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kRegistrationLabel, *record));
  CAFE_RETURN_IF_ERROR(in.array<32>().status());
  CAFE_ASSIGN_OR_RETURN(ByteView file_bytes, in.field());
  CAFE_ASSIGN_OR_RETURN(const auto file, protocol::RegistrationFile::decode(file_bytes));
  CAFE_ASSIGN_OR_RETURN(const auto registration,
                        protocol::Registration::decode(file.registration.frame));

  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(receipt_bytes));
  CAFE_RETURN_IF_ERROR(s.check_withdrawal_signature(document));
  CAFE_ASSIGN_OR_RETURN(const auto receipt, protocol::RegistrationReceipt::decode(document.frame));
  if (receipt.issuer_id != s.config.issuer_id || receipt.account != s.account ||
      receipt.registration_digest != file.registration.digest() || receipt.K != registration.K) {
    return protocol::invalid("RECEIPT_MISMATCH", "The receipt is for another registration.");
  }
  if (s.registered()) return absl::OkStatus();
  return s.store->commit(Batch().put(kReceiptKey, receipt_bytes));
}

bool Wallet::registered() const { return state_->registered(); }

absl::StatusOr<protocol::AccountId> Wallet::account() const {
  if (!state_->registered()) return not_registered();
  return state_->account;
}

// The receipt with the certificate of the key that signed it, among those that the wallet keeps.
absl::StatusOr<HolderCredential> Wallet::State::holder_credential() const {
  const Bytes* receipt = store->find(kReceiptKey);
  if (receipt == nullptr) return not_registered();
  HolderCredential credential;
  CAFE_ASSIGN_OR_RETURN(credential.receipt, SignedDocument::decode(*receipt));
  absl::Status status = not_registered();
  store->scan(kKeyPrefix, [&](std::string_view, ByteView bytes) {
    if (status.ok()) return;
    auto certificate = SignedDocument::decode(bytes);
    if (!certificate.ok()) return;
    credential.withdrawal_key = *std::move(certificate);
    status = credential.open(config.anchors).status();
  });
  CAFE_RETURN_IF_ERROR(status);
  return credential;
}

absl::StatusOr<Bytes> Wallet::holder_credential() const {
  CAFE_ASSIGN_OR_RETURN(const HolderCredential credential, state_->holder_credential());
  return credential.encode();
}

}  // namespace cafe::wallet
