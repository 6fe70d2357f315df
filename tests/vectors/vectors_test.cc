// Every value of vectors.json up to the coin, reproduced: generators, hashes, Merkle trees,
// denominations, registration, withdrawal, coins and claims. What happens to coins afterwards is in
// payment_vectors_test.cc.
#include <gtest/gtest.h>

#include "libs/protocol/claim_documents.h"
#include "libs/protocol/hash.h"
#include "libs/protocol/registration.h"
#include "libs/protocol/testing/vectors.h"
#include "libs/protocol/withdrawal_issuer.h"

namespace cafe::protocol {
namespace {

using cafe::testing::bytes32_of;
using cafe::testing::bytes_of;
using cafe::testing::coin_of;
using cafe::testing::denomination_of;
using cafe::testing::guardian_point_of;
using cafe::testing::id_of;
using cafe::testing::Json;
using cafe::testing::opened_of;
using cafe::testing::path_of;
using cafe::testing::point_of;
using cafe::testing::points_of;
using cafe::testing::scalar_of;
using cafe::testing::scalars_of;
using cafe::testing::seed_of;
using cafe::testing::vectors;

TEST(Vectors, generators) {
  const Json& in = vectors()["generators"];
  EXPECT_EQ(g(), point_of(in["G"]));
  EXPECT_EQ(g1(), point_of(in["G1"]));
  EXPECT_EQ(g2(), point_of(in["G2"]));
  EXPECT_EQ(g3(), point_of(in["G3"]));
  EXPECT_EQ(in.size(), 4u);
}

TEST(Vectors, hashes) {
  ASSERT_FALSE(vectors()["hashes"].empty());
  for (const Json& in : vectors()["hashes"]) {
    Frame frame(in["label"].get<std::string>());
    for (const Json& field : in["fields"]) frame.add(bytes_of(field));
    EXPECT_EQ(to_hex(frame.view()), in["frame"]);
    EXPECT_EQ(to_hex(digest(frame)), in["digest"]);
    EXPECT_EQ(to_hex(hash_to_scalar(frame).bytes()), in["scalar"]);
    EXPECT_EQ(to_hex(prf_scalar(bytes_of(in["prf_key"]), frame).bytes()), in["prf_scalar"]);
  }
}

TEST(Vectors, merkle_trees) {
  ASSERT_FALSE(vectors()["merkle"].empty());
  for (const Json& in : vectors()["merkle"]) {
    std::vector<Bytes> leaves;
    for (const Json& leaf : in["leaves"]) leaves.push_back(bytes_of(leaf));
    const Bytes32 root = bytes32_of(in["root"]);
    EXPECT_EQ(merkle_root(leaves), root);
    for (size_t i = 0; i < leaves.size(); ++i) {
      const MerklePath path = path_of(in["paths"][i]);
      EXPECT_EQ(merkle_path(leaves, i), path);
      EXPECT_TRUE(merkle_verify(root, leaves.size(), i, leaves[i], path));
    }
  }
}

// One test for each scenario of the file.
class ScenarioVectors : public ::testing::TestWithParam<size_t> {
 protected:
  const Json& scenario() const { return vectors()["scenarios"][GetParam()]; }
  const Json& registration() const { return scenario()["registration"]; }
  const Json& withdrawal() const { return scenario()["withdrawal"]; }
  GuardianCertificate guardian() const {
    return {id_of<Serial>(registration()["guardian_serial"]), point_of(registration()["A_O"]),
            point_of(registration()["A_Q"])};
  }
  CoinPlace place() const { return {0, withdrawal()["index"], points_of(withdrawal()["B_O"])}; }
  BlindedCoin blind() const {
    return wallet_blind(seed_of(registration()["coin_seed"]), opened_of(scenario()), place(),
                        denomination_of(scenario()), point_of(withdrawal()["m"]),
                        guardian_point_of(scenario()))
        .value();
  }
};

INSTANTIATE_TEST_SUITE_P(All, ScenarioVectors,
                         ::testing::Range(size_t{0}, vectors()["scenarios"].size()));

TEST_P(ScenarioVectors, denomination) {
  const Denomination denomination = denomination_of(scenario());
  EXPECT_TRUE(denomination.validate().ok());
  EXPECT_EQ(denomination.id().hex(), scenario()["denomination"]["id"]);
  EXPECT_EQ(multiply(scalar_of(scenario()["denomination"]["x"]), g()), denomination.H);
  EXPECT_EQ(Denomination::decode(denomination.encode()).value(), denomination);
}

TEST_P(ScenarioVectors, wallet_identity) {
  const Json& in = registration();
  const WalletIdentity identity =
      WalletIdentity::derive(seed_of(in["identity_seed"]),
                             scenario()["denomination"]["issuer_id"].get<std::string>(), guardian())
          .value();
  EXPECT_EQ(identity.u1, scalar_of(in["u1"]));
  EXPECT_EQ(identity.account_key.secret(), scalar_of(in["account_key"]));
  EXPECT_EQ(identity.U, point_of(in["U"]));
  EXPECT_EQ(identity.U3, point_of(in["U3"]));
  EXPECT_EQ(identity.account_key.public_key(), point_of(in["K"]));
  EXPECT_EQ(multiply(scalar_of(in["o_coin"]), g1()), point_of(in["A_O"]));
  EXPECT_EQ(multiply(scalar_of(in["o_cheque"]), g1()), point_of(in["A_Q"]));

  const IdentityPoints points =
      IdentityPoints::compute(point_of(in["A_O"]), point_of(in["A_Q"]), identity.U).value();
  EXPECT_EQ(points.I_coin, point_of(in["I_coin"]));
  EXPECT_EQ(points.I_cheque, point_of(in["I_cheque"]));
  EXPECT_EQ(account_id(denomination_of(scenario()).issuer_id, points.I_coin).hex(),
            in["account_id"]);
  EXPECT_EQ(m_for(denomination_of(scenario()).kind, points), point_of(withdrawal()["m"]));
}

// Draws from a list, to put the vectors' k, α and β where randomness goes.
class ListedRng : public Rng {
 public:
  explicit ListedRng(std::vector<Scalar> scalars) : scalars_(std::move(scalars)) {}
  // Rng::scalar reduces 64 bytes: the scalar with 32 zero bytes in front.
  void fill(MutableByteView out) override {
    std::fill(out.begin(), out.end(), 0);
    std::copy_n(scalars_.at(next_++).bytes().begin(), 32, out.begin() + 32);
  }

