// What a wallet of a World claims of its coins, and the issuer's record of what made them.
#pragma once

#include "libs/protocol/claim_documents.h"
#include "libs/protocol/testing/world.h"

namespace cafe::testing {

// The issuer's session of a coin of `wallet`.
protocol::Session session_of(const WorldWallet& wallet, const WithdrawnCoin& coin);
// What opens it.
protocol::Unblinding opening_of(const WithdrawnCoin& coin);
// The coin as its holder claims it, of order N.
protocol::ClaimedCoin claimed(const WithdrawnCoin& coin, uint64_t order, uint64_t slots = 1);

}  // namespace cafe::testing
