// A wallet with its guardian that plays its side of the protocol against a TestIssuer's service.
#pragma once

#include "absl/functional/function_ref.h"
#include "libs/protocol/load_order.h"
#include "services/withdrawal/issuer_fixture.h"

namespace cafe::withdrawal {

// One coin that is being withdrawn.
struct CoinInOrder {
  protocol::CoinPlace place;
  std::vector<protocol::GuardianSlot> slots;
  protocol::BlindedCoin blinded;
};
struct PreparedOrder {
  protocol::Order order;
  protocol::SignedDocument document;
  std::vector<CoinInOrder> coins;
};

// A wallet with its guardian that talks to a service.
class Wallet {
 public:
  explicit Wallet(TestIssuer& issuer)
      : issuer_(issuer), world(issuer.market.make_wallet()), coin_seed(world.coin_seed) {}

  const protocol::AccountId& account() const { return world.account.account; }
  const protocol::SigningKey& key() const { return world.identity.account_key; }

  // A registration under the service's nonce; kept in world.registration.
  absl::Status prepare_registration(Stub& stub);
  absl::StatusOr<std::string> send_registration(Stub& stub);
  // Registers and pays in.
  void join(Stub& stub, uint64_t funds = 100'000);

  protocol::OpenRequest open_request(std::vector<protocol::OrderLine> lines) const;
  absl::StatusOr<protocol::OpenAnswer> open(Stub& stub, const protocol::OpenRequest& request) const;
  absl::StatusOr<protocol::OpenAnswer> open(Stub& stub,
                                            std::vector<protocol::OrderLine> lines) const;

  // Blinds all coins of an answer. `seed` may differ from the wallet's own, for other challenges.
  PreparedOrder prepare(const protocol::OpenAnswer& opened, const protocol::Seed& seed) const;
  PreparedOrder prepare(const protocol::OpenAnswer& opened) const {
    return prepare(opened, coin_seed);
  }
  absl::StatusOr<std::string> complete(Stub& stub, const PreparedOrder& prepared) const;
  // Checks a completion as a wallet does and unblinds its coins; each is checked to be valid.
  absl::StatusOr<std::vector<testing::WithdrawnCoin>> unblind(const PreparedOrder& prepared,
                                                              const std::string& completion) const;
  // Open, Complete, unblind; moves the chain on.
  absl::StatusOr<std::vector<testing::WithdrawnCoin>> withdraw(
      Stub& stub, std::vector<protocol::OrderLine> lines);

  // A load of the guardian's counter, in euros.
  protocol::LoadOrder load_order(uint64_t amount, uint64_t sequence) const;
  absl::StatusOr<std::string> load(Stub& stub, const protocol::LoadOrder& order) const;
  absl::StatusOr<std::string> find_load(Stub& stub, uint64_t sequence) const;

  absl::StatusOr<v1::VoidOrderResponse> ask_void(Stub& stub, uint64_t order,
                                                 uint64_t time_slot) const;
  // Whether it is the issuer's statement that this order is void.
  bool is_void_statement(const std::string& statement, uint64_t order, uint64_t time_slot) const;

 private:
  TestIssuer& issuer_;

 public:
  testing::WorldWallet world;
  protocol::Seed coin_seed;
  uint64_t next_order = 1;
};

// Calls of the wire, as statuses with their reasons. Without a deadline: that is wall-clock time,
// and the service's clock is the test's.
absl::Status call(absl::FunctionRef<grpc::Status(grpc::ClientContext*)> rpc);
absl::StatusOr<std::string> call_load(Stub& stub, const protocol::SignedDocument& order);
absl::StatusOr<std::string> call_open(Stub& stub, const std::string& document);
absl::StatusOr<std::string> call_open(Stub& stub, const protocol::SignedDocument& document);
absl::StatusOr<std::string> call_complete(Stub& stub, const std::string& document);
absl::StatusOr<v1::GetDenominationsResponse> call_denominations(Stub& stub, uint32_t number = 0);

}  // namespace cafe::withdrawal
