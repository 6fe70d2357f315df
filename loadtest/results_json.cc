#include "loadtest/results_json.h"

#include <algorithm>

namespace cafe::loadtest {

namespace {

double to_ms(uint64_t us) { return static_cast<double>(us) / 1000; }

Json latency_json(const Histogram& histogram) {
  if (histogram.count() == 0) return nullptr;
  return {{"count", histogram.count()},
          {"mean", histogram.mean_us() / 1000},
          {"p50", to_ms(histogram.quantile_us(0.5))},
          {"p90", to_ms(histogram.quantile_us(0.9))},
          {"p95", to_ms(histogram.quantile_us(0.95))},
          {"p99", to_ms(histogram.quantile_us(0.99))},
          {"p99_9", to_ms(histogram.quantile_us(0.999))},
          {"p99_99", to_ms(histogram.quantile_us(0.9999))},
          {"max", to_ms(histogram.max_us())}};
}

Json tally_json(const Tally& tally, uint64_t Count::*unit) {
  return {{"due", tally.due.*unit},
          {"not_started", tally.not_started.*unit},
          {"ok", tally.ok.*unit},
          {"refused", tally.refused.*unit},
          {"failed", tally.failed.*unit},
          {"unanswered", tally.unanswered.*unit},
          {"done_in_time", tally.done.*unit}};
}

// Columns, one value a second.
Json series_json(const std::vector<Second>& series) {
  Json columns = Json::object();
  for (const char* name : {"due", "not_started", "ok", "refused", "failed", "in_flight", "p50_ms",
                           "p99_ms", "p99_9_ms", "max_ms"})
    columns[name] = Json::array();
  for (const Second& second : series) {
    columns["due"].push_back(second.due.items);
    columns["not_started"].push_back(second.not_started.items);
    columns["ok"].push_back(second.ok.items);
    columns["refused"].push_back(second.refused.items);
    columns["failed"].push_back(second.failed.items);
    columns["in_flight"].push_back(second.in_flight);
    const bool any = second.latency.count() > 0;
    const auto ms = [&](double quantile) {
      return any ? Json(to_ms(second.latency.quantile_us(quantile))) : Json();
    };
    columns["p50_ms"].push_back(ms(0.5));
    columns["p99_ms"].push_back(ms(0.99));
    columns["p99_9_ms"].push_back(ms(0.999));
    columns["max_ms"].push_back(ms(1));
  }
  return columns;
}

Json process_json(const ProcessUse& use, const RunResult& run) {
  const double cpu_s =
      use.cpu_s_between(run.shape.warmup_s, run.shape.warmup_s + run.shape.measure_s);
  Json at_s = Json::array();
  Json rss = Json::array();
  Json cpu = Json::array();
  for (const UsageSample& sample : use.samples) {
    at_s.push_back(sample.at_s);
    rss.push_back(sample.rss_bytes);
    cpu.push_back(sample.cpu_s);
  }
  const uint64_t items = run.tally.done.items;
  return {{"name", use.name},
          {"cpu_us_per_item", items == 0 ? Json() : Json(cpu_s * 1e6 / static_cast<double>(items))},
          {"cpu_cores", cpu_s / run.shape.measure_s},
          {"peak_bytes", use.peak_bytes()},
          {"samples", {{"at_s", at_s}, {"rss_bytes", rss}, {"cpu_s", cpu}}}};
}

Json machine_json(const Machine& machine) {
  return {{"cores", machine.cores},
          {"cpu", machine.cpu},
          {"memory_bytes", machine.memory_bytes},
          {"kernel", machine.kernel},
          {"system", machine.system}};
}

}  // namespace

Json to_json(const RunResult& run) {
  const RunShape& shape = run.shape;
  Json facts = Json::object();
  for (const auto& [name, value] : run.facts) facts[name] = value;
  Json buckets = Json::array();
  for (const Histogram::Bucket& bucket : run.tally.latency.buckets())
    buckets.push_back({bucket.upper_us, bucket.count});
  Json processes = Json::array();
  for (const ProcessUse& use : run.processes) processes.push_back(process_json(use, run));
  return {{"purpose", run.purpose},
          {"rate_per_s", shape.requests_per_s * shape.items_per_request},
          {"requests_per_s", shape.requests_per_s},
          {"items_per_request", shape.items_per_request},
          {"arrival", arrival_name(shape.arrival)},
          {"seed", shape.seed},
          {"warmup_s", shape.warmup_s},
          {"measured_s", shape.measure_s},
          {"stopped", run.stopped},
          {"facts", facts},
          {"offered_per_s", run.offered_per_s()},
          {"done_per_s", run.done_per_s()},
          {"refused_share", run.refused_share()},
          {"requests", tally_json(run.tally, &Count::requests)},
          {"items", tally_json(run.tally, &Count::items)},
          {"failure_reasons", run.tally.reasons},
          {"latency_ms", latency_json(run.tally.latency)},
          {"refused_latency_ms", latency_json(run.tally.refused_latency)},
          {"start_delay_ms", latency_json(run.tally.start_delay)},
          {"latency_histogram_us", buckets},
          {"series", series_json(run.series)},
          {"processes", processes}};
}

Json overload(const std::vector<RunResult>& runs, double sustained_per_s) {
  double peak = 0;
  const RunResult* heaviest = nullptr;
  for (const RunResult& run : runs) {
    peak = std::max(peak, run.done_per_s());
    if (heaviest == nullptr || run.offered_per_s() > heaviest->offered_per_s()) heaviest = &run;
  }
  const double base = sustained_per_s > 0 ? sustained_per_s : peak;
  if (heaviest == nullptr || base == 0 || heaviest->offered_per_s() < 1.9 * base) return nullptr;
  const Tally& tally = heaviest->tally;
  const auto turned_away = static_cast<double>(tally.refused.requests + tally.failed.requests +
                                               tally.unanswered.requests);
  return {
      {"rate_per_s", heaviest->offered_per_s()},
      {"times_sustained", heaviest->offered_per_s() / base},
      {"done_per_s", heaviest->done_per_s()},
      {"peak_per_s", peak},
      {"share_of_peak", heaviest->done_per_s() / peak},
      {"refused_share", heaviest->refused_share()},
      // Of the requests that were sent and not served.
      {"resource_exhausted_share",
       turned_away == 0 ? Json() : Json(static_cast<double>(tally.refused.requests) / turned_away)},
      {"not_started", tally.not_started.requests}};
}

Json to_json(const TestDescription& description, const Campaign& campaign, const Json& audit) {
  Json runs = Json::array();
  for (const RunResult& run : campaign.runs) runs.push_back(to_json(run));
  Json wrong = campaign.wrong;
  if (!audit.is_null() && audit.value("result", "") != "pass")
    wrong.push_back("the audit does not pass");
  return {
      {"schema", kSchema},
      {"result", wrong.empty() ? "pass" : "fail"},
      {"wrong", wrong},
      {"scenario", description.scenario},
      {"item", description.item_name},
      {"mix", description.mix.empty() ? Json() : Json(description.mix)},
      {"items_per_request", description.items_per_request},
      {"started", description.started},
      {"command", description.command},
      {"options", description.options},
      {"versions", description.versions},
      {"machine", machine_json(description.machine)},
      {"sustained_per_s", campaign.sustained_per_s > 0 ? Json(campaign.sustained_per_s) : Json()},
      {"overload", overload(campaign.runs, campaign.sustained_per_s)},
      {"audit", audit},
      {"runs", runs}};
}

const Json* main_run(const Json& document) {
  const Json* best = nullptr;
  const auto rank = [](const Json& run) {
    const std::string purpose = run.at("purpose");
    return purpose == "confirm" ? 2 : purpose == "rate" ? 1 : 0;
  };
  for (const Json& run : document.at("runs")) {
    // Of equal rank, a later run counts for more where the rate was chosen or confirmed.
    if (best == nullptr || rank(run) > rank(*best) ||
        (rank(run) == rank(*best) &&
         (rank(run) > 0 || run.at("done_per_s") > best->at("done_per_s"))))
      best = &run;
  }
  return best;
}

}  // namespace cafe::loadtest
