#include "device-sim/host/encounter.h"

#include "device-sim/firmware/pos/contact.h"
#include "device-sim/firmware/wallet/contact.h"

namespace cafe::host {

using protocol::Bytes;
using protocol::Bytes32;

namespace {

constexpr uint32_t kMostContacts = 12;
constexpr uint64_t kContactLimit_ms = 120'000;  // of the devices' time, without anything new

absl::Status line_dead() {
  return protocol::make_error(absl::StatusCode::kUnavailable, "LINE_DEAD",
                              "The line was cut every time.");
}

// One time that the devices are held together.
struct Contact {
  Contact(wallet::Wallet& customer, pos::Terminal& shop, Bytes opening, const LineOptions& line,
          protocol::SeededRng& rng, uint32_t tick_interval_ms = 0)
      : medium(protocol::to_hex(rng.array<16>()), line.faults),
        terminal(shop, medium.a(), protocol::decode_u32(rng.array<4>()), std::move(opening), {},
                 tick_interval_ms),
        wallet(customer, medium.b()) {
    if (rng.below(1000) < line.cut_per_mille) medium.cut_after(1 + rng.below(24));
  }

  bool tick(uint64_t now_ms) {
    terminal.tick(now_ms);
    wallet.tick(now_ms);
    return terminal.result() != pos::ContactResult::kRunning &&
           wallet.result() != wallet::ContactResult::kRunning;
  }

