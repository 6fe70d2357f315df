// The identity seed and the account key, which only the withdrawal PIN opens.
//
// [guard] Whoever has the account key withdraws from the account, reports it as lost and names its
// successor. So it does not lie in the wallet's memory, which a thief can read: the seed that it
// derives from is sealed with a key of the guardian's, who gives that for the PIN. u1, which every
// payment needs, is not: what it pays, the guardian bounds.
#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/frame.h"
#include "libs/protocol/hash.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::ByteView;
using protocol::Seed;

namespace {

// Serves one seed, ever: sealing and opening are the same.
Seed sealed(const Seed& seed, const Seed& wallet_key) {
  protocol::Bytes32 pad =
      protocol::mac(wallet_key.view(), protocol::Frame("wallet/sealed-identity-seed"));
  Seed out;
  for (size_t i = 0; i < pad.size(); ++i) out.mutable_view()[i] = seed.view()[i] ^ pad[i];
  protocol::wipe(pad);
  return out;
}

}  // namespace

// A power cut after the guardian's PIN was set leaves a device without seeds: they are drawn then.
absl::Status Wallet::State::set_up() {
  if (is_set_up()) {
    return protocol::refused("PINS_SET", "The wallet is set up; its PINs can be changed.");
  }
  CAFE_ASSIGN_OR_RETURN(const PinStates states, guardian.pin_states());
  if (states.withdrawal.set) {
    CAFE_RETURN_IF_ERROR(verify_pin(PinKind::kWithdrawal, PinUse::kRegistration));
  } else {
    CAFE_ASSIGN_OR_RETURN(const Pin puk, guardian.draw_puk());
    if (!owner.note_puk(puk)) {
      return declined("OWNER_DECLINED", "The owner did not note the PUK.");
    }
    const std::optional<Pin> pin = owner.choose_pin(PinKind::kWithdrawal);
    if (!pin) return declined("OWNER_DECLINED", "The owner did not choose a PIN.");
    pin_entered = true;
    CAFE_RETURN_IF_ERROR(guardian.set_up_pin(*pin));
  }
  CAFE_ASSIGN_OR_RETURN(const Seed key, guardian.wallet_key());
  Seed coins;
  rng.fill(identity_seed.mutable_view());
  rng.fill(coins.mutable_view());
  CAFE_ASSIGN_OR_RETURN(identity, protocol::WalletIdentity::derive(identity_seed, config.issuer_id,
                                                                   *guardian_certificate));
  Bytes seeds = protocol::to_bytes(sealed(identity_seed, key).view());
  protocol::append(seeds, identity->u1.bytes());
  protocol::append(seeds, coins.view());
  const absl::Status stored = store->commit(Batch().put(kSeedsKey, seeds));
  protocol::wipe(seeds);
  CAFE_RETURN_IF_ERROR(stored);
  return take_seeds(identity->u1, coins);
}

absl::Status Wallet::State::open_account(PinUse use) {
  if (!is_set_up()) return set_up();
  if (identity) return absl::OkStatus();
  CAFE_RETURN_IF_ERROR(verify_pin(PinKind::kWithdrawal, use));
  CAFE_ASSIGN_OR_RETURN(const Seed key, guardian.wallet_key());
  const Bytes* seeds = store->find(kSeedsKey);
  if (seeds == nullptr || seeds->size() < 32) return damaged();
  Seed closed;
  std::copy_n(seeds->begin(), 32, closed.mutable_view().begin());
  identity_seed = sealed(closed, key);
  CAFE_ASSIGN_OR_RETURN(auto opened, protocol::WalletIdentity::derive(
                                         identity_seed, config.issuer_id, *guardian_certificate));
  if (opened.u1 != u1) {
    return protocol::refused("GUARDIAN_WRONG",
                             "The guardian's key does not open what was sealed with it.");
  }
  identity.emplace(std::move(opened));
  return absl::OkStatus();
}

void Wallet::State::close_account() {
  if (holds > 0) return;
  identity.reset();
  identity_seed = {};
  if (!pin_entered) return;
  pin_entered = false;
  // A guardian that does not answer keeps nothing that the wallet could help.
  guardian.forget_pins().IgnoreError();
}

absl::Status Wallet::set_up() {
  State& s = *state_;
  const absl::Status done = s.set_up();
  s.close_account();
  return done;
}

absl::Status Wallet::with_one_pin(const std::function<absl::Status()>& errands) {
  return state_->with_one_pin(errands);
}

}  // namespace cafe::wallet
