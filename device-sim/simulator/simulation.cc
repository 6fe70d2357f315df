#include "device-sim/simulator/simulation.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <thread>

namespace cafe::simulator {

using protocol::AccountId;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

Simulation::Simulation(SimulationOptions options, host::Backend& backend)
    : options_(std::move(options)), backend_(backend), street_{options_, backend, {}, {}, {}} {}

Simulation::~Simulation() = default;

absl::Status Simulation::check_options() const {
  if (options_.terminal_files.empty()) {
    return protocol::invalid("NO_SHOPS", "Name at least one terminal file with --terminal.");
  }
  if (options_.double_spenders > 0 && options_.terminal_files.size() < 2) {
    return protocol::invalid("BAD_OPTION", "Double-spenders need two shops.");
  }
  const uint64_t losses = uint64_t{options_.lost} + options_.stolen + options_.broken;
  if (losses > 0 && !backend_.knows_recovery()) {
    return protocol::invalid("BAD_OPTION", "Wallets that get lost need --recovery.");
  }
  return absl::OkStatus();
}

absl::Status Simulation::prepare() {
  CAFE_RETURN_IF_ERROR(check_options());
  CAFE_ASSIGN_OR_RETURN(const auto anchors, host::read_trust(options_.trust_file));
  CAFE_ASSIGN_OR_RETURN(const auto load_keys, host::read_load_keys(options_.trust_file));
  CAFE_ASSIGN_OR_RETURN(const auto manufacturer,
                        host::read_signing_key(options_.manufacturer_file));
  CAFE_ASSIGN_OR_RETURN(const host::IssuerInfo issuer, backend_.denominations());
  for (const std::string& file : options_.terminal_files) {
    CAFE_ASSIGN_OR_RETURN(auto shop, Shop::make(file, anchors));
    CAFE_RETURN_IF_ERROR(shop->terminal().accept_list(issuer.list));
    street_.shops.push_back(std::move(shop));
  }
  street_.workshop.emplace(Workshop{
      {.issuer_id = options_.issuer_id, .anchors = anchors}, manufacturer, load_keys, issuer});
  CAFE_ASSIGN_OR_RETURN(const std::vector<Life> lives, draw_lives(options_));
  for (uint32_t i = 0; i < options_.wallets; ++i) {
    CAFE_ASSIGN_OR_RETURN(auto device, street_.workshop->make(options_.seed + "/wallet " +
                                                              std::to_string(i) + "/device"));
    const uint32_t payments =
        options_.payments / options_.wallets + (i < options_.payments % options_.wallets ? 1 : 0);
    customers_.push_back(
        std::make_unique<Customer>(street_, i, lives[i], payments, std::move(device)));
  }
  return absl::OkStatus();
}

void Simulation::for_each_customer(const std::function<absl::Status(Customer&)>& body,
                                   const char* what) {
  std::atomic<size_t> next = 0;
  std::atomic<size_t> done = 0;
  std::vector<std::thread> threads;
  for (uint32_t t = 0; t < std::max(1U, options_.threads); ++t) {
    threads.emplace_back([&] {
      for (size_t i = next++; i < customers_.size(); i = next++) {
        if (const absl::Status status = body(*customers_[i]); !status.ok()) {
          const std::string reason = protocol::reason_of(status);
          street_.tally.change([&](Outcome& outcome) {
            outcome.failures.push_back("wallet " + std::to_string(i) + " (" + what +
                                       "): " + std::string(status.message()) +
                                       (reason.empty() ? "" : " (" + reason + ")"));
          });
        }
        const size_t finished = ++done;
        if (!options_.quiet &&
            finished * 10 / customers_.size() != (finished - 1) * 10 / customers_.size()) {
          std::fprintf(stderr, "    %s: %zu of %zu wallets\n", what, finished, customers_.size());
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

absl::Status Simulation::fund() {
  FILE* pipe = popen((options_.fund_command + " >/dev/null").c_str(), "w");
  if (pipe == nullptr)
    return protocol::invalid("BAD_FUND_COMMAND",
                             "The command of --fund-command cannot be started.");
  for (const auto& customer : customers_) {
    std::fprintf(pipe, "%s %s %llu simulation-%u\n", customer->account().hex().c_str(),
                 options_.currency.c_str(), static_cast<unsigned long long>(options_.funds),
                 customer->index());
  }
  if (pclose(pipe) != 0)
    return protocol::refused("FUNDING_FAILED",
                             "The command of --fund-command failed (see its message above).");
  return absl::OkStatus();
}

absl::Status Simulation::deposit_everything() {
  for (const auto& shop : street_.shops) CAFE_RETURN_IF_ERROR(street_.deposit(*shop, true));
  return absl::OkStatus();
}

absl::Status Simulation::overdraw() {
  for_each_customer(
      [](Customer& customer) {
        // Who spent twice has closed before.
        return customer.role() == Role::kDoubleSpender ? absl::OkStatus() : customer.close();
      },
      "paid back");
  for (const auto& customer : customers_) {
    if (customer->role() == Role::kOverdrawer) CAFE_RETURN_IF_ERROR(customer->overdraw());
  }
  return absl::OkStatus();
}

absl::Status Simulation::turn_calendar() {
  if (options_.calendar_command.empty()) return absl::OkStatus();
  if (!options_.quiet)
    std::fprintf(stderr, "    turning the calendar to the day when claims are final\n");
  if (std::system(options_.calendar_command.c_str()) != 0) {
    return protocol::refused("CALENDAR_FAILED",
                             "The command of --calendar-command failed (see its message above).");
  }
  return absl::OkStatus();
}

// Waits until all claims are final where the calendar was turned, and asks once where it was not.
absl::Status Simulation::settle_claims() {
  const bool wait = !options_.calendar_command.empty();
  const auto give_up =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.claim_patience_ms);
  Outcome& outcome = street_.tally.outcome();
  for (const auto& customer : customers_) {
    for (bool settled = false; !settled;) {
      CAFE_ASSIGN_OR_RETURN(settled, customer->ask_for_claims());
      if (settled || !wait || std::chrono::steady_clock::now() > give_up) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    if (const auto loss = customer->loss(); loss) outcome.losses.push_back(*loss);
  }
  return absl::OkStatus();
}

absl::Status Simulation::note_earlier_cases() {
  if (!backend_.can_read_cases()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const std::vector<host::CaseRow> cases, backend_.cases());
  if (!cases.empty()) last_case_before_ = cases.back().number;
  return absl::OkStatus();
}

// Waits until the issuer has finished its cases: every one proved, and all that were planted among
// them.
absl::Status Simulation::collect_cases() {
  Outcome& outcome = street_.tally.outcome();
  const auto give_up =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(options_.case_patience_ms);
  for (;;) {
    CAFE_ASSIGN_OR_RETURN(std::vector<host::CaseRow> cases, backend_.cases());
    std::erase_if(cases, [&](const host::CaseRow& row) { return row.number <= last_case_before_; });
    std::set<AccountId> caught;
    uint64_t unproved = 0;
    for (const host::CaseRow& row : cases) {
      if (row.state != "proved") {
        ++unproved;
        continue;
      }
      CAFE_ASSIGN_OR_RETURN(const auto account, AccountId::decode(row.account));
      caught.insert(account);
    }
    const bool complete = unproved == 0 && caught.size() >= outcome.planted.size();
    if (complete || std::chrono::steady_clock::now() > give_up) {
      outcome.cases = cases.size();
      outcome.unproved_cases = unproved;
      outcome.caught.assign(caught.begin(), caught.end());
      return absl::OkStatus();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

absl::StatusOr<Outcome> Simulation::run() {
  const auto start = std::chrono::steady_clock::now();
  Outcome& outcome = street_.tally.outcome();
  CAFE_RETURN_IF_ERROR(prepare());
  CAFE_RETURN_IF_ERROR(note_earlier_cases());
  for_each_customer([](Customer& customer) { return customer.join(); }, "registered");
  if (!outcome.failures.empty()) return outcome;
  CAFE_RETURN_IF_ERROR(fund());
  outcome.register_s = seconds_since(start);
  const auto trading = std::chrono::steady_clock::now();
  for_each_customer(
      [](Customer& customer) {
        CAFE_RETURN_IF_ERROR(customer.trade());
        return customer.role() == Role::kDoubleSpender ? customer.spend_twice() : absl::OkStatus();
      },
      "paid");
  outcome.trade_s = seconds_since(trading);
  const auto clearing = std::chrono::steady_clock::now();
  CAFE_RETURN_IF_ERROR(deposit_everything());
  // Before counters are overdrawn: what is owed on cheques would hide that.
  if (uint64_t{options_.lost} + options_.stolen + options_.broken > 0) {
    CAFE_RETURN_IF_ERROR(turn_calendar());
    CAFE_RETURN_IF_ERROR(settle_claims());
  }
  if (options_.overdrawers > 0) CAFE_RETURN_IF_ERROR(overdraw());
  if (backend_.can_read_cases()) CAFE_RETURN_IF_ERROR(collect_cases());
  outcome.clear_s = seconds_since(clearing);
  outcome.seconds = seconds_since(start);
  std::sort(outcome.planted.begin(), outcome.planted.end());
  return outcome;
}

}  // namespace cafe::simulator
