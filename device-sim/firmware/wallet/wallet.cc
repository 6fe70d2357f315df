// Start, lists and registration. Withdrawal is in withdrawal.cc, payment in payment.cc.
#include "device-sim/firmware/wallet/wallet.h"

#include <algorithm>
#include <set>

#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using firmware::RecordStore;
using protocol::Bytes;
using protocol::Bytes32;
using protocol::ByteView;
using protocol::Frame;
using protocol::FrameReader;
using protocol::SignedDocument;

namespace {

constexpr std::string_view kRegistrationLabel = "wallet/registration";
constexpr std::string_view kEquivocationLabel = "wallet/equivocation";

absl::Status damaged() {
  return protocol::make_error(absl::StatusCode::kDataLoss, "STORE_DAMAGED",
                              "The wallet's memory holds a record that cannot be read: take the "
                              "wallet to its issuer.");
}

// number ‖ digest, as a payee showed it.
Bytes shown_value(uint32_t number, const Bytes32& digest) {
  Bytes value = protocol::to_bytes(protocol::encode_u32(number));
  protocol::append(value, digest);
  return value;
}

}  // namespace

Wallet::Wallet(std::unique_ptr<State> state) : state_(std::move(state)) {}
Wallet::~Wallet() = default;

absl::StatusOr<std::unique_ptr<Wallet>> Wallet::boot(firmware::NonVolatileMemory& memory,
                                                     firmware::ApduPort& guardian,
                                                     protocol::Rng& rng, Owner& owner,
                                                     Config config) {
  CAFE_ASSIGN_OR_RETURN(auto store, RecordStore::open(memory));
  auto state = std::make_unique<State>(std::move(store), guardian, rng, owner, std::move(config));
  CAFE_RETURN_IF_ERROR(state->load());
  return std::unique_ptr<Wallet>(new Wallet(std::move(state)));
}

absl::Status Wallet::State::load() {
  CAFE_RETURN_IF_ERROR(load_seeds());
  CAFE_RETURN_IF_ERROR(load_identity());
  CAFE_RETURN_IF_ERROR(load_records());
  return free_orphans();
}

absl::Status Wallet::State::load_seeds() {
  if (store->find(kSeedsKey) == nullptr) {
    protocol::SecretArray<64> fresh;
    rng.fill(fresh.mutable_view());
    CAFE_RETURN_IF_ERROR(store->commit(Batch().put(kSeedsKey, fresh.view())));
  }
  const ByteView seeds(*store->find(kSeedsKey));
  if (seeds.size() != 64) return damaged();
  std::copy_n(seeds.begin(), 32, identity_seed.mutable_view().begin());
  std::copy_n(seeds.begin() + 32, 32, coin_seed.mutable_view().begin());
  return absl::OkStatus();
}

absl::Status Wallet::State::load_identity() {
  CAFE_ASSIGN_OR_RETURN(const Bytes bytes, guardian.certificate());
  CAFE_ASSIGN_OR_RETURN(guardian_document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(guardian_certificate,
                        protocol::open_guardian_certificate(guardian_document, config.anchors));
  CAFE_ASSIGN_OR_RETURN(identity, protocol::WalletIdentity::derive(identity_seed, config.issuer_id,
                                                                   *guardian_certificate));
  CAFE_ASSIGN_OR_RETURN(points,
                        protocol::IdentityPoints::compute(guardian_certificate->A_O,
                                                          guardian_certificate->A_Q, identity->U));
  account = protocol::account_id(config.issuer_id, points->I_coin);
  return absl::OkStatus();
}

absl::Status Wallet::State::load_records() {
  absl::Status status;
  const auto each = [&](std::string_view prefix, auto take) {
    store->scan(prefix, [&](std::string_view, ByteView value) { status.Update(take(value)); });
  };
  each(kCoinPrefix, [&](ByteView value) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(HeldCoin held, HeldCoin::decode(value));
    coins.emplace(held.coin.id(), held);
    return absl::OkStatus();
  });
  each(kPaymentPrefix, [&](ByteView value) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(PaymentRecord record, PaymentRecord::decode(value));
    next_payment = std::max(next_payment, record.number + 1);
    payments.emplace(record.terms.digest(), record);
    return absl::OkStatus();
  });
  each(kKeyPrefix, [&](ByteView value) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(value));
    CAFE_ASSIGN_OR_RETURN(auto certificate, protocol::KeyCertificate::decode(document.frame));
    withdrawal_keys.push_back(certificate.key);
    return absl::OkStatus();
  });
  CAFE_RETURN_IF_ERROR(status);
  if (const Bytes* bytes = store->find(kListKey)) {
    CAFE_ASSIGN_OR_RETURN(list_document, SignedDocument::decode(*bytes));
    CAFE_ASSIGN_OR_RETURN(list, protocol::DenominationList::decode(list_document->frame));
    table.add(*list);
  }
  if (const Bytes* bytes = store->find(kChainKey)) {
    if (bytes->size() != 8) return damaged();
    chain = protocol::decode_u64(ByteView(*bytes).first<8>());
  }
  if (const Bytes* bytes = store->find(kOrderKey)) {
    CAFE_ASSIGN_OR_RETURN(order, OrderRecord::decode(*bytes));
  }
  return absl::OkStatus();
}

// A slot is needed while its order is under way, its coin's slot is free to spend, or the payment
// that it is promised to is not assembled yet.
absl::Status Wallet::State::free_orphans() {
  std::set<Handle> needed;
  for (const MadeSlot& slot : order.slots) needed.insert(slot.handle);
  for (const auto& [id, held] : coins) {
    for (const HeldSlot& slot : held.slots) {
      if (!slot.bound.request) needed.insert(slot.handle);
    }
  }
  for (const auto& [digest, payment] : payments) {
    if (payment.state != PaymentState::kPromised) continue;
    for (const PlannedSpend& spend : payment.plan) {
      const auto held = coins.find(spend.coin);
      if (held == coins.end() || spend.slot >= held->second.slots.size()) return damaged();
      needed.insert(held->second.slots[spend.slot].handle);
    }
  }
  CAFE_ASSIGN_OR_RETURN(const std::vector<Handle> present, guardian.list_slots());
  for (Handle handle : present) {
    if (!needed.contains(handle)) CAFE_RETURN_IF_ERROR(guardian.free_slot(handle));
  }
  return absl::OkStatus();
}

// --- Lists and keys ---

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

// --- Registration ---

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
  CAFE_ASSIGN_OR_RETURN(const MadeSlot slot, s.guardian.make_coin_slot());
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

  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(receipt_bytes));
  CAFE_RETURN_IF_ERROR(s.check_withdrawal_signature(document));
  CAFE_ASSIGN_OR_RETURN(const auto receipt, protocol::RegistrationReceipt::decode(document.frame));
  if (receipt.issuer_id != s.config.issuer_id || receipt.account != s.account ||
      receipt.registration_digest != file.registration.digest()) {
    return protocol::invalid("RECEIPT_MISMATCH", "The receipt is for another registration.");
  }
  if (s.registered()) return absl::OkStatus();
  return s.store->commit(Batch().put(kReceiptKey, receipt_bytes));
}

bool Wallet::registered() const { return state_->registered(); }

absl::StatusOr<protocol::AccountId> Wallet::account() const {
  if (!state_->registered()) {
    return protocol::refused("NOT_REGISTERED", "The wallet has no account yet: register it.");
  }
  return state_->account;
}

}  // namespace cafe::wallet
