// What a person does with her wallet, command by command; everything that the wallet has to say is
// shown on its face.
#pragma once

#include <optional>
#include <vector>

#include "device-sim/cafe-wallet/console.h"
#include "device-sim/cafe-wallet/pocket.h"
#include "device-sim/cafe-wallet/town.h"
#include "device-sim/host/encounter.h"

namespace cafe::cafe_wallet {

struct SessionOptions {
  std::string issuer_id;
  std::string currency = "EUR";
  // Reads lines "account currency amount reference" and puts the money there: somebody's salary.
  std::string fund_command;
  host::LineOptions line;
  uint32_t look_up_spread_ms = 0;  // over which the look-ups of a lost wallet are spread
};

class Session {
 public:
  // All outlive the session; at least one shop.
  Session(SessionOptions options, Pocket& pocket, std::vector<std::unique_ptr<Shop>>& shops,
          host::Backend& backend, face::Face& face, Console& console)
      : options_(std::move(options)),
        pocket_(pocket),
        shops_(shops),
        backend_(backend),
        face_(face),
        console_(console) {}

  // What an earlier run was interrupted in: payments, calls, orders, loads, deposits.
  void finish_what_was_begun();
  // Until the end of the input or "quit"; stops at the first error where `stop_at_error`.
  absl::Status run(bool stop_at_error);
  // One command. What its owner cancelled is no error. UNKNOWN_COMMAND, BAD_AMOUNT, and whatever
  // went wrong, which the face has shown already.
  absl::Status command(std::string_view line);

 private:
  using Words = std::vector<std::string>;
  absl::Status dispatch(const Words& words);
  absl::Status enrol();
  absl::Status fund(uint64_t amount);
  absl::Status withdraw(uint64_t most, uint32_t coin_percent);
  absl::Status load(uint64_t amount);
  absl::Status pay(uint64_t amount, Shop& shop);
  absl::Status call(uint32_t ticks, Shop& shop);
  absl::Status back(uint64_t amount);
  absl::Status account();
  absl::Status pin(const Words& words);
  absl::Status show_allowance();
  // session_recovery.cc; nothing where it is no command of a loss.
  std::optional<absl::Status> dispatch_recovery(const Words& words);
  absl::Status back_up();
  absl::Status write_card(const std::string& path);
  absl::Status report_loss(const std::string& path);
  absl::StatusOr<std::unique_ptr<wallet::Recovery>> begin_recovery(const Words& by);
  absl::Status recover(const Words& by);
  absl::Status claims();
  absl::Status reclaim();
  void help();

  // The issuer's newest list, and shops that show it too.
  absl::Status prepare_to_withdraw();
  absl::Status finish_errands();
  absl::Status order(const std::vector<std::vector<protocol::OrderLine>>& orders);
  absl::Status told(const host::EncounterResult& result, const Shop& shop);
  void deposit(Shop& shop);
  absl::StatusOr<uint64_t> amount(const Words& words, size_t at) const;
  absl::StatusOr<Shop*> shop(const Words& words, size_t at) const;
  wallet::Wallet& wallet() { return pocket_.wallet(); }

  SessionOptions options_;
  Pocket& pocket_;
  std::vector<std::unique_ptr<Shop>>& shops_;
  host::Backend& backend_;
  face::Face& face_;
  Console& console_;
  protocol::SystemRng rng_;
  bool loads_ = false;  // the issuer loads guardians
  bool quit_ = false;
};

}  // namespace cafe::cafe_wallet
