// The start: the wallet's memory, decoded.
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
using protocol::SignedDocument;

absl::Status damaged() {
  return protocol::make_error(absl::StatusCode::kDataLoss, "STORE_DAMAGED",
                              "The wallet's memory holds a record that cannot be read: take the "
                              "wallet to its issuer.");
}

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
  // Where this chip was off and the guardian was not, nobody's PIN is open to who starts it.
  guardian.forget_pins().IgnoreError();
  CAFE_RETURN_IF_ERROR(load_seeds());
  CAFE_RETURN_IF_ERROR(load_documents());
  CAFE_RETURN_IF_ERROR(load_money());
  // A load that the guardian may have been given already. Without the PIN it takes none now: what
  // it has not taken stays under way.
  if (load_under_way && !load_under_way->loaded.empty()) book_load(false).IgnoreError();
  settle_ticks_in_doubt();
  return free_orphans();
}

absl::Status Wallet::State::load_seeds() {
  CAFE_ASSIGN_OR_RETURN(const Bytes bytes, guardian.certificate());
  CAFE_ASSIGN_OR_RETURN(guardian_document, SignedDocument::decode(bytes));
  CAFE_ASSIGN_OR_RETURN(guardian_certificate,
                        protocol::open_guardian_certificate(guardian_document, config.anchors));
  const Bytes* seeds = store->find(kSeedsKey);
  if (seeds == nullptr) return absl::OkStatus();  // a new device
  const ByteView view(*seeds);
  if (view.size() != 3 * 32) return damaged();
  CAFE_ASSIGN_OR_RETURN(const auto secret, protocol::Scalar::decode(view.subspan(32, 32)));
  protocol::Seed coins;
  std::copy_n(view.begin() + 64, 32, coins.mutable_view().begin());
  return take_seeds(secret, coins);
}

absl::Status Wallet::State::take_seeds(const protocol::Scalar& secret,
                                       const protocol::Seed& coins) {
  const auto U = protocol::multiply(secret, protocol::g1());
  if (!U) return damaged();
  u1 = secret;
  coin_seed = coins;
  CAFE_ASSIGN_OR_RETURN(points, protocol::IdentityPoints::compute(guardian_certificate->A_O,
                                                                  guardian_certificate->A_Q, *U));
  account = protocol::account_id(config.issuer_id, points->I_coin);
  return absl::OkStatus();
}

namespace {

// Decodes every record under `prefix`, and says where one cannot be read.
template <typename Take>
absl::Status each(const RecordStore& store, std::string_view prefix, Take take) {
  absl::Status status;
  store.scan(prefix, [&](std::string_view key, ByteView value) {
    status.Update(take(protocol::view_of(key.substr(prefix.size())), value));
  });
  return status;
}

absl::StatusOr<uint64_t> number_in(ByteView value) {
  if (value.size() != 8) return damaged();
  return protocol::decode_u64(value.first<8>());
}

}  // namespace

absl::Status Wallet::State::load_documents() {
  CAFE_RETURN_IF_ERROR(each(*store, kKeyPrefix, [&](ByteView, ByteView value) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(SignedDocument document, SignedDocument::decode(value));
    CAFE_ASSIGN_OR_RETURN(auto certificate, protocol::KeyCertificate::decode(document.frame));
    withdrawal_keys.push_back(certificate.key);
    return absl::OkStatus();
  }));
  if (const Bytes* bytes = store->find(kListKey)) {
    CAFE_ASSIGN_OR_RETURN(list_document, SignedDocument::decode(*bytes));
    CAFE_ASSIGN_OR_RETURN(list, protocol::DenominationList::decode(list_document->frame));
    table.add(*list);
  }
  if (const Bytes* bytes = store->find(kLoadKeyKey)) {
    CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(*bytes));
    CAFE_ASSIGN_OR_RETURN(load_key, protocol::LoadKeyCertificate::decode(document.frame));
  }
  if (const Bytes* bytes = store->find(kChainKey)) {
    CAFE_ASSIGN_OR_RETURN(chain, number_in(*bytes));
  }
  if (const Bytes* bytes = store->find(kOrderKey)) {
    CAFE_ASSIGN_OR_RETURN(order, OrderRecord::decode(*bytes));
  }
  return absl::OkStatus();
}

