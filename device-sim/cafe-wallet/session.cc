#include "device-sim/cafe-wallet/session.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "device-sim/firmware/face/amount_text.h"
#include "device-sim/firmware/wallet/planning.h"

namespace cafe::cafe_wallet {

using face::amount_text;

namespace {

constexpr std::string_view kHelp[] = {
    "register            open an account with the issuer",
    "fund SUM            have money put into the account",
    "withdraw SUM [P]    be able to pay any sum up to this one; P per cent of it with coins (50)",
    "load SUM            load the guardian's counter, for cheques",
    "pay SUM [SHOP]      pay a bill at a shop (the first one)",
    "call [N] [SHOP]     talk by the tick; a key hangs up, or N ticks do",
    "back SUM            pay into the own account",
    "pin                 which PINs are set, their tries, what can be paid without",
    "pin change          another withdrawal PIN",
    "pin payment         set or change the payment PIN; \"pin off\" switches it off",
    "pin limit SUM       what can be paid without it, after each time it was entered",
    "pin unblock [payment]   a new PIN, by the PUK",
    "unlock SUM          let so much more be paid without the payment PIN",
    "lock                let nothing be paid without it",
    "balance             what is in the wallet, by currency and kind",
    "payments            past payments, the newest first",
    "account             the account's number, and the shops",
    "words               have the issuer keep your coins' seed, under words that you note",
    "card FILE           write a backup card: keep it apart from the wallet",
    "lost FILE           with its card, have a lost wallet's account closed",
    "recover FILE        with its card, get a lost wallet's money; \"recover words ...\": with "
    "words",
    "claims              what became of claims",
    "reclaim             claim payments that came to nothing",
    "help, quit",
};

// The services say nothing when they are away; the face has words for it.
absl::Status named(const absl::Status& status) {
  if (!protocol::reason_of(status).empty()) return status;
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    return protocol::make_error(status.code(), "SERVICE_AWAY", std::string(status.message()));
  }
  return status;
}

bool cancelled(const absl::Status& status) {
  const std::string reason = protocol::reason_of(status);
  return reason == "OWNER_DECLINED" || reason == "IDENTIFICATION_DECLINED";
}

absl::StatusOr<uint32_t> number(const std::string& word) {
  uint32_t value = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
  if (error != std::errc() || end != word.data() + word.size()) {
    return protocol::invalid("UNKNOWN_COMMAND", absl::StrCat("\"", word, "\" is no number."));
  }
  return value;
}

absl::Status unknown_command() {
  return protocol::invalid("UNKNOWN_COMMAND", "There is no such command: try help.");
}

}  // namespace

absl::Status Session::run(bool stop_at_error) {
  while (!quit_) {
    const auto line = console_.next_command();
    if (!line) break;
    const absl::Status done = command(*line);
    if (!done.ok() && stop_at_error) return done;
  }
  return absl::OkStatus();
}

absl::Status Session::command(std::string_view line) {
  std::istringstream in{std::string(line)};
  Words words;
  for (std::string word; in >> word;) words.push_back(word);
  if (words.empty()) return absl::OkStatus();
  const absl::Status done = named(dispatch(words));
  if (done.ok()) return done;
  if (protocol::reason_of(done) == "UNKNOWN_COMMAND") {
    console_.say(std::string(done.message()));
  } else {
    face_.tell(face::error_screen(done));
    if (!cancelled(done)) console_.say(std::string(done.message()));
  }
  return cancelled(done) ? absl::OkStatus() : done;
}

