#include "libs/protocol/testing/claims.h"

namespace cafe::testing {

protocol::Session session_of(const WorldWallet& wallet, const WithdrawnCoin& coin) {
  const uint8_t beta = coin.response.beta;
  return {coin.denomination.id(),
          protocol::m_for(coin.denomination.kind, wallet.account.points),
          coin.line.z,
          coin.line.coins[coin.i][beta],
          coin.secrets.clauses[beta].c,
          coin.response.r};
}

protocol::Unblinding opening_of(const WithdrawnCoin& coin) {
  const protocol::BlindedClause& clause = coin.secrets.clauses[coin.response.beta];
  return {coin.secrets.s, clause.u, clause.v};
}

protocol::ClaimedCoin claimed(const WithdrawnCoin& coin, uint64_t order, uint64_t slots) {
  return {order,          coin.coin.denom_id, coin.i,           coin.coin.A,
          coin.coin.root, coin.coin.Z,        opening_of(coin), slots};
}

}  // namespace cafe::testing
