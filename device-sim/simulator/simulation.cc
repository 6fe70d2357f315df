#include "device-sim/simulator/simulation.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <set>
#include <thread>

namespace cafe::simulator {

using protocol::AccountId;

struct Simulation::Customer {
  uint32_t index;
  uint32_t payments;
  bool broken_guardian;
  std::unique_ptr<WalletDevice> device;
  AccountId account{};
};

Simulation::Simulation(SimulationOptions options, Backend& backend)
    : options_(std::move(options)), backend_(backend) {}

Simulation::~Simulation() = default;

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// A shopping basket: a multiple of ten cents between 0.50 and 15.00.
uint64_t draw_amount(protocol::SeededRng& plan) { return 50 + 10 * plan.below(146); }

}  // namespace

std::string Simulation::seed_of(const Customer& customer, std::string_view what) const {
  return options_.seed + "/wallet " + std::to_string(customer.index) + "/" + std::string(what);
}

void Simulation::count(const std::function<void(Totals&)>& change) {
  const std::lock_guard lock(mutex_);
  change(outcome_.totals);
}

void Simulation::fail(const std::string& who, const absl::Status& status) {
  const std::lock_guard lock(mutex_);
  const std::string reason = protocol::reason_of(status);
  outcome_.failures.push_back(who + ": " + std::string(status.message()) +
                              (reason.empty() ? "" : " (" + reason + ")"));
}

