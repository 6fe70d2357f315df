#include "loadtest/results_table.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "loadtest/results_json.h"

namespace cafe::loadtest {

namespace {

// 1234567 as "1,234,567".
std::string grouped(double value) {
  const std::string digits = absl::StrFormat("%.0f", value);
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  return out;
}

// Three digits that count.
std::string short_number(const Json& value) {
  if (!value.is_number()) return "-";
  const double number = value;
  if (number >= 99.95) return grouped(number);
  return absl::StrFormat("%.*f", number >= 9.995 ? 1 : 2, number);
}

std::string percent(const Json& share) {
  if (!share.is_number()) return "-";
  return absl::StrFormat("%.1f %%", share.get<double>() * 100);
}

std::string head(const Json& document) {
  const Json& machine = document.at("machine");
  const Json mix = document.value("mix", Json());  // missing in results of before there were any
  return absl::StrFormat("\n  %s: %s%s, %d in a request\n  %d cores, %s, %.1f GiB, %s\n",
                         document.at("scenario").get<std::string>(),
                         document.at("item").get<std::string>(),
                         mix.is_string() ? " (" + mix.get<std::string>() + ")" : "",
                         document.at("items_per_request").get<uint64_t>(),
                         machine.at("cores").get<int>(), machine.at("cpu").get<std::string>(),
                         machine.at("memory_bytes").get<double>() / (1024.0 * 1024 * 1024),
                         machine.at("kernel").get<std::string>());
}

std::string run_row(const Json& run) {
  const Json& latency = run.at("latency_ms");
  const auto ms = [&](const char* key) {
    return latency.is_null() ? std::string("-") : short_number(latency.at(key));
  };
  const Json& requests = run.at("requests");
  const uint64_t failed =
      requests.at("failed").get<uint64_t>() + requests.at("unanswered").get<uint64_t>();
  std::string row = absl::StrFormat(
      "  %-8s %10s %10s %8s %8d %9s %9s %9s %9s\n", run.at("purpose").get<std::string>(),
      grouped(run.at("offered_per_s")), grouped(run.at("done_per_s")),
      percent(run.at("refused_share")), failed, ms("p50"), ms("p99"), ms("p99_9"), ms("max"));
  if (const auto not_started = requests.at("not_started").get<uint64_t>(); not_started > 0) {
    absl::StrAppendFormat(&row, "  !! %s of %s requests were NOT STARTED: too many in flight\n",
                          grouped(static_cast<double>(not_started)), grouped(requests.at("due")));
  }
  for (const auto& [reason, count] : run.at("failure_reasons").items())
    absl::StrAppendFormat(&row, "  !! failed: %s, %d times\n", reason, count.get<uint64_t>());
  return row;
}

std::string process_rows(const Json& run, const std::string& item) {
  if (run.at("processes").empty()) return "";
  std::string rows =
      absl::StrFormat("\n  %-20s %16s %8s %10s   at %s %s/s\n", "process", "CPU us per item",
                      "cores", "peak MiB", grouped(run.at("done_per_s")), item);
  double us = 0;
  double cores = 0;
  for (const Json& process : run.at("processes")) {
    const Json& each = process.at("cpu_us_per_item");
    us += each.is_number() ? each.get<double>() : 0;
    cores += process.at("cpu_cores").get<double>();
    absl::StrAppendFormat(&rows, "  %-20s %16s %8.2f %10.0f\n",
                          process.at("name").get<std::string>(), short_number(each),
                          process.at("cpu_cores").get<double>(),
                          process.at("peak_bytes").get<double>() / (1024.0 * 1024));
  }
  absl::StrAppendFormat(&rows, "  %-20s %16s %8.2f\n", "together", short_number(us), cores);
  return rows;
}

std::string overload_line(const Json& overload) {
  if (overload.is_null()) return "";
  return absl::StrFormat(
      "  overload    %.1f times that: %s/s done, %s of the peak; %s of what was not served got "
      "RESOURCE_EXHAUSTED\n",
      overload.at("times_sustained").get<double>(), grouped(overload.at("done_per_s")),
      percent(overload.at("share_of_peak")), percent(overload.at("resource_exhausted_share")));
}

}  // namespace

std::string to_table(const Json& document) {
  const std::string item = document.at("item");
  std::string out = head(document);
  absl::StrAppendFormat(&out, "\n  %-8s %10s %10s %8s %8s %9s %9s %9s %9s\n", "run", "offered/s",
                        "done/s", "refused", "failed", "p50 ms", "p99 ms", "p99.9 ms", "max ms");
  for (const Json& run : document.at("runs")) out += run_row(run);
  if (const Json* run = main_run(document)) {
    out += process_rows(*run, item);
    const Json& delay = run->at("start_delay_ms");
    if (!delay.is_null()) {
      absl::StrAppendFormat(&out,
                            "\n  the generator started requests %s ms late at p99 (counted in "
                            "the latency)\n",
                            short_number(delay.at("p99")));
    }
  }
  if (const Json& rate = document.at("sustained_per_s"); rate.is_number())
    absl::StrAppend(&out, "  sustained   ", grouped(rate), " ", item, "/s\n");
  out += overload_line(document.at("overload"));
  if (const Json& audit = document.at("audit"); !audit.is_null())
    absl::StrAppend(&out, "  audit       ", audit.value("result", "fail"), "\n");
  absl::StrAppend(&out, "  result      ", document.at("result").get<std::string>(), "\n");
  for (const Json& each : document.at("wrong"))
    absl::StrAppend(&out, "              ", each.get<std::string>(), "\n");
  return out;
}

}  // namespace cafe::loadtest