absl::Status Session::dispatch(const Words& words) {
  const std::string& what = words[0];
  if (what == "quit" || what == "exit") {
    quit_ = true;
    return absl::OkStatus();
  }
  if (what == "help") {
    help();
    return absl::OkStatus();
  }
  if (what == "register") return enrol();
  if (const auto done = dispatch_recovery(words)) return *done;
  if (what == "account") return account();
  if (what == "balance") {
    face_.browse(face::balance_screens(wallet().balances(host::now_ms() / 1000)));
    return absl::OkStatus();
  }
  if (what == "payments") {
    face_.browse(face::past_payment_screens(wallet().payments()));
    return absl::OkStatus();
  }
  if (what == "pin") return pin(words);
  if (what == "lock") {
    CAFE_RETURN_IF_ERROR(wallet().lock_payments());
    face_.tell(face::message_screen("Locked: every payment needs the PIN."));
    return absl::OkStatus();
  }
  if (what == "call") {
    uint32_t ticks = 0;
    if (words.size() > 1) {
      CAFE_ASSIGN_OR_RETURN(ticks, number(words[1]));
    }
    CAFE_ASSIGN_OR_RETURN(Shop * at, shop(words, 2));
    return call(ticks, *at);
  }
  if (what != "fund" && what != "withdraw" && what != "load" && what != "pay" && what != "back" &&
      what != "unlock") {
    return unknown_command();
  }
  CAFE_ASSIGN_OR_RETURN(const uint64_t sum, amount(words, 1));
  if (what == "fund") return fund(sum);
  if (what == "load") return wallet().with_one_pin([&] { return load(sum); });
  if (what == "back") return wallet().with_one_pin([&] { return back(sum); });
  if (what == "unlock") {
    CAFE_RETURN_IF_ERROR(wallet().unlock(options_.currency, sum));
    return show_allowance();
  }
  if (what == "pay") {
    CAFE_ASSIGN_OR_RETURN(Shop * at, shop(words, 2));
    return pay(sum, *at);
  }
  uint32_t percent = wallet::PlanOptions().coin_percent;
  if (words.size() > 2) {
    CAFE_ASSIGN_OR_RETURN(percent, number(words[2]));
  }
  return wallet().with_one_pin([&] { return withdraw(sum, percent); });
}

void Session::help() {
  for (std::string_view line : kHelp) console_.say(line);
}

absl::Status Session::enrol() {
  CAFE_ASSIGN_OR_RETURN(const host::IssuerInfo issuer, backend_.denominations());
  CAFE_RETURN_IF_ERROR(host::learn_issuer(wallet(), issuer));
  CAFE_RETURN_IF_ERROR(host::register_wallet(wallet(), backend_));
  face_.tell(face::message_screen("Welcome. You have an account now."));
  return account();
}

absl::Status Session::account() {
  CAFE_ASSIGN_OR_RETURN(const protocol::AccountId id, wallet().account());
  console_.say(absl::StrCat("Account ", id.hex()));
  for (size_t i = 0; i < shops_.size(); ++i) {
    console_.say(absl::StrCat("Shop and telephone ", i + 1, ": ", shops_[i]->name()));
  }
  return absl::OkStatus();
}

absl::Status Session::fund(uint64_t amount) {
  CAFE_ASSIGN_OR_RETURN(const protocol::AccountId id, wallet().account());
  if (options_.fund_command.empty()) {
    return protocol::refused("UNKNOWN_COMMAND",
                             "Nobody is there to do it: ask the operator (cafectl account fund), "
                             "or start with --fund-command.");
  }
  FILE* pipe = popen((options_.fund_command + " >/dev/null").c_str(), "w");
  if (pipe == nullptr) {
    return protocol::refused("UNKNOWN_COMMAND", "The command of --fund-command cannot be started.");
  }
  std::fprintf(pipe, "%s %s %llu wallet-%s\n", id.hex().c_str(), options_.currency.c_str(),
               static_cast<unsigned long long>(amount), protocol::to_hex(rng_.array<8>()).c_str());
  if (pclose(pipe) != 0) {
    return protocol::refused("UNKNOWN_COMMAND", "The command of --fund-command failed.");
  }
  console_.say(absl::StrCat(amount_text(options_.currency, amount), " arrived on the account."));
  return absl::OkStatus();
}

absl::Status Session::prepare_to_withdraw() {
  CAFE_RETURN_IF_ERROR(finish_errands());
  CAFE_ASSIGN_OR_RETURN(const host::IssuerInfo issuer, backend_.denominations());
  CAFE_RETURN_IF_ERROR(host::learn_issuer(wallet(), issuer));
  loads_ = !issuer.load_key.empty();
  // Shops fetch lists as everybody does; a wallet withdraws from a list that they show too.
  for (const auto& shop : shops_) {
    CAFE_RETURN_IF_ERROR(shop->terminal().accept_list(issuer.list));
  }
  if (wallet().list_confirmed()) return absl::OkStatus();
  return host::show_lists(wallet(), shops_.front()->terminal(), options_.line,
                          protocol::to_hex(rng_.array<16>()), host::now_ms());
}

