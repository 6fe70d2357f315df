// The errands of a lost wallet: what its new device does with the issuer over the net, and what the
// old one did against the day. Each goes on where an interruption left it: run it again.
#pragma once

#include "device-sim/firmware/pos/terminal.h"
#include "device-sim/firmware/wallet/claims.h"
#include "device-sim/firmware/wallet/recovery.h"
#include "device-sim/host/backend.h"

namespace cafe::host {

// --- Against a loss ---
// Draws words for the coin seed and has the issuer keep it under them; `show` is called before that
// with the words, which nobody keeps: false where the owner has not noted them (OWNER_DECLINED).
// Interrupted, it is done again from the beginning, with other words.
using ShowWords = std::function<bool(const std::string& words)>;
absl::Status back_up(wallet::Wallet& wallet, Backend& backend, const ShowWords& show);

struct FetchedSeed {
  protocol::AccountId account;
  protocol::Seed coin_seed;
};
// With the words alone. BAD_WORDS, and the service's reason where it has no such backup.
absl::StatusOr<FetchedSeed> fetch_backup(Backend& backend, const std::string& issuer_id,
                                         const std::string& words, uint64_t now_ms);

// --- After one ---
struct RecoveryOptions {
  // Look-ups are spread over this time, each at a random moment of it: the longer, the less tells
  // that they belong together.
  uint32_t spread_ms = 0;
  uint32_t look_ups_at_once = 4;
  uint32_t threads = 0;  // that rebuild; 0: as many as the machine runs
};

// What the owner says when she has seen what there is; nothing: she leaves it for now
// (OWNER_DECLINED).
using Choose =
    std::function<std::optional<wallet::Consent>(const std::vector<wallet::Found>& found)>;

struct Recovered {
  std::vector<wallet::Found> found;
  std::vector<wallet::FailedOrder> failed;  // orders of which nothing could be rebuilt
  size_t claims = 0;                        // that the issuer took
};

// The whole way: reports the loss and has the account replaced where the card is there, lists,
// rebuilds, looks up, claims. Where nothing is left to claim, the lost wallet's seed is forgotten.
// Asks for the withdrawal PIN once. The first order's error where none could be rebuilt.
absl::StatusOr<Recovered> recover(wallet::Wallet& wallet, wallet::Recovery& recovery,
                                  Backend& backend, const Choose& choose,
                                  const RecoveryOptions& options = {});
// Its first step alone, for who has the card and wants the account closed now.
absl::Status report_loss(wallet::Recovery& recovery, Backend& backend);

// Claims of the wallet's own payments that came to nothing: how many were filed.
absl::StatusOr<size_t> claim_payments(wallet::Wallet& wallet, Backend& backend,
                                      const RecoveryOptions& options = {});

// Sends the claims that have no answer, and asks what became of the others. One claim's error keeps
// no other from that, unless the service is away; the first error is returned at the end.
absl::Status follow_claims(wallet::Wallet& wallet, Backend& backend);

// --- Terminals ---
// What was claimed since the last time. Nothing where the backend knows no recovery service.
absl::Status fetch_hotlist(pos::Terminal& terminal, Backend& backend);

}  // namespace cafe::host
