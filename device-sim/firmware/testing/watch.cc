#include "device-sim/firmware/testing/watch.h"

#include "device-sim/firmware/common/apdu.h"
#include "device-sim/firmware/common/record_store.h"
#include "device-sim/firmware/guardian/guardian.h"
#include "device-sim/firmware/wallet/records.h"
#include "libs/protocol/frame.h"

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: it speaks of little else
using guardian::Ins;

namespace {

bool is_answer(Ins ins) {
  return ins == Ins::kAnswerCoin || ins == Ins::kAnswerCheque || ins == Ins::kAnswerTicks;
}

// Everything that a coin's blinding keeps secret. A cheque's e is zero, and no secret.
std::vector<Scalar> secrets_of(const BlindedCoin& blinded) {
  std::vector<Scalar> secrets{blinded.s};
  for (const BlindedClause& clause : blinded.clauses) {
    secrets.push_back(clause.u);
    secrets.push_back(clause.v);
  }
  for (const SlotSecrets& slot : blinded.slots) {
    secrets.push_back(slot.x1);
    secrets.push_back(slot.x2);
    if (!slot.e.is_zero()) secrets.push_back(slot.e);
  }
  return secrets;
}

}  // namespace

void Watch::require(bool holds, std::string_view what) {
  if (!holds) violations_.emplace_back(what);
}

void Watch::require_same(std::map<Text, Text>& seen, const Text& key, const Text& value,
                         std::string_view what) {
  require(seen.try_emplace(key, value).first->second == value, what);
}

void Watch::guardian_answered(ByteView command_bytes, ByteView response) {
  firmware::Command command;
  if (!firmware::parse_command(command_bytes, command) || response.size() < 2) return;
  const ByteView word = response.last(2);
  if (word[0] != 0x90 || word[1] != 0x00) return;
  const auto ins = static_cast<Ins>(command.ins);
  if (ins == Ins::kFreeSlot) freed_.try_emplace(to_string(command.data));
  if (!is_answer(ins)) return;
  const Text handle = to_string(command.data.first(guardian::kHandleSize));
  require(!freed_.contains(handle), "a freed slot answered");
  require_same(answered_, handle, static_cast<char>(ins) + to_string(command.data),
               "a slot answered two requests");
}

void Watch::guardian_started(firmware::MemoryImage& memory) {
  const guardian::Records records(memory);
  for (const auto& [handle, request] : answered_) {
    const uint32_t number = decode_u32(view_of(handle).first<4>());
    const auto generation = static_cast<uint16_t>(number);
    guardian::Slot slot;
    require(records.load(number >> 16, slot), "a slot is damaged");
    require(slot.generation >= generation, "a slot went back to an earlier generation");
    if (slot.generation != generation) continue;
    require(slot.state != guardian::SlotState::kMade, "a slot forgot that it had answered");
    require(!freed_.contains(handle) || slot.state == guardian::SlotState::kFree,
            "a freed slot came back");
  }
}

void Watch::registration_sent(ByteView file_bytes) {
  const auto file = RegistrationFile::decode(file_bytes);
  require(file.ok(), "a registration cannot be read");
  if (!file.ok()) return;
  registration_ = *Registration::decode(file->registration.frame);
  require_same(proofs_, to_string(registration_->R.bytes()), to_string(file_bytes),
               "two proofs of knowledge share their nonce");
}

void Watch::order_sent(ByteView signed_order, const firmware::MemoryImage& wallet_memory) {
  const auto document = SignedDocument::decode(signed_order);
  const auto order = document.ok() ? Order::decode(document->frame) : document.status();
  require(order.ok() && registration_.has_value(), "an order cannot be read");
  if (!order.ok() || !registration_) return;
  firmware::MemoryImage copy(wallet_memory.snapshot());
  const auto store = firmware::RecordStore::open(copy);
  const Bytes* seeds = store.ok() ? (*store)->find(wallet::kSeedsKey) : nullptr;
  // sealed identity seed ‖ u1 ‖ coin seed
  require(seeds != nullptr && seeds->size() == 96, "the wallet has no seeds");
  if (seeds == nullptr || seeds->size() != 96) return;
  Seed coin_seed;
  std::copy_n(seeds->begin() + 64, 32, coin_seed.mutable_view().begin());

  const auto B_O = open_attachment(coin_seed, order->opened, order->attachment);
  require(B_O.ok(), "an order's attachment does not open");
  if (!B_O.ok()) return;
  size_t next = 0, coin = 0;
  for (uint32_t n = 0; n < order->opened.lines.size(); ++n) {
    const OpenedLine& line = order->opened.lines[n];
    const size_t k = world_->key(line.denom_id).denomination.slot_values.size();
    for (uint32_t i = 0; i < line.coins.size(); ++i, next += k) {
      const auto first = B_O->begin() + static_cast<ptrdiff_t>(next);
      coin_sent(coin_seed, *order, {n, i, {first, first + static_cast<ptrdiff_t>(k)}},
                order->challenges[coin++]);
    }
  }
}

void Watch::coin_sent(const Seed& coin_seed, const Order& order, const CoinPlace& place,
                      const ChallengePair& challenges) {
  const OpenedLine& line = order.opened.lines[place.line];
  const Denomination& denomination = world_->key(line.denom_id).denomination;
  const auto points =
      IdentityPoints::compute(registration_->A_O, registration_->A_Q, registration_->U);
  const bool coin = denomination.kind == Kind::kCoin;
  const auto blinded = wallet_blind(coin_seed, order.opened, place, denomination,
                                    coin ? points->m_coin : points->m_cheque,
                                    coin ? registration_->A_O : registration_->A_Q);
  require(blinded.ok() && blinded->challenges() == challenges,
          "a coin is not blinded by the secrets of its context");
  if (!blinded.ok()) return;
  Text nonces, sent;
  for (const Clause& clause : line.coins[place.i]) {
    nonces += to_string(clause.a.bytes()) + to_string(clause.b.bytes());
  }
  for (const Scalar& c : challenges) sent += to_string(c.bytes());
  for (const Scalar& secret : secrets_of(*blinded)) {
    require_same(used_under_, to_string(secret.bytes()), nonces,
                 "a secret was used under two sets of nonces");
  }
  require_same(challenged_, nonces, sent, "two pairs of challenges for one set of nonces");
}

void Watch::payments_held(const wallet::Wallet& wallet) {
  for (const wallet::PastPayment& past : wallet.payments()) {
    const auto bytes = wallet.payment_bytes(past.terms_digest);
    if (!bytes.ok()) continue;  // promised, and not put together
    const Text terms = to_string(past.terms_digest);
    require_same(payments_, terms, to_string(*bytes), "a payment changed");
    const auto payment = Payment::decode(*bytes);
    require(payment.ok(), "a payment cannot be read");
    if (!payment.ok()) continue;
    for (const Spend& spend : payment->spends) {
      const Text slot = to_string(payment->coins[spend.coin].id()) + std::to_string(spend.slot);
      require_same(pays_, slot, terms, "a slot pays two bills");
    }
  }
}

}  // namespace cafe::testing
