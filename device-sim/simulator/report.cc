#include "device-sim/simulator/report.h"

#include <algorithm>
#include <cinttypes>
#include <cstdarg>
#include <cstdio>
#include <map>

namespace cafe::simulator {

namespace {

double rate(uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

std::string line(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string line(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  return std::string(text) + "\n";
}

uint64_t number(const Json& report, const char* group, const char* key) {
  return report[group][key].get<uint64_t>();
}

// Of the cheques of one currency, as an audit tells it.
uint64_t of_cheques(const Json& audit, const std::string& currency, const char* key) {
  uint64_t sum = 0;
  if (!audit.is_object() || !audit.contains("cheques")) return 0;
  for (const Json& row : audit["cheques"]) {
    if (row["currency"] == currency) sum += row[key].get<uint64_t>();
  }
  return sum;
}

struct Overdrawn {
  uint64_t planted = 0;  // minor units
  // What of it must raise alarms: not what ticks that nobody received left behind, nor what others
  // have in their counters.
  uint64_t visible = 0;
  uint64_t alarmed = 0;
  size_t alarms = 0;
};

Overdrawn overdrawn_of(const SimulationOptions& options, const Outcome& outcome, const Json& before,
                       const Json& audit) {
  Overdrawn out;
  for (const Overdraft& overdraft : outcome.overdrafts) out.planted += overdraft.amount;
  uint64_t hidden =
      outcome.totals.unreached_value + of_cheques(before, options.currency, "outstanding");
  for (const Loss& loss : outcome.losses) hidden -= loss.unheard;  // claimed back
  out.visible = out.planted - std::min(out.planted, hidden);
  out.alarmed = of_cheques(audit, options.currency, "overdrawn") -
                of_cheques(before, options.currency, "overdrawn");
  const auto count = [](const Json& of) {
    return of.is_object() && of.contains("alarms") ? of["alarms"].size() : 0;
  };
  out.alarms = count(audit) - count(before);
  return out;
}

std::string_view fate_name(Fate fate) {
  switch (fate) {
    case Fate::kLost:
      return "lost";
    case Fate::kStolen:
      return "stolen";
    case Fate::kBroken:
      return "broken";
    case Fate::kKept:
      break;
  }
  return "kept";
}

struct LossTotals {
  std::map<std::string_view, uint64_t> wallets{{"lost", 0}, {"stolen", 0}, {"broken", 0}};
  uint64_t cards = 0;
  uint64_t held = 0;  // minor units, as in Loss
  uint64_t thief = 0;
  uint64_t due = 0;
  uint64_t recovered = 0;
  uint64_t charged = 0;
  uint64_t claims = 0;
  uint64_t unsettled = 0;
};

LossTotals losses_of(const Outcome& outcome) {
  LossTotals sum;
  for (const Loss& loss : outcome.losses) {
    ++sum.wallets[fate_name(loss.fate)];
    sum.cards += loss.card ? 1 : 0;
    sum.held += loss.held;
    sum.thief += loss.thief;
    sum.due += loss.due();
    sum.recovered += loss.recovered();
    sum.charged += loss.charged;
    sum.claims += loss.claims;
    sum.unsettled += loss.unsettled;
  }
  return sum;
}

// Every owner has her money to the cent, once her claims are final.
void check_losses(const SimulationOptions& options, const Outcome& outcome, Json& wrong) {
  const uint64_t planned = uint64_t{options.lost} + options.stolen + options.broken;
  if (outcome.losses.size() != planned) wrong.push_back("not every wallet that was to be lost was");
  for (const Loss& loss : outcome.losses) {
    const std::string who = "wallet " + std::to_string(loss.wallet);
    if (loss.fate == Fate::kStolen && loss.thief > options.no_pin_value)
      wrong.push_back(who + ": the thief spent more than goes without a PIN");
    if (loss.unsettled > 0) {
      if (!options.calendar_command.empty()) wrong.push_back(who + ": its claims are not final");
    } else if (loss.recovered() != loss.due()) {
      wrong.push_back(who + ": " + std::to_string(loss.recovered()) + " were recovered of " +
                      std::to_string(loss.due()));
    }
  }
}

// What must hold in every run; a sentence for each thing that does not.
Json check(const SimulationOptions& options, const Outcome& outcome, const Overdrawn& overdrawn,
           const Json& audit) {
  const Totals& t = outcome.totals;
  Json wrong = Json::array();
  for (const std::string& failure : outcome.failures) wrong.push_back(failure);
  if (t.deposited != t.payments) wrong.push_back("not every payment was deposited");
  if (t.refused != 0) wrong.push_back("payments that terminals accepted were refused");
  if (t.accepted + t.repeats + t.credited_spent_before + t.spent_before + t.refused != t.deposited)
    wrong.push_back("verdicts are missing");
  if (t.credited_value > t.paid_value) wrong.push_back("more was credited than paid");
  uint64_t paid = 0;
  for (const MoneyTotals& money : t.by_money) paid += money.value;
  if (paid != t.paid_value) wrong.push_back("the kinds of money do not make up what was paid");
  if (!audit.is_null() && overdrawn.alarmed != overdrawn.visible)
    wrong.push_back("the alarms do not amount to what was overdrawn");
  if (!audit.is_null() && overdrawn.visible == overdrawn.planted &&
      overdrawn.alarms < outcome.overdrafts.size())
    wrong.push_back("an overdraft raised no alarm");
  check_losses(options, outcome, wrong);
  if (outcome.caught != outcome.planted)
    wrong.push_back("the convicted are not exactly the planted double-spenders");
  if (outcome.unproved_cases != 0) wrong.push_back("cases are left without proof");
  if (!audit.is_null() && audit.value("result", "") != "pass")
    wrong.push_back("the audit does not pass");
  return wrong;
}

Json latency_rows(const host::Latencies& latencies) {
  Json rows = Json::object();
  for (size_t i = 0; i < static_cast<size_t>(host::Operation::kCount); ++i) {
    const host::Latency l = latencies.summary(static_cast<host::Operation>(i));
    if (l.count == 0) continue;
    rows[std::string(host::operation_name(static_cast<host::Operation>(i)))] = {
        {"count", l.count}, {"p50_ms", l.p50_ms}, {"p99_ms", l.p99_ms}, {"max_ms", l.max_ms}};
  }
  return rows;
}

Json money_rows(const Totals& totals) {
  Json rows = Json::object();
  for (size_t i = 0; i < totals.by_money.size(); ++i) {
    const MoneyTotals& money = totals.by_money[i];
    rows[std::string(money_name(static_cast<Money>(i)))] = {{"slots", money.slots},
                                                            {"value", money.value}};
  }
  return rows;
}

}  // namespace

Json make_report(const SimulationOptions& options, const Outcome& outcome,
                 const host::Latencies& latencies, uint64_t repeated_calls, const Json& before,
                 const Json& audit) {
  const Totals& t = outcome.totals;
  const Overdrawn overdrawn = overdrawn_of(options, outcome, before, audit);
  LossTotals losses = losses_of(outcome);
  const Json wrong = check(options, outcome, overdrawn, audit);
  Json caught = Json::array();
  for (const auto& account : outcome.caught) caught.push_back(account.hex());
  return {
      {"result", wrong.empty() ? "pass" : "fail"},
      {"wrong", wrong},
      {"run",
       {{"seed", options.seed},
        {"wallets", options.wallets},
        {"shops", options.terminal_files.size()},
        {"currency", options.currency},
        {"mix", to_string(options.mix)},
        {"errands", t.errands}}},
      {"withdrawal",
       {{"registered", t.registered},
        {"orders", t.orders},
        {"voided_orders", t.voided_orders},
        {"coins", t.coins},
        {"loads", t.loads},
        {"loaded", t.loaded_value}}},
      {"payment",
       {{"payments", t.payments},
        {"value", t.paid_value},
        {"slots", t.slots},
        {"declined", t.declined},
        {"contacts", t.contacts},
        {"line_frames", t.line_frames},
        {"authorized", t.authorized},
        {"identified", t.identified}}},
      {"money", money_rows(t)},
      {"calls", {{"calls", t.calls}, {"ticks", t.ticks}, {"unreached", t.unreached_value}}},
      {"paid_back", {{"payments", t.pay_backs}, {"value", t.paid_back_value}}},
      {"deposit",
       {{"batches", t.deposits},
        {"payments", t.deposited},
        {"accepted", t.accepted},
        {"repeats", t.repeats},
        {"credited_spent_before", t.credited_spent_before},
        {"spent_before", t.spent_before},
        {"refused", t.refused},
        {"credited", t.credited_value}}},
      {"double_spenders",
       {{"planted", outcome.planted.size()},
        {"caught", outcome.caught.size()},
        {"exactly", outcome.caught == outcome.planted},
        {"cases", outcome.cases},
        {"unproved", outcome.unproved_cases},
        {"accounts", caught}}},
      {"overdrawn",
       {{"guardians", outcome.overdrafts.size()},
        {"planted", overdrawn.planted},
        {"alarms", overdrawn.alarms},
        {"alarmed", overdrawn.alarmed}}},
      {"losses",
       {{"lost", losses.wallets["lost"]},
        {"stolen", losses.wallets["stolen"]},
        {"broken", losses.wallets["broken"]},
        {"cards", losses.cards},
        {"held", losses.held},
        {"spent_by_thieves", losses.thief},
        {"due", losses.due},
        {"recovered", losses.recovered},
        {"charged", losses.charged},
        {"claims", losses.claims},
        {"unsettled", losses.unsettled},
        {"recovery_s", outcome.losses.empty()
                           ? 0.0
                           : outcome.recover_s / static_cast<double>(outcome.losses.size())}}},
      {"time_s",
       {{"all", outcome.seconds},
        {"register", outcome.register_s},
        {"trade", outcome.trade_s},
        {"clear", outcome.clear_s}}},
      {"rate_per_s",
       {{"payments", rate(t.payments, outcome.trade_s)},
        {"coins", rate(t.coins, outcome.trade_s)}}},
      {"latency", latency_rows(latencies)},
      {"repeated_calls", repeated_calls},
      {"audit", audit},
  };
}

std::string to_text(const Json& r) {
  std::string out = "\n";
  const std::string currency = r["run"]["currency"];
  const auto money = [&](const char* group, const char* key) {
    return static_cast<double>(number(r, group, key)) / 100;
  };
  out += line("  wallets %" PRIu64 ", shops %" PRIu64 ", seed %s", number(r, "run", "wallets"),
              number(r, "run", "shops"), r["run"]["seed"].get<std::string>().c_str());
  out += line("  withdrawn     %8" PRIu64 " coins and cheques in %" PRIu64 " orders (%" PRIu64
              " voided and opened anew), %" PRIu64 " loads of %.2f %s",
              number(r, "withdrawal", "coins"), number(r, "withdrawal", "orders"),
              number(r, "withdrawal", "voided_orders"), number(r, "withdrawal", "loads"),
              money("withdrawal", "loaded"), currency.c_str());
  out += line("  paid off line %8" PRIu64 " payments, %.2f %s, %" PRIu64 " slots, %" PRIu64
              " contacts (some cut and resumed)",
              number(r, "payment", "payments"), money("payment", "value"), currency.c_str(),
              number(r, "payment", "slots"), number(r, "payment", "contacts"));
  for (const auto& [name, row] : r["money"].items()) {
    out +=
        line("                %8" PRIu64 " %s, %.2f %s", row["slots"].get<uint64_t>(), name.c_str(),
             static_cast<double>(row["value"].get<uint64_t>()) / 100, currency.c_str());
  }
  out += line("                %8" PRIu64 " authorized on line, %" PRIu64
              " by identified payers; %" PRIu64 " calls of %" PRIu64 " ticks",
              number(r, "payment", "authorized"), number(r, "payment", "identified"),
              number(r, "calls", "calls"), number(r, "calls", "ticks"));
  out += line("  paid back     %8" PRIu64 " times into the own account, %.2f %s",
              number(r, "paid_back", "payments"), money("paid_back", "value"), currency.c_str());
  out += line("  deposited     %8" PRIu64 " payments in %" PRIu64 " batches, %.2f %s credited",
              number(r, "deposit", "payments"), number(r, "deposit", "batches"),
              money("deposit", "credited"), currency.c_str());
  out += line("                %8" PRIu64 " accepted, %" PRIu64 " repeats, %" PRIu64
              " credited though spent before, %" PRIu64 " spent before, %" PRIu64 " refused",
              number(r, "deposit", "accepted"), number(r, "deposit", "repeats"),
              number(r, "deposit", "credited_spent_before"), number(r, "deposit", "spent_before"),
              number(r, "deposit", "refused"));
  out += line("  spent twice   %8" PRIu64 " planted, %" PRIu64 " caught%s, %" PRIu64
              " cases with evidence",
              number(r, "double_spenders", "planted"), number(r, "double_spenders", "caught"),
              r["double_spenders"]["exactly"].get<bool>() ? " (exactly those)" : " (NOT THE SAME)",
              number(r, "double_spenders", "cases"));
  if (number(r, "overdrawn", "guardians") > 0) {
    out +=
        line("  overdrawn     %8" PRIu64 " guardians by %.2f %s, %" PRIu64 " alarms of %.2f %s",
             number(r, "overdrawn", "guardians"), money("overdrawn", "planted"), currency.c_str(),
             number(r, "overdrawn", "alarms"), money("overdrawn", "alarmed"), currency.c_str());
  }
  if (const Json& losses = r["losses"];
      number(r, "losses", "lost") + number(r, "losses", "stolen") + number(r, "losses", "broken") >
      0) {
    out += line("  lost          %8" PRIu64 " wallets, %" PRIu64 " stolen, %" PRIu64
                " broken, with %.2f %s in them; %.2f %s spent by thieves",
                number(r, "losses", "lost"), number(r, "losses", "stolen"),
                number(r, "losses", "broken"), money("losses", "held"), currency.c_str(),
                money("losses", "spent_by_thieves"), currency.c_str());
    out += line("  recovered     %8" PRIu64
                " claims, %.2f of %.2f %s%s (%.2f charged back), %.1f s "
                "each to file",
                number(r, "losses", "claims"), money("losses", "recovered"), money("losses", "due"),
                currency.c_str(),
                number(r, "losses", "unsettled") > 0 ? ", the rest is held" : ", to the cent",
                money("losses", "charged"), losses["recovery_s"].get<double>());
  }
  out += line(
      "  time          %8.1f s (registration %.1f, withdrawals and payments %.1f, clearing %.1f); "
      "%.0f payments/s",
      r["time_s"]["all"].get<double>(), r["time_s"]["register"].get<double>(),
      r["time_s"]["trade"].get<double>(), r["time_s"]["clear"].get<double>(),
      r["rate_per_s"]["payments"].get<double>());
  for (const auto& [name, l] : r["latency"].items()) {
    out += line("    %-16s %7" PRIu64 " calls   p50 %8.2f ms   p99 %8.2f ms   max %8.2f ms",
                name.c_str(), l["count"].get<uint64_t>(), l["p50_ms"].get<double>(),
                l["p99_ms"].get<double>(), l["max_ms"].get<double>());
  }
  if (r["repeated_calls"].get<uint64_t>() > 0) {
    out += line("  repeated      %8" PRIu64 " calls while a service was away",
                r["repeated_calls"].get<uint64_t>());
  }
  if (!r["audit"].is_null())
    out += line("  audit         %s", r["audit"].value("result", "did not run").c_str());
  for (const auto& wrong : r["wrong"]) out += "  WRONG: " + wrong.get<std::string>() + "\n";
  out += line("  result        %s", r["result"].get<std::string>().c_str());
  return out;
}

}  // namespace cafe::simulator
