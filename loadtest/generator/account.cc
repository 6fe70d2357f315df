#include "loadtest/generator/account.h"

namespace cafe::loadtest {

using protocol::GuardianCertificate;
using protocol::GuardianKeys;
using protocol::SignedDocument;
using protocol::SigningKey;

Account::Account(std::string issuer_id, const GuardianKeys& guardian,
                 const GuardianCertificate& certificate, SignedDocument signed_certificate,
                 const protocol::WalletIdentity& identity, const protocol::IdentityPoints& points,
                 const protocol::Seed& coin_seed)
    : issuer_id_(std::move(issuer_id)),
      guardian_(guardian),
      certificate_(certificate),
      signed_certificate_(std::move(signed_certificate)),
      identity_(identity),
      points_(points),
      id_(protocol::account_id(issuer_id_, points.I_coin)),
      coin_seed_(coin_seed) {}

absl::StatusOr<Account> Account::make(const std::string& seed, uint32_t index,
                                      const std::string& issuer_id,
                                      const SigningKey& manufacturer) {
  protocol::SeededRng rng("account " + std::to_string(index) + " of " + seed);
  const GuardianKeys guardian{rng.scalar(), rng.scalar()};
  CAFE_ASSIGN_OR_RETURN(
      const auto A_O, protocol::not_identity(protocol::multiply(guardian.o_coin, protocol::g1())));
  CAFE_ASSIGN_OR_RETURN(const auto A_Q, protocol::not_identity(
                                            protocol::multiply(guardian.o_cheque, protocol::g1())));
  const GuardianCertificate certificate{protocol::Serial{rng.array<16>()}, A_O, A_Q};
  CAFE_ASSIGN_OR_RETURN(const auto identity,
                        protocol::WalletIdentity::derive(rng.seed(), issuer_id, certificate));
  CAFE_ASSIGN_OR_RETURN(const auto points, protocol::IdentityPoints::compute(A_O, A_Q, identity.U));
  return Account(issuer_id, guardian, certificate,
                 SignedDocument::sign(certificate.encode(), manufacturer), identity, points,
                 rng.seed());
}

absl::StatusOr<protocol::Bytes> Account::registration(const protocol::Bytes32& nonce,
                                                      protocol::Rng& rng) const {
  const protocol::Scalar o2 = rng.scalar();
  CAFE_ASSIGN_OR_RETURN(const auto B_O,
                        protocol::not_identity(protocol::multiply(o2, protocol::g1())));
  CAFE_ASSIGN_OR_RETURN(const auto draft,
                        protocol::RegistrationDraft::begin(identity_, issuer_id_, nonce,
                                                           signed_certificate_, B_O, rng));
  CAFE_ASSIGN_OR_RETURN(const auto file, draft.finish(protocol::guardian_answer(
                                             guardian_.o_coin, o2, draft.guardian_challenge())));
  return file.encode();
}

}  // namespace cafe::loadtest
