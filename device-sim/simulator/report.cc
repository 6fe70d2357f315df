#include "device-sim/simulator/report.h"

#include <cinttypes>
#include <cstdarg>
#include <cstdio>

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

// What must hold in every run; a sentence for each thing that does not.
Json check(const Outcome& outcome, const Json& audit) {
  const Totals& t = outcome.totals;
  Json wrong = Json::array();
  for (const std::string& failure : outcome.failures) wrong.push_back(failure);
  if (t.deposited != t.payments) wrong.push_back("not every payment was deposited");
  if (t.refused != 0) wrong.push_back("payments that terminals accepted were refused");
  if (t.accepted + t.repeats + t.credited_spent_before + t.spent_before + t.refused != t.deposited)
    wrong.push_back("verdicts are missing");
  if (t.credited_value > t.paid_value) wrong.push_back("more was credited than paid");
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

}  // namespace

Json make_report(const SimulationOptions& options, const Outcome& outcome,
                 const host::Latencies& latencies, uint64_t repeated_calls, const Json& audit) {
  const Totals& t = outcome.totals;
  const Json wrong = check(outcome, audit);
  Json caught = Json::array();
  for (const auto& account : outcome.caught) caught.push_back(account.hex());
  return {
      {"result", wrong.empty() ? "pass" : "fail"},
      {"wrong", wrong},
      {"run",
       {{"seed", options.seed},
        {"wallets", options.wallets},
        {"shops", options.terminal_files.size()},
        {"currency", options.currency}}},
      {"withdrawal",
       {{"registered", t.registered},
        {"orders", t.orders},
        {"voided_orders", t.voided_orders},
        {"coins", t.coins}}},
      {"payment",
       {{"payments", t.payments},
        {"value", t.paid_value},
        {"slots", t.spends},
        {"declined", t.declined},
        {"contacts", t.contacts},
        {"line_frames", t.line_frames},
        {"authorized", t.authorized}}},
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
  out += line("  withdrawn     %8" PRIu64 " coins in %" PRIu64 " orders (%" PRIu64
              " voided and opened anew)",
              number(r, "withdrawal", "coins"), number(r, "withdrawal", "orders"),
              number(r, "withdrawal", "voided_orders"));
  out += line("  paid off line %8" PRIu64 " payments, %.2f %s, %" PRIu64 " slots, %" PRIu64
              " contacts (some cut and resumed)",
              number(r, "payment", "payments"), money("payment", "value"), currency.c_str(),
              number(r, "payment", "slots"), number(r, "payment", "contacts"));
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
  if (number(r, "payment", "authorized") > 0)
    out +=
        line("  authorized    %8" PRIu64 " payments on line", number(r, "payment", "authorized"));
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