absl::Status Session::order(const std::vector<std::vector<protocol::OrderLine>>& orders) {
  for (const auto& lines : orders) {
    CAFE_ASSIGN_OR_RETURN(const host::OrderOutcome outcome,
                          host::withdraw(wallet(), backend_, lines));
    face_.tell(face::withdrawn_screen(outcome.withdrawn));
  }
  return absl::OkStatus();
}

absl::Status Session::withdraw(uint64_t most, uint32_t coin_percent) {
  CAFE_RETURN_IF_ERROR(prepare_to_withdraw());
  const uint64_t now_s = host::now_ms() / 1000;
  CAFE_ASSIGN_OR_RETURN(const wallet::Plan plan,
                        wallet::plan(*wallet().list(), now_s, options_.currency, most,
                                     wallet().holdings(options_.currency, now_s),
                                     {.cheques = loads_, .coin_percent = coin_percent}));
  if (plan.load > 0) {
    CAFE_ASSIGN_OR_RETURN(const wallet::TakenLoad taken,
                          host::load(wallet(), backend_, options_.currency, plan.load));
    face_.tell(face::loaded_screen(taken));
  }
  CAFE_RETURN_IF_ERROR(order(plan.orders));
  const std::string sums =
      plan.unit == 1 ? "any sum"
                     : absl::StrCat("multiples of ", amount_text(options_.currency, plan.unit));
  face_.tell(face::message_screen(absl::StrCat(
      "You can pay ", sums, " up to ", amount_text(options_.currency, plan.payable_up_to))));
  return absl::OkStatus();
}

absl::Status Session::load(uint64_t amount) {
  CAFE_RETURN_IF_ERROR(prepare_to_withdraw());
  CAFE_ASSIGN_OR_RETURN(const wallet::TakenLoad taken,
                        host::load(wallet(), backend_, options_.currency, amount));
  face_.tell(face::loaded_screen(taken));
  // And blank cheques, as far as they are missing, to write it out with.
  const uint64_t now_s = host::now_ms() / 1000;
  const wallet::Holdings holdings = wallet().holdings(options_.currency, now_s);
  CAFE_ASSIGN_OR_RETURN(const wallet::Plan plan,
                        wallet::plan(*wallet().list(), now_s, options_.currency, holdings.counter,
                                     holdings, {.coin_percent = 0}));
  return order(plan.orders);
}

absl::Status Session::told(const host::EncounterResult& result, const Shop& shop) {
  if (result.paid || result.declined.ok()) return absl::OkStatus();
  const auto payments = wallet().payments();
  const bool refused = std::any_of(payments.begin(), payments.end(), [&](const auto& payment) {
    return payment.terms_digest == result.terms_digest &&
           payment.state == wallet::PaymentState::kRefused;
  });
  if (refused) face_.tell(face::refused_screen(shop.name(), protocol::reason_of(result.declined)));
  return result.declined;
}

absl::Status Session::pay(uint64_t amount, Shop& shop) {
  CAFE_ASSIGN_OR_RETURN(
      const host::EncounterResult result,
      host::pay(wallet(), shop.terminal(), backend_, options_.currency, amount, options_.line,
                protocol::to_hex(rng_.array<16>()), host::now_ms()));
  CAFE_RETURN_IF_ERROR(told(result, shop));
  face_.tell(face::paid_screen(shop.name(), options_.currency, amount));
  if (result.authorized) console_.say(absl::StrCat(shop.name(), " asked the issuer first."));
  deposit(shop);
  return absl::OkStatus();
}

absl::Status Session::call(uint32_t ticks, Shop& shop) {
  // Nobody waits for the devices' time; a person is asked between two ticks.
  const host::CallTariff tariff{.tick_interval_ms = 2000};
  const wallet::CallBill bill{shop.name(),       "",         options_.currency, tariff.tick_value,
                              tariff.most_ticks, tariff.unit};
  const auto conversation = [&](uint32_t so_far) {
    face_.show(face::talking_screen(bill, so_far));
    return console_.hangs_up(so_far, ticks) ? host::AfterTick::kCallerHangsUp
                                            : host::AfterTick::kGoOn;
  };
  CAFE_ASSIGN_OR_RETURN(
      const host::EncounterResult result,
      host::call(wallet(), shop.terminal(), options_.currency, tariff, conversation, options_.line,
                 protocol::to_hex(rng_.array<16>()), host::now_ms()));
  CAFE_RETURN_IF_ERROR(told(result, shop));
  face_.tell(face::call_ended_screen(bill, result.ticks));
  deposit(shop);
  return absl::OkStatus();
}

