#include "libs/protocol/testing/vectors.h"

#include <fstream>

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: the helpers speak of nothing else

const Json& vectors() {
  static const Json json = [] {
    std::ifstream file(CAFE_SOURCE_DIR "/tests/vectors/vectors.json");
    return Json::parse(file);
  }();
  return json;
}

Bytes bytes_of(const Json& hex) { return from_hex(hex.get<std::string>()).value(); }
Bytes16 bytes16_of(const Json& hex) { return to_array<16>(bytes_of(hex)).value(); }
Bytes32 bytes32_of(const Json& hex) { return to_array<32>(bytes_of(hex)).value(); }
Seed seed_of(const Json& hex) { return Seed(bytes32_of(hex)); }
Point point_of(const Json& hex) { return Point::decode(bytes_of(hex)).value(); }
Scalar scalar_of(const Json& hex) { return Scalar::decode(bytes_of(hex)).value(); }

std::vector<Point> points_of(const Json& list) {
  std::vector<Point> out;
  for (const Json& item : list) out.push_back(point_of(item));
  return out;
}

std::vector<Scalar> scalars_of(const Json& list) {
  std::vector<Scalar> out;
  for (const Json& item : list) out.push_back(scalar_of(item));
  return out;
}

MerklePath path_of(const Json& list) {
  MerklePath out;
  for (const Json& item : list) out.push_back(bytes32_of(item));
  return out;
}

Denomination denomination_of(const Json& scenario) {
  const Json& in = scenario["denomination"];
  return Denomination{
      in["issuer_id"],   in["currency"],      static_cast<Kind>(in["kind"].get<int>()),
      in["slot_values"], in["withdraw_from"], in["withdraw_until"],
      in["spend_until"], in["deposit_until"], in["claim_until"],
      point_of(in["H"])};
}

Coin coin_of(const Json& scenario) {
  const Json& in = scenario["coin"];
  return Coin{denomination_of(scenario).id(),
              point_of(in["A"]),
              bytes32_of(in["root"]),
              point_of(in["Z"]),
              point_of(in["a"]),
              point_of(in["b"]),
              scalar_of(in["r"])};
}

OpenAnswer opened_of(const Json& scenario) {
  const Json& in = scenario["withdrawal"];
  const Denomination denomination = denomination_of(scenario);
  const std::vector<Point> a = points_of(in["a"]);
  const std::vector<Point> b = points_of(in["b"]);
  const ClausePair pair = {Clause{a[0], b[0]}, Clause{a[1], b[1]}};
  const std::vector<ClausePair> pairs(in["index"].get<size_t>() + 1, pair);
  return OpenAnswer{denomination.issuer_id,
                    id_of<AccountId>(scenario["registration"]["account_id"]),
                    in["order"],
                    in["time_slot"],
                    {OpenedLine{denomination.id(), point_of(in["z"]), pairs}},
                    {}};
}

namespace {

bool is_cheque(const Json& scenario) { return denomination_of(scenario).kind == Kind::kCheque; }

}  // namespace

Point guardian_point_of(const Json& scenario) {
  return point_of(scenario["registration"][is_cheque(scenario) ? "A_Q" : "A_O"]);
}

Scalar guardian_secret_of(const Json& scenario) {
  return scalar_of(scenario["registration"][is_cheque(scenario) ? "o_cheque" : "o_coin"]);
}

}  // namespace cafe::testing
