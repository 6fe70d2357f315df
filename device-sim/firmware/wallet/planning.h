// What to withdraw, so that a wallet can pay any amount up to a sum that its owner chooses.
//
//   CAFE_ASSIGN_OR_RETURN(const Plan p, plan(*wallet.list(), now_s, "EUR", 10'000, holdings, {}));
//   if (p.load > 0) wallet.start_load("EUR", p.load);
//   for (const auto& lines : p.orders) wallet.start_order(lines, now_s);
//   // From here on every multiple of p.unit up to p.payable_up_to can be paid.
#pragma once

#include "device-sim/firmware/wallet/selection.h"
#include "libs/protocol/withdrawal.h"

namespace cafe::wallet {

struct PlanOptions {
  // Without cheques everything is paid with coins.
  bool cheques = true;
  // With cheques: the share of the sum that coins alone can pay, per cent. Coins are for privacy,
  // since nobody can ever link them; cheques are few and pay what coins do not. Half of each,
  // unless the owner says otherwise.
  uint32_t coin_percent = 50;
  // With cheques: how many blank ones the wallet has afterwards, at least. They cost nothing, and
  // each payment that coins do not make up takes one.
  uint32_t blank_cheques = 5;
};

struct Plan {
  // To be ordered one after the other; at most protocol::kMaxCoinsPerLine of each denomination in
  // one order. Cheques stand in the first.
  std::vector<std::vector<protocol::OrderLine>> orders;
  uint64_t load = 0;   // of the guardian's counter, minor units; 0: none
  uint64_t debit = 0;  // what the account pays for all of it: coins and load
  // Proved by `payable_up_to`: every multiple of `unit` up to this sum, at least what was asked
  // for.
  uint64_t payable_up_to = 0;
  uint64_t unit = 1;
};

// The largest sum such that every positive multiple of `unit` up to it can be paid from `holdings`
// with at most protocol::kMaxSpends slots; looks no further than `limit` (at most kMostUnits
// units). Exact, by the fewest slots for every amount: it proves what `plan` promises.
uint64_t payable_up_to(const Holdings& holdings, uint64_t unit, uint64_t limit);
inline constexpr uint64_t kMostUnits = 4'000'000;

// The least to withdraw from the denominations of `list` that are open at `now_s`, given what the
// wallet holds.
//
// Coins: to whatever covers 1..R gapless, the largest coin of R + 1 or less is added, which reaches
// farthest with each coin; the last one is the smallest that is enough. Plain coins are preferred:
// coins of several slots link the payments that share them, and are taken only where no plain one
// goes on. Where the smallest coin is not the minor unit and there are no cheques, all this is
// meant in multiples of it (`unit`).
//
// AMOUNT_ZERO; NOTHING_OPEN: no denomination of this currency can be withdrawn now; NOT_PLANNABLE:
// the denominations cannot pay every amount up to `most` in one payment (protocol::kMaxSpends
// slots), ask for less or allow cheques; AMOUNT_OVERFLOW: more than kMostUnits units.
absl::StatusOr<Plan> plan(const protocol::DenominationList& list, uint64_t now_s,
                          std::string_view currency, uint64_t most, const Holdings& holdings,
                          const PlanOptions& options);

// What the wallet holds once `planned` is withdrawn: for showing and proving.
Holdings holdings_after(const protocol::DenominationList& list, const Holdings& holdings,
                        const Plan& planned);

}  // namespace cafe::wallet
