// Customers whose wallet is lost, stolen or broken, and what they do about it.
#include <algorithm>
#include <chrono>

#include "device-sim/host/recovery.h"
#include "device-sim/simulator/customer.h"

namespace cafe::simulator {

using host::EncounterResult;

namespace {

// How the operator knew her, where she has no card.
constexpr std::string_view kIdentifiedBy = "simulated: identified as at the account's opening";

// What a thief tries, dearest first.
constexpr uint64_t kThiefTries[] = {5000, 2000, 1000, 500, 200, 100, 50, 10};

}  // namespace

absl::StatusOr<std::unique_ptr<WalletDevice>> Workshop::make(const std::string& seed) const {
  CAFE_ASSIGN_OR_RETURN(auto device, WalletDevice::make(seed, config, manufacturer, load_keys));
  CAFE_RETURN_IF_ERROR(host::learn_issuer(device->firmware(), issuer));
  return device;
}

absl::Status Customer::prepare_for_loss() {
  if (index_ % 2 == 0) {
    CAFE_ASSIGN_OR_RETURN(card_, wallet().backup_card());
    return absl::OkStatus();
  }
  return host::back_up(wallet(), street_.backend, [&](const std::string& words) {
    words_ = words;
    return true;
  });
}

uint64_t Customer::worth() {
  for (const wallet::Balance& balance : wallet().balances(host::now_ms() / 1000)) {
    if (balance.currency == street_.options.currency) return balance.amount + balance.counter;
  }
  return 0;
}

absl::Status Customer::lose_wallet() {
  Loss loss{.wallet = index_, .fate = life_.fate, .card = !card_.empty()};
  loss.held = worth();
  loss.unheard = unheard_;
  loss_ = loss;
  if (life_.fate == Fate::kStolen) CAFE_RETURN_IF_ERROR(be_robbed());
  const auto begun = std::chrono::steady_clock::now();
  CAFE_ASSIGN_OR_RETURN(device_, street_.workshop->make(seed_of("another device")));
  CAFE_RETURN_IF_ERROR(host::register_wallet(wallet(), street_.backend));
  CAFE_RETURN_IF_ERROR(recover());
  CAFE_ASSIGN_OR_RETURN(account_, wallet().account());
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  street_.tally.change([&](Outcome& outcome) { outcome.recover_s += seconds; });
  unheard_ = 0;
  return see_lists();
}

absl::Status Customer::be_robbed() {
  device_->give_to_stranger();
  for (int k = 0; const uint64_t amount : kThiefTries) {
    // As often as it goes.
    for (bool paid = true; paid; ++k) {
      const std::string seed = seed_of("thief " + std::to_string(k));
      protocol::SeededRng rng(seed);
      const uint64_t before = worth();
      CAFE_ASSIGN_OR_RETURN(const EncounterResult result, pay_at(any_shop(rng), amount, seed));
      paid = result.paid;
      if (paid) loss_->thief += before - worth();
    }
  }
  return absl::OkStatus();
}

// Without a card the operator reports the loss and names the successor.
absl::Status Customer::recover() {
  std::unique_ptr<wallet::Recovery> recovery;
  if (!card_.empty()) {
    CAFE_ASSIGN_OR_RETURN(const auto card, wallet::BackupCard::decode(card_));
    CAFE_ASSIGN_OR_RETURN(recovery, wallet::Recovery::with_card(wallet(), card));
  } else {
    CAFE_ASSIGN_OR_RETURN(
        const host::FetchedSeed fetched,
        host::fetch_backup(street_.backend, street_.options.issuer_id, words_, host::now_ms()));
    CAFE_ASSIGN_OR_RETURN(const protocol::AccountId successor, wallet().account());
    CAFE_RETURN_IF_ERROR(street_.backend.act_on_loss(fetched.account, kIdentifiedBy));
    CAFE_RETURN_IF_ERROR(
        street_.backend.act_on_replacement(fetched.account, successor, kIdentifiedBy));
    CAFE_ASSIGN_OR_RETURN(
        recovery, wallet::Recovery::with_seed(wallet(), fetched.account, fetched.coin_seed));
  }
  const auto everything = [](const std::vector<wallet::Found>&) {
    return wallet::Consent{.partly_spent = true, .cheques = true};
  };
  CAFE_ASSIGN_OR_RETURN(const host::Recovered recovered,
                        host::recover(wallet(), *recovery, street_.backend, everything));
  if (!recovered.failed.empty()) return recovered.failed.front().why;
  return absl::OkStatus();
}

absl::StatusOr<bool> Customer::ask_for_claims() {
  if (!loss_) return true;
  CAFE_RETURN_IF_ERROR(host::follow_claims(wallet(), street_.backend));
  const std::vector<wallet::ClaimView> claims = wallet::Claims(wallet()).all();
  return std::all_of(claims.begin(), claims.end(), [](const wallet::ClaimView& claim) {
    return claim.status == wallet::ClaimStatus::kFinal ||
           claim.status == wallet::ClaimStatus::kRefused;
  });
}

std::optional<Loss> Customer::loss() {
  if (!loss_) return std::nullopt;
  Loss loss = *loss_;
  for (const wallet::ClaimView& claim : wallet::Claims(wallet()).all()) {
    if (claim.status == wallet::ClaimStatus::kRefused) continue;
    ++loss.claims;
    if (claim.status != wallet::ClaimStatus::kFinal) ++loss.unsettled;
    for (const protocol::ClaimTotal& total : claim.totals) {
      loss.credited += total.credited;
      loss.charged += total.charged;
    }
  }
  return loss;
}

}  // namespace cafe::simulator
