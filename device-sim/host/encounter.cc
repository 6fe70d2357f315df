#include "device-sim/host/encounter.h"

#include "device-sim/firmware/pos/contact.h"
#include "device-sim/firmware/wallet/contact.h"

namespace cafe::host {

namespace {

constexpr uint32_t kMostContacts = 12;
constexpr uint64_t kContactLimit_ms = 120'000;  // of the devices' time

// One time that the devices are held together. The devices' time is not the world's: nothing waits.
struct Contact {
  Contact(wallet::Wallet& customer, pos::Terminal& shop, protocol::Bytes opening,
          const LineOptions& line, protocol::SeededRng& rng)
      : medium(protocol::to_hex(rng.array<16>()), line.faults),
        terminal(shop, medium.a(), protocol::decode_u32(rng.array<4>()), std::move(opening)),
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

}  // namespace

absl::StatusOr<EncounterResult> pay(wallet::Wallet& customer, pos::Terminal& shop, Backend& backend,
                                    std::string_view currency, uint64_t amount,
                                    const LineOptions& line, const std::string& seed,
                                    uint64_t now_ms) {
  protocol::SeededRng rng(seed);
  EncounterResult result;
  CAFE_ASSIGN_OR_RETURN(protocol::Bytes opening, shop.make_offer(currency, amount, now_ms));
  CAFE_ASSIGN_OR_RETURN(const auto offer, firmware::Offer::decode(opening));
  const protocol::Bytes32 terms_digest = offer.terms.digest();
  while (result.contacts < kMostContacts) {
    ++result.contacts;
    Contact contact(customer, shop, opening, line, rng);
    const uint64_t contact_end_ms = now_ms + kContactLimit_ms;
    while (!contact.tick(now_ms) && now_ms < contact_end_ms) {
      ++now_ms;
      if (contact.terminal.result() == pos::ContactResult::kAuthorize) {
        result.authorized = true;
        CAFE_RETURN_IF_ERROR(authorize(contact, backend, now_ms));
      }
    }
    result.transmissions += contact.medium.transmissions();
    switch (contact.wallet.result()) {
      case wallet::ContactResult::kAccepted:
        result.paid = true;
        result.payment = contact.terminal.decision()->payment;
        return result;
      case wallet::ContactResult::kRefused:
        result.declined = contact.terminal.error();
        if (contact.terminal.decision())
          result.declined = protocol::refused(contact.terminal.decision()->reason,
                                              "The terminal refused the payment.");
        return result;
      case wallet::ContactResult::kDeclined:
        result.declined = contact.wallet.error();
        return shop.cancel_offer(terms_digest, now_ms).ok()
                   ? result
                   : absl::StatusOr<EncounterResult>(result.declined);
      default:
        break;  // the line was cut: once more, with the same bill
    }
    CAFE_ASSIGN_OR_RETURN(opening, shop.repeat_offer(terms_digest, now_ms));
  }
  result.declined = protocol::make_error(absl::StatusCode::kUnavailable, "LINE_DEAD",
                                         "The line was cut every time.");
  return result;
}

namespace {

// One contact of a call: talks until `ticks` are taken in all, then hangs up.
absl::Status talk(Contact& contact, pos::Terminal& shop, Backend& backend,
                  const protocol::Bytes32& terms_digest, uint32_t ticks, HangUp hang_up,
                  uint64_t& now_ms) {
  const uint64_t contact_end_ms = now_ms + kContactLimit_ms;
  bool hung_up = false;
  while (!contact.tick(now_ms) && now_ms < contact_end_ms) {
    ++now_ms;
    if (contact.terminal.result() == pos::ContactResult::kAuthorize) {
      CAFE_RETURN_IF_ERROR(authorize(contact, backend, now_ms));
    }
    if (hung_up) continue;
    const auto state = shop.call(terms_digest);
    if (!state.ok() || !state->running || state->ticks < ticks) continue;
    hung_up = true;
    if (hang_up == HangUp::kCaller) {
      contact.wallet.hang_up();
    } else if (!contact.terminal.hang_up(now_ms).ok()) {
      hung_up = false;  // the call goes on again in this contact first
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<CallResult> call(wallet::Wallet& customer, pos::Terminal& shop, Backend& backend,
                                std::string_view currency, const CallTariff& tariff, uint32_t ticks,
                                HangUp hang_up, const LineOptions& line, const std::string& seed,
                                uint64_t now_ms) {
  protocol::SeededRng rng(seed);
  CallResult result;
  CAFE_ASSIGN_OR_RETURN(
      protocol::Bytes opening,
      shop.make_call_offer(currency, tariff.tick_value, tariff.most_ticks, tariff.unit, now_ms));
  CAFE_ASSIGN_OR_RETURN(const auto offer, firmware::CallOffer::decode(opening));
  const protocol::Bytes32 terms_digest = offer.terms.digest();
  while (result.contacts < kMostContacts) {
    ++result.contacts;
    Contact contact(customer, shop, opening, line, rng);
    CAFE_RETURN_IF_ERROR(talk(contact, shop, backend, terms_digest, ticks, hang_up, now_ms));
    result.transmissions += contact.medium.transmissions();
    if (contact.terminal.decision() && !contact.terminal.decision()->payment.empty()) {
      result.payment = contact.terminal.decision()->payment;
    }
    switch (contact.wallet.result()) {
      case wallet::ContactResult::kEnded: {
        CAFE_ASSIGN_OR_RETURN(const pos::CallState state, shop.call(terms_digest));
        result.ticks = state.ticks;
        return result;
      }
      case wallet::ContactResult::kRefused:
        result.declined = protocol::refused(
            contact.terminal.decision() ? contact.terminal.decision()->reason : "BILL_WITHDRAWN",
            "The terminal refused the call.");
        return result;
      case wallet::ContactResult::kDeclined: {
        result.declined = contact.wallet.error();
        const absl::Status cancelled = shop.cancel_offer(terms_digest, now_ms).status();
        return cancelled.ok() ? result : absl::StatusOr<CallResult>(result.declined);
      }
      default:
        break;  // the line was cut: the call goes on in another contact
    }
    CAFE_ASSIGN_OR_RETURN(opening, shop.repeat_offer(terms_digest, now_ms));
  }
  if (shop.end_call(terms_digest, now_ms).ok()) {  // the caller never hears of it
    CAFE_ASSIGN_OR_RETURN(const pos::CallState state, shop.call(terms_digest));
    result.ticks = state.ticks;
    return result;
  }
  result.declined = protocol::make_error(absl::StatusCode::kUnavailable, "LINE_DEAD",
                                         "The line was cut every time.");
  return result;
}

absl::Status show_lists(wallet::Wallet& customer, pos::Terminal& shop, const LineOptions& line,
                        const std::string& seed, uint64_t now_ms) {
  protocol::SeededRng rng(seed);
  for (uint32_t i = 0; i < kMostContacts; ++i) {
    CAFE_ASSIGN_OR_RETURN(protocol::Bytes notice, shop.make_notice(now_ms));
    Contact contact(customer, shop, std::move(notice), line, rng);
    const uint64_t contact_end_ms = now_ms + kContactLimit_ms;
    while (!contact.tick(now_ms) && now_ms < contact_end_ms) ++now_ms;
    if (contact.wallet.result() == wallet::ContactResult::kNoticed) return absl::OkStatus();
    if (contact.wallet.result() == wallet::ContactResult::kDeclined) return contact.wallet.error();
  }
  return protocol::make_error(absl::StatusCode::kUnavailable, "LINE_DEAD",
                              "The line was cut every time.");
}

}  // namespace cafe::host
