// Customers of a load test: registered as wallets with guardians are, but all secrets of both are
// known here, so one of them can also spend a coin twice.
#pragma once

#include <string>

#include "libs/protocol/guardian.h"
#include "libs/protocol/registration.h"
#include "libs/protocol/rng.h"

namespace cafe::loadtest {

class Account {
 public:
  // Number `index` of the accounts that `seed` makes at this issuer. The guardian's certificate is
  // signed by `manufacturer`.
  static absl::StatusOr<Account> make(const std::string& seed, uint32_t index,
                                      const std::string& issuer_id,
                                      const protocol::SigningKey& manufacturer);

  // The registration file under the issuer's nonce (section 3), encoded.
  absl::StatusOr<protocol::Bytes> registration(const protocol::Bytes32& nonce,
                                               protocol::Rng& rng) const;

  const protocol::AccountId& id() const { return id_; }
  const protocol::SigningKey& key() const { return identity_.account_key; }
  // o_coin + u1 and o_cheque + u1: the logarithms of the identity points with respect to G1, which
  // two spends of one slot reveal.
  protocol::Scalar coin_secret() const { return guardian_.o_coin + identity_.u1; }
  protocol::Scalar cheque_secret() const { return guardian_.o_cheque + identity_.u1; }
  const protocol::IdentityPoints& points() const { return points_; }
  const protocol::Seed& coin_seed() const { return coin_seed_; }
  const protocol::Point& A_O() const { return certificate_.A_O; }

 private:
  Account(std::string issuer_id, const protocol::GuardianKeys& guardian,
          const protocol::GuardianCertificate& certificate,
          protocol::SignedDocument signed_certificate, const protocol::WalletIdentity& identity,
          const protocol::IdentityPoints& points, const protocol::Seed& coin_seed);

  std::string issuer_id_;
  protocol::GuardianKeys guardian_;
  protocol::GuardianCertificate certificate_;
  protocol::SignedDocument signed_certificate_;
  protocol::WalletIdentity identity_;
  protocol::IdentityPoints points_;
  protocol::AccountId id_;
  protocol::Seed coin_seed_;
};

}  // namespace cafe::loadtest
