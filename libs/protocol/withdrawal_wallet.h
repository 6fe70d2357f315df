// The wallet's half of a withdrawal (section 4). Every secret of a coin derives from the coin seed
// and the coin's context, so a wallet keeps the order and the seed, and can compute the rest again,
// after an interruption or a loss.
#pragma once

#include "libs/protocol/rng.h"
#include "libs/protocol/withdrawal.h"

namespace cafe::protocol {

// Where one coin stands in its order, with the guardian's points for its slots.
struct CoinPlace {
  uint32_t line;
  uint32_t i;              // within its denomination
  std::vector<Point> B_O;  // one for each slot
};

// context of section 10; `place` lies inside `opened`. [guard] Binds the secrets to the whole of
// what the issuer answered and the guardian gave.
Bytes32 coin_context(const OpenAnswer& opened, const CoinPlace& place);

struct SlotSecrets {
  Scalar x1, x2;
  Scalar e;  // zero for cheques
};

struct BlindedClause {
  Scalar u, v;
  Point a, b;  // a'_β, b'_β
  Scalar c_;   // c'_β, in the coin
  Scalar c;    // c'_β / u, what the issuer sees
};

struct BlindedCoin {
  Bytes32 context;
  Scalar s;
  Point A, Z;
  std::vector<SlotSecrets> slots;
  std::vector<Point> B;
  Bytes32 root;
  std::array<BlindedClause, 2> clauses;

  ChallengePair challenges() const { return {clauses[0].c, clauses[1].c}; }
};

// derive(x, n) of section 10.
Scalar derive(const Seed& coin_seed, std::string_view label, const Bytes32& context, uint32_t n);

// x1_j, x2_j and e_j of a coin's slot j.
SlotSecrets slot_secrets(const Seed& coin_seed, const Bytes32& context, Kind kind, size_t j);
// Where a coin stands in its order. ANSWER_MISMATCH where the place or the denomination is not the
// answer's, SLOT_COUNT where B_O does not fit the denomination.
absl::StatusOr<const OpenedLine*> check_place(const OpenAnswer& opened, const CoinPlace& place,
                                              const Denomination& denomination);
// B_j = x1·G1 + x2·G2 + (e·s)·A_G + s·B_O,j, as terms that point to what they are made of; `es` is
// e·s.
std::vector<Term> slot_point_terms(Kind kind, const SlotSecrets& slot, const Scalar& s,
                                   const Scalar& es, const Point& A_G, const Point& B_O);

// The wallet's half of Open for one coin. `denomination` must be the line's; A_G is A_O for coins
// and A_Q for cheques. The reasons of check_place.
absl::StatusOr<BlindedCoin> wallet_blind(const Seed& coin_seed, const OpenAnswer& opened,
                                         const CoinPlace& place, const Denomination& denomination,
                                         const Point& m, const Point& A_G);

// Checks r·G = c·H + a and r·m = c·z + b (WRONG_ANSWER: keep it, it is evidence against the issuer)
// and returns the coin.
absl::StatusOr<Coin> wallet_unblind(const BlindedCoin& blinded, const Denomination& denomination,
                                    const Point& m, const OpenedLine& line, uint32_t i,
                                    const CoinResponse& response);

// What a wallet checks of an answer to its own Open before it goes on: issuer, account, N, lines
// and counts as asked (ANSWER_MISMATCH). The time slot is for the caller to compare with its clock,
// where it has one.
absl::Status check_open_answer(const OpenRequest& request, const OpenAnswer& answer);

// The attachment: 12 random bytes of IV, then AES-256-GCM of the concatenated B_O points, under a
// key from the coin seed; issuer id, account, N and time slot are authenticated. [guard] Only the
// coin seed opens it, never a passphrase (BAD_ATTACHMENT).
Bytes seal_attachment(const Seed& coin_seed, const OpenAnswer& opened, std::span<const Point> B_O,
                      Rng& rng);
absl::StatusOr<std::vector<Point>> open_attachment(const Seed& coin_seed, const OpenAnswer& opened,
                                                   ByteView attachment);

}  // namespace cafe::protocol
