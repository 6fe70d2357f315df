// The vectors of tests/vectors/vectors.json and how to read their values.
//
//   for (const Json& scenario : vectors()["scenarios"]) {
//     const Point H = point_of(scenario["denomination"]["H"]);
//   }
//
// Every helper stops the test program on a value that it cannot read: the vectors are part of the
// tree.
#pragma once

#include <nlohmann/json.hpp>

#include "libs/protocol/coin.h"
#include "libs/protocol/merkle.h"
#include "libs/protocol/withdrawal_wallet.h"

namespace cafe::testing {

using Json = nlohmann::json;

// The whole file, read once.
const Json& vectors();

protocol::Bytes bytes_of(const Json& hex);
protocol::Bytes16 bytes16_of(const Json& hex);
protocol::Bytes32 bytes32_of(const Json& hex);
protocol::Seed seed_of(const Json& hex);
protocol::Point point_of(const Json& hex);
protocol::Scalar scalar_of(const Json& hex);
std::vector<protocol::Point> points_of(const Json& list);
std::vector<protocol::Scalar> scalars_of(const Json& list);
protocol::MerklePath path_of(const Json& list);
template <typename T>
T id_of(const Json& hex) {
  return T::decode(bytes_of(hex)).value();
}

// Parts of a scenario as this library's types.
protocol::Denomination denomination_of(const Json& scenario);
protocol::Coin coin_of(const Json& scenario);
// The issuer's answer to an Open of index + 1 coins, with the scenario's as the last; those before
// it repeat its clauses.
protocol::OpenAnswer opened_of(const Json& scenario);
// A_O for coins, A_Q for cheques; o_coin and o_cheque likewise.
protocol::Point guardian_point_of(const Json& scenario);
protocol::Scalar guardian_secret_of(const Json& scenario);

}  // namespace cafe::testing