absl::Status Wallet::State::load_money() {
  CAFE_RETURN_IF_ERROR(each(*store, kCoinPrefix, [&](ByteView, ByteView value) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(HeldCoin held, HeldCoin::decode(value));
    coins.emplace(held.coin.id(), held);
    return absl::OkStatus();
  }));
  CAFE_RETURN_IF_ERROR(each(*store, kPaymentPrefix, [&](ByteView, ByteView value) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(PaymentRecord record, PaymentRecord::decode(value));
    next_payment = std::max(next_payment, record.number + 1);
    payments.emplace(record.terms.digest(), record);
    return absl::OkStatus();
  }));
  CAFE_RETURN_IF_ERROR(each(*store, kCallPrefix, [&](ByteView id, ByteView value) -> absl::Status {
    CAFE_ASSIGN_OR_RETURN(const Bytes32 digest, protocol::to_array<32>(id));
    Call& call = calls[digest];
    CAFE_ASSIGN_OR_RETURN(call.record, CallRecord::decode(value));
    if (const Bytes* ticks = store->find(record_key(kTickPrefix, digest))) {
      CAFE_ASSIGN_OR_RETURN(call.ticks, TickRecord::decode(*ticks));
    }
    if (const Bytes* asked = store->find(record_key(kAskedPrefix, digest))) {
      if (asked->size() != 4) return damaged();
      call.asked = protocol::decode_u32(ByteView(*asked).first<4>());
    }
    return absl::OkStatus();
  }));
  CAFE_RETURN_IF_ERROR(
      each(*store, kCounterPrefix, [&](ByteView id, ByteView value) -> absl::Status {
        CAFE_ASSIGN_OR_RETURN(counters[protocol::to_string(id)], number_in(value));
        return absl::OkStatus();
      }));
  if (const Bytes* bytes = store->find(kLoadsKey)) {
    CAFE_ASSIGN_OR_RETURN(loads, number_in(*bytes));
  }
  if (const Bytes* bytes = store->find(kLoadKey)) {
    CAFE_ASSIGN_OR_RETURN(load_under_way, LoadRecord::decode(*bytes));
  }
  if (const Bytes* bytes = store->find(kPayBackKey)) {
    CAFE_ASSIGN_OR_RETURN(pay_back, PayBackRecord::decode(*bytes));
  }
  if (const Bytes* bytes = store->find(kAllowancesKey)) {
    CAFE_ASSIGN_OR_RETURN(allowances, AllowancesRecord::decode(*bytes));
  }
  return absl::OkStatus();
}

bool Wallet::State::under_way(const PaymentRecord& payment) {
  if (payment.state == PaymentState::kPromised) return true;
  return payment.kind == PaymentKind::kCall &&
         (payment.state == PaymentState::kReady || payment.state == PaymentState::kAccepted);
}

// A slot is needed while its order is under way, its coin's slot is free to spend, or the payment
// or call that it is promised to is under way. Ticks are needed where a call was promised: those of
// a cheque that is free to spend were drawn for a call that came to nothing.
absl::Status Wallet::State::free_orphans() {
  std::set<Handle> needed, unspent;
  for (const MadeSlot& slot : order.slots) needed.insert(slot.handle);
  for (const auto& [id, held] : coins) {
    for (const HeldSlot& slot : held.slots) {
      if (!slot.bound.request) unspent.insert(slot.handle);
    }
  }
  needed.insert(unspent.begin(), unspent.end());
  for (const auto& [digest, payment] : payments) {
    if (!under_way(payment)) continue;
    for (const PlannedSpend& spend : payment.plan) {
      const auto held = coins.find(spend.coin);
      if (held == coins.end() || spend.slot >= held->second.slots.size()) return damaged();
      needed.insert(held->second.slots[spend.slot].handle);
    }
  }
  CAFE_ASSIGN_OR_RETURN(const std::vector<ListedSlot> present, guardian.list_slots());
  for (const ListedSlot& slot : present) {
    if (!needed.contains(slot.handle)) {
      CAFE_RETURN_IF_ERROR(guardian.free_slot(slot.handle));
    } else if (slot.ticks_drawn && unspent.contains(slot.handle)) {
      CAFE_RETURN_IF_ERROR(guardian.forget_ticks(slot.handle));
    }
  }
  return absl::OkStatus();
}

}  // namespace cafe::wallet