absl::Status Session::back(uint64_t amount) {
  CAFE_RETURN_IF_ERROR(finish_errands());
  if (!face_.confirm_pay_back(options_.currency, amount)) {
    return protocol::make_error(absl::StatusCode::kCancelled, "OWNER_DECLINED",
                                "The owner did not confirm.");
  }
  CAFE_ASSIGN_OR_RETURN(
      const protocol::Receipt receipt,
      host::pay_back(wallet(), backend_, options_.currency, amount, host::in_real_time));
  uint64_t credited = 0;
  for (const auto& verdict : receipt.verdicts) credited += verdict.credited;
  face_.tell(face::paid_back_screen(options_.currency, credited));
  return absl::OkStatus();
}

void Session::deposit(Shop& shop) {
  const auto deposited = shop.deposit(backend_);
  if (!deposited.ok()) {
    console_.say(absl::StrCat(shop.name(), " will hand it in later."));
  } else if (deposited->payments > 0) {
    console_.say(absl::StrCat(shop.name(), " handed it in: ",
                              amount_text(options_.currency, deposited->credited), " credited."));
  }
}

absl::Status Session::finish_errands() {
  CAFE_ASSIGN_OR_RETURN(const auto withdrawn, host::finish_order(wallet(), backend_));
  if (withdrawn) face_.tell(face::withdrawn_screen(*withdrawn));
  CAFE_ASSIGN_OR_RETURN(const auto load, host::finish_load(wallet(), backend_));
  if (load) face_.tell(face::loaded_screen(*load));
  CAFE_ASSIGN_OR_RETURN(const auto receipt,
                        host::finish_pay_back(wallet(), backend_, host::in_real_time));
  if (receipt) console_.say("Money that was on its way back has arrived.");
  return absl::OkStatus();
}

void Session::finish_what_was_begun() {
  for (const wallet::PastPayment& payment : wallet().payments()) {
    const bool talking = payment.kind == wallet::PaymentKind::kCall &&
                         payment.state == wallet::PaymentState::kAccepted;
    const bool waiting = payment.kind != wallet::PaymentKind::kPayBack &&
                         (payment.state == wallet::PaymentState::kPromised ||
                          payment.state == wallet::PaymentState::kReady);
    if (!talking && !waiting) continue;
    for (const auto& shop : shops_) {
      if (shop->name() != payment.payee_name) continue;
      const std::string seed = protocol::to_hex(rng_.array<16>());
      const auto result =
          payment.kind == wallet::PaymentKind::kCall
              ? host::end_call(wallet(), shop->terminal(), payment.terms_digest, options_.line,
                               seed, host::now_ms())
              : host::resume(wallet(), shop->terminal(), backend_, payment.terms_digest,
                             options_.line, seed, host::now_ms());
      if (!result.ok()) continue;  // another shop's bill, or no way to the issuer now
      console_.say(absl::StrCat("Finished what was begun at ", shop->name(), "."));
      break;
    }
  }
  // A telephone whose caller is gone ends the call itself.
  for (const auto& shop : shops_) {
    for (const auto& terms_digest : shop->terminal().running_calls()) {
      shop->terminal().end_call(terms_digest, host::now_ms()).status().IgnoreError();
    }
    deposit(*shop);
  }
  if (const absl::Status status = named(finish_errands()); !status.ok()) {
    face_.tell(face::error_screen(status));
  }
}

absl::StatusOr<uint64_t> Session::amount(const Words& words, size_t at) const {
  if (words.size() <= at) {
    return protocol::invalid("UNKNOWN_COMMAND",
                             absl::StrCat("Which sum? For example: ", words[0], " 12.50"));
  }
  return face::parse_amount(options_.currency, words[at]);
}

absl::StatusOr<Shop*> Session::shop(const Words& words, size_t at) const {
  if (words.size() <= at) return shops_.front().get();
  CAFE_ASSIGN_OR_RETURN(const uint32_t n, number(words[at]));
  if (n == 0 || n > shops_.size()) {
    return protocol::invalid("UNKNOWN_COMMAND",
                             absl::StrCat("There are shops 1 to ", shops_.size(), "."));
  }
  return shops_[n - 1].get();
}

}  // namespace cafe::cafe_wallet