absl::Status Simulation::prepare() {
  CAFE_ASSIGN_OR_RETURN(const auto anchors, host::read_trust(options_.trust_file));
  CAFE_ASSIGN_OR_RETURN(const auto load_keys, host::read_load_keys(options_.trust_file));
  CAFE_ASSIGN_OR_RETURN(const auto manufacturer,
                        host::read_signing_key(options_.manufacturer_file));
  CAFE_ASSIGN_OR_RETURN(const host::IssuerInfo issuer, backend_.denominations());
  for (const std::string& file : options_.terminal_files) {
    CAFE_ASSIGN_OR_RETURN(auto shop, Shop::make(file, anchors));
    CAFE_RETURN_IF_ERROR(shop->terminal().accept_list(issuer.list));
    shops_.push_back(std::move(shop));
  }
  if (shops_.empty())
    return protocol::invalid("NO_SHOPS", "Name at least one terminal file with --terminal.");
  if (options_.double_spenders > options_.wallets ||
      (options_.double_spenders > 0 && shops_.size() < 2)) {
    return protocol::invalid("BAD_OPTION", "Double-spenders must be wallets, and need two shops.");
  }
  const wallet::Config config{.issuer_id = options_.issuer_id, .anchors = anchors};
  for (uint32_t i = 0; i < options_.wallets; ++i) {
    auto customer = std::make_unique<Customer>();
    customer->index = i;
    customer->payments =
        options_.payments / options_.wallets + (i < options_.payments % options_.wallets ? 1 : 0);
    // Spread over the wallets, so that some cheat early and some late.
    customer->broken_guardian = uint64_t{i} * options_.double_spenders / options_.wallets !=
                                uint64_t{i + 1} * options_.double_spenders / options_.wallets;
    CAFE_ASSIGN_OR_RETURN(customer->device, WalletDevice::make(seed_of(*customer, "device"), config,
                                                               manufacturer, load_keys));
    CAFE_RETURN_IF_ERROR(host::learn_issuer(customer->device->firmware(), issuer));
    customers_.push_back(std::move(customer));
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
          fail("wallet " + std::to_string(i), status);
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

absl::Status Simulation::register_customer(Customer& customer) {
  wallet::Wallet& wallet = customer.device->firmware();
  CAFE_RETURN_IF_ERROR(host::register_wallet(wallet, backend_));
  CAFE_ASSIGN_OR_RETURN(customer.account, wallet.account());
  count([](Totals& t) { ++t.registered; });
  Shop& shop = *shops_[customer.index % shops_.size()];
  const std::lock_guard lock(shop.mutex);
  const std::string seed = seed_of(customer, "lists");
  shop.reseed(seed + "/terminal");
  return host::show_lists(wallet, shop.terminal(), options_.line, seed, host::now_ms());
}

absl::Status Simulation::fund() {
  FILE* pipe = popen((options_.fund_command + " >/dev/null").c_str(), "w");
  if (pipe == nullptr)
    return protocol::invalid("BAD_FUND_COMMAND",
                             "The command of --fund-command cannot be started.");
  for (const auto& customer : customers_) {
    std::fprintf(pipe, "%s %s %llu simulation-%u\n", customer->account.hex().c_str(),
                 options_.currency.c_str(), static_cast<unsigned long long>(options_.funds),
                 customer->index);
  }
  if (pclose(pipe) != 0)
    return protocol::refused("FUNDING_FAILED",
                             "The command of --fund-command failed (see its message above).");
  return absl::OkStatus();
}

// One order of everything that is open for withdrawal in the currency: five of each plain coin, two
// of each other.
absl::Status Simulation::withdraw(Customer& customer) {
  wallet::Wallet& wallet = customer.device->firmware();
  std::vector<protocol::OrderLine> lines;
  const uint64_t now_s = host::now_ms() / 1000;
  for (const protocol::Denomination& d : wallet.list()->denominations) {
    if (d.kind == protocol::Kind::kCoin && d.currency == options_.currency &&
        d.withdraw_from <= now_s && now_s < d.withdraw_until) {
      lines.push_back({d.id(), d.slot_values.size() == 1 ? 5U : 2U});
    }
  }
  CAFE_ASSIGN_OR_RETURN(const host::OrderOutcome outcome, host::withdraw(wallet, backend_, lines));
  count([&](Totals& t) {
    ++t.orders;
    t.voided_orders += outcome.voided;
    t.coins += outcome.withdrawn.coins;
  });
  return absl::OkStatus();
}

absl::StatusOr<EncounterResult> Simulation::pay_at(Customer& customer, Shop& shop, uint64_t amount,
                                                   const std::string& seed) {
  CAFE_ASSIGN_OR_RETURN(const EncounterResult result, ([&]() -> absl::StatusOr<EncounterResult> {
                          const std::lock_guard lock(shop.mutex);
                          shop.reseed(seed + "/terminal");
                          return host::pay(customer.device->firmware(), shop.terminal(), backend_,
                                           options_.currency, amount, options_.line, seed,
                                           host::now_ms());
                        }()));
  count([&](Totals& t) {
    t.contacts += result.contacts;
    t.line_frames += result.transmissions;
    if (result.authorized) ++t.authorized;
  });
  if (result.paid) CAFE_RETURN_IF_ERROR(deposit(shop, false));
  return result;
}

absl::Status Simulation::pay_once(Customer& customer, uint32_t k, protocol::SeededRng& plan) {
  // A wallet that cannot pay an amount exactly withdraws once more, and then gives another amount a
  // try.
  for (int attempt = 0; attempt < 6; ++attempt) {
    Shop& shop = *shops_[plan.below(shops_.size())];
    const uint64_t amount = draw_amount(plan);
    const std::string seed =
        seed_of(customer, "payment " + std::to_string(k) + "." + std::to_string(attempt));
    CAFE_ASSIGN_OR_RETURN(const EncounterResult result, pay_at(customer, shop, amount, seed));
    if (result.paid) {
      count([&](Totals& t) {
        ++t.payments;
        t.paid_value += amount;
      });
      return absl::OkStatus();
    }
    count([](Totals& t) { ++t.declined; });
    if (protocol::reason_of(result.declined) != "AMOUNT_NOT_PAYABLE") return result.declined;
    CAFE_RETURN_IF_ERROR(withdraw(customer));
  }
  return protocol::refused("NOT_PAYABLE", "Six amounts in turn could not be paid exactly.");
}

// The guardian is broken: both memories are copied before a payment, and put back after it, so that
// the same slots pay a second shop.
absl::Status Simulation::spend_twice(Customer& customer, protocol::SeededRng& plan) {
  const size_t first = plan.below(shops_.size());
  const size_t second = (first + 1 + plan.below(shops_.size() - 1)) % shops_.size();
  for (int attempt = 0; attempt < 6; ++attempt) {
    const WalletDevice::Memories memories = customer.device->copy_memories();
    const uint64_t amount = draw_amount(plan);
    const std::string seed = seed_of(customer, "fraud " + std::to_string(attempt));
    CAFE_ASSIGN_OR_RETURN(const EncounterResult honest,
                          pay_at(customer, *shops_[first], amount, seed + "/first"));
    if (!honest.paid) {
      if (protocol::reason_of(honest.declined) != "AMOUNT_NOT_PAYABLE") return honest.declined;
      CAFE_RETURN_IF_ERROR(withdraw(customer));
      continue;
    }
    CAFE_RETURN_IF_ERROR(customer.device->put_back(memories));
    CAFE_ASSIGN_OR_RETURN(const EncounterResult fraud,
                          pay_at(customer, *shops_[second], amount, seed + "/second"));
    if (!fraud.paid) return fraud.declined;
    const std::lock_guard lock(mutex_);
    outcome_.totals.payments += 2;
    outcome_.totals.paid_value += 2 * amount;
    ++outcome_.totals.double_spends;
    outcome_.planted.push_back(customer.account);
    return absl::OkStatus();
  }
  return protocol::refused("NOT_PAYABLE", "Six amounts in turn could not be paid exactly.");
}

absl::Status Simulation::trade(Customer& customer) {
  protocol::SeededRng plan(seed_of(customer, "plan"));
  CAFE_RETURN_IF_ERROR(withdraw(customer));
  for (uint32_t k = 0; k < customer.payments; ++k) {
    CAFE_RETURN_IF_ERROR(pay_once(customer, k, plan));
  }
  return customer.broken_guardian ? spend_twice(customer, plan) : absl::OkStatus();
}

absl::Status Simulation::deposit(Shop& shop, bool all) {
  const std::lock_guard lock(shop.mutex);
  CAFE_ASSIGN_OR_RETURN(const std::vector<protocol::Receipt> receipts,
                        host::deposit(shop.terminal(), backend_, all ? 1 : options_.deposit_batch,
                                      options_.deposit_batch));
  for (const protocol::Receipt& receipt : receipts) {
    count([&](Totals& t) {
      ++t.deposits;
      t.deposited += receipt.verdicts.size();
      for (const protocol::PaymentVerdict& verdict : receipt.verdicts) {
        t.credited_value += verdict.credited;
        t.spends += verdict.slots.size();
        switch (verdict.code) {
          case protocol::VerdictCode::kAccepted:
            ++t.accepted;
            break;
          case protocol::VerdictCode::kRepeat:
            ++t.repeats;
            break;
          case protocol::VerdictCode::kCreditedSpentBefore:
            ++t.credited_spent_before;
            break;
          case protocol::VerdictCode::kSpentBefore:
            ++t.spent_before;
            break;
          case protocol::VerdictCode::kRefused:
            ++t.refused;
            break;
        }
      }
    });
  }
  return absl::OkStatus();
}

absl::Status Simulation::deposit_everything() {
  for (const auto& shop : shops_) CAFE_RETURN_IF_ERROR(deposit(*shop, true));
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
    const bool complete = unproved == 0 && caught.size() >= outcome_.planted.size();
    if (complete || std::chrono::steady_clock::now() > give_up) {
      outcome_.cases = cases.size();
      outcome_.unproved_cases = unproved;
      outcome_.caught.assign(caught.begin(), caught.end());
      return absl::OkStatus();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
}

absl::StatusOr<Outcome> Simulation::run() {
  const auto start = std::chrono::steady_clock::now();
  CAFE_RETURN_IF_ERROR(prepare());
  CAFE_RETURN_IF_ERROR(note_earlier_cases());
  for_each_customer([this](Customer& customer) { return register_customer(customer); },
                    "registered");
  if (!outcome_.failures.empty()) return outcome_;
  CAFE_RETURN_IF_ERROR(fund());
  outcome_.register_s = seconds_since(start);
  const auto trading = std::chrono::steady_clock::now();
  for_each_customer([this](Customer& customer) { return trade(customer); }, "paid");
  outcome_.trade_s = seconds_since(trading);
  const auto clearing = std::chrono::steady_clock::now();
  CAFE_RETURN_IF_ERROR(deposit_everything());
  if (backend_.can_read_cases()) CAFE_RETURN_IF_ERROR(collect_cases());
  outcome_.clear_s = seconds_since(clearing);
  outcome_.seconds = seconds_since(start);
  std::sort(outcome_.planted.begin(), outcome_.planted.end());
  return outcome_;
}

}  // namespace cafe::simulator