 private:
  std::vector<Scalar> scalars_;
  size_t next_ = 0;
};

TEST_P(ScenarioVectors, registration) {
  const Json& in = registration();
  const Json& presence = in["presence"];
  const std::string issuer_id = denomination_of(scenario()).issuer_id;
  const WalletIdentity identity =
      WalletIdentity::derive(seed_of(in["identity_seed"]), issuer_id, guardian()).value();
  const SigningKey manufacturer = SigningKey::create(Scalar::from_u64(5)).value();
  const SignedDocument certificate = SignedDocument::sign(guardian().encode(), manufacturer);
  ListedRng rng({scalar_of(in["k"]), scalar_of(presence["alpha"]), scalar_of(presence["beta"])});
  const Scalar o2 = scalar_of(presence["o2"]);

  const RegistrationDraft draft =
      RegistrationDraft::begin(identity, issuer_id, bytes32_of(in["nonce"]), certificate,
                               *multiply(o2, g1()), rng)
          .value();
  EXPECT_EQ(draft.guardian_challenge(),
            scalar_of(presence["challenge"]) + scalar_of(presence["alpha"]));
  const RegistrationFile file =
      draft.finish(draft.guardian_challenge() * scalar_of(in["o_coin"]) + o2).value();
  const Registration made = Registration::decode(file.registration.frame).value();
  EXPECT_EQ(made.R, point_of(in["R"]));
  EXPECT_EQ(made.R3, point_of(in["R3"]));
  EXPECT_EQ(made.challenge(), scalar_of(in["challenge"]));
  EXPECT_EQ(made.t, scalar_of(in["t"]));
  EXPECT_EQ(made.S, point_of(presence["S"]));
  EXPECT_EQ(made.presence_challenge(), scalar_of(presence["challenge"]));
  EXPECT_EQ(made.answer, scalar_of(presence["answer"]));

  const TrustAnchors anchors{{}, {manufacturer.public_key()}};
  const CheckedRegistration checked =
      check_registration(file, issuer_id, anchors, bytes32_of(in["nonce"])).value();
  EXPECT_EQ(checked.account.hex(), in["account_id"]);
}

TEST_P(ScenarioVectors, issuer_half_of_withdrawal) {
  const Json& in = withdrawal();
  const Scalar x = scalar_of(scenario()["denomination"]["x"]);
  const Point m = point_of(in["m"]);
  const std::vector<Scalar> w = scalars_of(in["w"]);
  EXPECT_EQ(multiples(w, g()).value(), points_of(in["a"]));
  EXPECT_EQ(multiples(w, m).value(), points_of(in["b"]));
  EXPECT_EQ(multiply(x, m), point_of(in["z"]));
  EXPECT_EQ(multiples(scalars_of(in["o2"]), g1()).value(), points_of(in["B_O"]));
  const size_t beta = in["beta"];
  EXPECT_EQ(scalars_of(in["blinded_challenges"])[beta] * x + w[beta], scalar_of(in["response"]));
}

TEST_P(ScenarioVectors, wallet_half_of_withdrawal) {
  const Json& in = withdrawal();
  EXPECT_EQ(to_hex(coin_context(opened_of(scenario()), place())), in["context"]);
  const BlindedCoin blinded = blind();
  EXPECT_EQ(to_hex(blinded.context), in["context"]);
  EXPECT_EQ(blinded.s, scalar_of(in["s"]));
  ASSERT_EQ(blinded.slots.size(), in["x1"].size());
  for (size_t j = 0; j < blinded.slots.size(); ++j) {
    EXPECT_EQ(blinded.slots[j].x1, scalar_of(in["x1"][j]));
    EXPECT_EQ(blinded.slots[j].x2, scalar_of(in["x2"][j]));
    EXPECT_EQ(blinded.slots[j].e, scalar_of(in["e"][j]));
  }
  EXPECT_EQ(blinded.B, points_of(in["B"]));
  EXPECT_EQ(to_hex(blinded.root), in["root"]);
  for (size_t beta = 0; beta < 2; ++beta) {
    EXPECT_EQ(blinded.clauses[beta].u, scalar_of(in["u"][beta]));
    EXPECT_EQ(blinded.clauses[beta].v, scalar_of(in["v"][beta]));
    EXPECT_EQ(blinded.clauses[beta].c_, scalar_of(in["challenges"][beta]));
    EXPECT_EQ(blinded.clauses[beta].c, scalar_of(in["blinded_challenges"][beta]));
    EXPECT_EQ(blinded.challenges()[beta], scalar_of(in["blinded_challenges"][beta]));
  }
}

TEST_P(ScenarioVectors, coin) {
  const Json& in = withdrawal();
  const OpenAnswer opened = opened_of(scenario());
  const CoinResponse response{in["beta"].get<uint8_t>(), scalar_of(in["response"])};
  const Denomination denomination = denomination_of(scenario());
  const Coin coin = wallet_unblind(blind(), denomination, point_of(in["m"]), opened.lines[0],
                                   in["index"], response)
                        .value();
  EXPECT_EQ(coin, coin_of(scenario()));
  EXPECT_EQ(coin.id().hex(), scenario()["coin"]["coin_id"]);
  EXPECT_EQ(coin.challenge(), scalar_of(in["challenges"][response.beta]));
  EXPECT_TRUE(check_coin(coin, denomination).ok());
}

TEST_P(ScenarioVectors, claim) {
  const Json& in = withdrawal();
  const size_t beta = in["beta"];
  const Session session{denomination_of(scenario()).id(),
                        point_of(in["m"]),
                        point_of(in["z"]),
                        {point_of(in["a"][beta]), point_of(in["b"][beta])},
                        scalar_of(in["blinded_challenges"][beta]),
                        scalar_of(in["response"])};
  const Unblinding opening{scalar_of(in["s"]), scalar_of(in["u"][beta]), scalar_of(in["v"][beta])};
  EXPECT_TRUE(check_claim(coin_of(scenario()), session, opening).ok());
  Unblinding wrong = opening;
  wrong.v = wrong.v + Scalar::from_u64(1);
  EXPECT_FALSE(check_claim(coin_of(scenario()), session, wrong).ok());
  // As it is claimed, and as one of many.
  const Coin coin = coin_of(scenario());
  const ClaimedCoin claimed{1, coin.denom_id, 0, coin.A, coin.root, coin.Z, opening, 1};
  EXPECT_EQ(open_claimed_coin(claimed, session).value(), coin);
  for (const auto& opened : open_claimed_coins_var(std::vector<ClaimedCoin>(40, claimed),
                                                   std::vector<Session>(40, session))) {
    EXPECT_EQ(opened.value(), coin);
  }
}

}  // namespace
}  // namespace cafe::protocol
