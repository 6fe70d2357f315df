// `withdraw`: whole orders, Open and then Complete, of registered and funded accounts. An account
// has one order at a time, so a request takes an account that has none.
//
// What the issuer does does not depend on how a wallet came by its challenges, so most orders send
// random ones for an answer that is sent back as it came, and the generator's time stays small. A
// share of the answers is read and checked and their coins are blinded as a wallet does it,
// unblinded and checked.
#pragma once

#include <deque>
#include <optional>

#include "libs/protocol/withdrawal_wallet.h"
#include "loadtest/scenarios/issuer.h"

namespace cafe::loadtest {

struct WithdrawOptions {
  IssuerOptions issuer;
  uint32_t coins_per_order = 5;
  uint32_t accounts = 2000;
  double checked_share = 0.01;  // of orders that are blinded, unblinded and checked
};

class WithdrawScenario final : public Scenario {
 public:
  explicit WithdrawScenario(WithdrawOptions options) : options_(std::move(options)) {}
  ~WithdrawScenario() override;

  std::string_view item_name() const override { return "orders"; }
  uint32_t items_per_request() const override { return 1; }
  absl::Status prepare(const Progress& progress) override;
  absl::Status prepare_run(uint64_t first_sequence, uint64_t requests,
                           const Progress& progress) override;
  void start(uint64_t sequence, Done done) override;
  absl::Status finish(const Progress& progress) override;

 private:
  // An account with the number of its next order.
  struct Holder {
    Account account;
    uint64_t next_order = 1;
    // Signed Open requests of the coming orders: they hold no time, so they are signed before.
    std::deque<protocol::Bytes> opens;
  };
  // One order on its way.
  struct Pending {
    Holder* holder;
    protocol::OpenRequest open;
    bool checked;  // blinded, unblinded and checked
    std::vector<protocol::BlindedCoin> blinded;
    std::optional<protocol::OpenAnswer> opened;
    protocol::Bytes32 order_digest{};
    Done done;
  };

  Holder* take_holder();
  void give_back(Holder* holder);
  protocol::OpenRequest open_request(const Holder& holder, uint64_t order) const;
  absl::Status sign_ahead(Holder& holder, uint64_t count);
  void on_opened(std::shared_ptr<Pending> pending, const absl::Status& status,
                 grpc::ByteBuffer& answer);
  absl::StatusOr<protocol::Bytes> make_order(Pending& pending, grpc::ByteBuffer& answer);
  // An order of random challenges for an answer that nobody looks into.
  protocol::Bytes random_order(protocol::ByteView opened) const;
  absl::Status blind(Pending& pending, protocol::Order& order);
  void on_completed(Pending& pending, const absl::Status& status, grpc::ByteBuffer& answer);
  absl::Status check_completion(const Pending& pending, grpc::ByteBuffer& answer) const;

  WithdrawOptions options_;
  std::unique_ptr<Connections> withdrawal_;
  Issuer issuer_;
  std::optional<protocol::Denomination> denomination_;
  std::vector<Holder> holders_;
  std::mutex mutex_;
  std::deque<Holder*> free_;        // under mutex_
  std::atomic<uint64_t> lost_ = 0;  // accounts whose last order may or may not have completed
};

}  // namespace cafe::loadtest