  link::LossyMedium medium;
  pos::Contact terminal;
  wallet::Contact wallet;
};

// Asks the acquirer in the middle of a contact.
absl::Status authorize(Contact& contact, Backend& backend, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(const DepositAnswer answer,
                        backend.authorize(contact.terminal.decision()->payment));
  return contact.terminal.on_authorization(answer.receipt, answer.key_certificate, now_ms);
}

// What either side said against it, once the wallet knows. True where that is the end of it.
bool ended_without_payment(const Contact& contact, pos::Terminal& shop, uint64_t now_ms,
                           EncounterResult& result) {
  switch (contact.wallet.result()) {
    case wallet::ContactResult::kRefused:
      result.declined = contact.terminal.error();
      if (contact.terminal.decision()) {
        result.declined = protocol::refused(contact.terminal.decision()->reason,
                                            "The terminal refused the payment.");
      }
      return true;
    case wallet::ContactResult::kDeclined:
      result.declined = contact.wallet.error();
      // Nobody pays this bill any more; one that is settled stays so.
      shop.cancel_offer(result.terms_digest, now_ms).IgnoreError();
      return true;
    default:
      return false;
  }
}

absl::StatusOr<EncounterResult> settle(wallet::Wallet& customer, pos::Terminal& shop,
                                       Backend& backend, Bytes opening, const Bytes32& terms_digest,
                                       const LineOptions& line, const std::string& seed,
                                       uint64_t now_ms) {
  protocol::SeededRng rng(seed);
  EncounterResult result;
  result.terms_digest = terms_digest;
  while (result.contacts < kMostContacts) {
    ++result.contacts;
    Contact contact(customer, shop, std::move(opening), line, rng);
    const uint64_t contact_end_ms = now_ms + kContactLimit_ms;
    while (!contact.tick(now_ms) && now_ms < contact_end_ms) {
      ++now_ms;
      if (contact.terminal.result() == pos::ContactResult::kAuthorize) {
        result.authorized = true;
        CAFE_RETURN_IF_ERROR(authorize(contact, backend, now_ms));
      }
    }
    result.transmissions += contact.medium.transmissions();
    if (contact.wallet.result() == wallet::ContactResult::kAccepted) {
      result.paid = true;
      CAFE_ASSIGN_OR_RETURN(result.payment, customer.payment_bytes(terms_digest));
      return result;
    }
    if (ended_without_payment(contact, shop, now_ms, result)) return result;
    // The line was cut: once more, with the same bill.
    CAFE_ASSIGN_OR_RETURN(opening, shop.repeat_offer(terms_digest, now_ms));
  }
  result.declined = line_dead();
  return result;
}

// Ticks that the wallet's guardian released.
uint32_t released(const wallet::Wallet& customer, const Bytes32& terms_digest) {
  for (const wallet::PastPayment& payment : customer.payments()) {
    if (payment.terms_digest == terms_digest) return payment.ticks;
  }
  return 0;
}
uint32_t held(const pos::Terminal& shop, const Bytes32& terms_digest) {
  const auto state = shop.call(terms_digest);
  return state.ok() ? state->ticks : 0;
}

// Drives one contact of a call to its end; whether it got on.
bool talk_once(Contact& contact, const Conversation& conversation, AfterTick& next,
               uint32_t ticks_before, uint32_t tick_interval_ms, uint64_t& now_ms) {
  const uint64_t patience_ms = kContactLimit_ms + tick_interval_ms;
  uint64_t contact_end_ms = now_ms + patience_ms;
  uint32_t taken = 0;
  while (!contact.tick(now_ms) && now_ms < contact_end_ms) {
    ++now_ms;
    if (contact.terminal.ticks() == taken) continue;
    taken = contact.terminal.ticks();
    contact_end_ms = now_ms + patience_ms;
    if (next == AfterTick::kGoOn) next = conversation(ticks_before + taken);
    if (next == AfterTick::kCallerHangsUp) contact.wallet.hang_up();
    if (next == AfterTick::kPayphoneHangsUp) contact.terminal.hang_up();
  }
  return taken > 0;
}

// Until the call is over. Without a conversation the caller hangs up.
absl::StatusOr<EncounterResult> talk(wallet::Wallet& customer, pos::Terminal& shop, Bytes opening,
                                     const Bytes32& terms_digest, uint32_t tick_interval_ms,
                                     const Conversation& conversation, const LineOptions& line,
                                     const std::string& seed, uint64_t now_ms) {
  protocol::SeededRng rng(seed);
  EncounterResult result;
  result.terms_digest = terms_digest;
  AfterTick next = conversation ? AfterTick::kGoOn : AfterTick::kCallerHangsUp;
  // A call may outlive many cuts, as long as it gets on in between.
  for (uint32_t in_vain = 0; in_vain < kMostContacts; ++in_vain) {
    ++result.contacts;
    const uint32_t before = held(shop, terms_digest);
    Contact contact(customer, shop, std::move(opening), line, rng, tick_interval_ms);
    // A tick that is paid for already arrives first.
    if (next == AfterTick::kCallerHangsUp && released(customer, terms_digest) <= before) {
      contact.wallet.hang_up();
    }
    if (talk_once(contact, conversation, next, before, tick_interval_ms, now_ms)) in_vain = 0;
    result.transmissions += contact.medium.transmissions();
    if (const auto state = shop.call(terms_digest); state.ok()) {
      result.paid = true;
      result.ticks = state->ticks;
      CAFE_ASSIGN_OR_RETURN(result.payment, customer.payment_bytes(terms_digest));
    }
    if (contact.wallet.result() == wallet::ContactResult::kEnded) {
      result.declined = contact.wallet.error();
      return result;
    }
    if (ended_without_payment(contact, shop, now_ms, result)) return result;
    CAFE_ASSIGN_OR_RETURN(opening, shop.repeat_offer(terms_digest, now_ms));
  }
  result.declined = line_dead();
  return result;
}

}  // namespace

absl::StatusOr<EncounterResult> pay(wallet::Wallet& wallet, pos::Terminal& terminal,
                                    Backend& backend, std::string_view currency, uint64_t amount,
                                    const LineOptions& line, const std::string& seed,
                                    uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(Bytes opening, terminal.make_offer(currency, amount, now_ms));
  CAFE_ASSIGN_OR_RETURN(const auto offer, firmware::Offer::decode(opening));
  return settle(wallet, terminal, backend, std::move(opening), offer.terms.digest(), line, seed,
                now_ms);
}

absl::StatusOr<EncounterResult> resume(wallet::Wallet& wallet, pos::Terminal& terminal,
                                       Backend& backend, const Bytes32& terms_digest,
                                       const LineOptions& line, const std::string& seed,
                                       uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(Bytes opening, terminal.repeat_offer(terms_digest, now_ms));
  return settle(wallet, terminal, backend, std::move(opening), terms_digest, line, seed, now_ms);
}

Conversation hang_up_after(uint32_t ticks, AfterTick who) {
  return [ticks, who](uint32_t so_far) { return so_far < ticks ? AfterTick::kGoOn : who; };
}

absl::StatusOr<EncounterResult> call(wallet::Wallet& wallet, pos::Terminal& terminal,
                                     std::string_view currency, const CallTariff& tariff,
                                     const Conversation& conversation, const LineOptions& line,
                                     const std::string& seed, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(Bytes opening,
                        terminal.make_call_offer(currency, tariff.tick_value, tariff.most_ticks,
                                                 tariff.unit, now_ms));
  CAFE_ASSIGN_OR_RETURN(const auto offer, firmware::CallOffer::decode(opening));
  return talk(wallet, terminal, std::move(opening), offer.terms.digest(), tariff.tick_interval_ms,
              conversation, line, seed, now_ms);
}

absl::StatusOr<EncounterResult> end_call(wallet::Wallet& wallet, pos::Terminal& terminal,
                                         const Bytes32& terms_digest, const LineOptions& line,
                                         const std::string& seed, uint64_t now_ms) {
  CAFE_ASSIGN_OR_RETURN(Bytes opening, terminal.repeat_offer(terms_digest, now_ms));
  return talk(wallet, terminal, std::move(opening), terms_digest, 0, nullptr, line, seed, now_ms);
}

absl::Status show_lists(wallet::Wallet& wallet, pos::Terminal& terminal, const LineOptions& line,
                        const std::string& seed, uint64_t now_ms) {
  protocol::SeededRng rng(seed);
  for (uint32_t i = 0; i < kMostContacts; ++i) {
    CAFE_ASSIGN_OR_RETURN(Bytes notice, terminal.make_notice(now_ms));
    Contact contact(wallet, terminal, std::move(notice), line, rng);
    const uint64_t contact_end_ms = now_ms + kContactLimit_ms;
    while (!contact.tick(now_ms) && now_ms < contact_end_ms) ++now_ms;
    if (contact.wallet.result() == wallet::ContactResult::kNoticed) return absl::OkStatus();
    if (contact.wallet.result() == wallet::ContactResult::kDeclined) return contact.wallet.error();
  }
  return line_dead();
}

}  // namespace cafe::host
