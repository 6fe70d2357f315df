// The issuer as devices meet it whose messages get lost, for tests: it signs as TestIssuer does,
// keeps the holder's account and the payees', and answers what it is sent again as it answered
// before. Its acquirer remembers every slot that was deposited.
//
//   Bank bank(world, 100'000);
//   const Bytes receipt = *bank.register_wallet(file);       // of a nonce of begin_registration
//   bank.balance() + bank.credited()                         // what it owes
#pragma once

#include <set>

#include "device-sim/firmware/testing/device.h"

namespace cafe::testing {

// Of one holder, whose account was funded with `balance` minor units. Copied, it goes two ways.
class Bank {
 public:
  Bank(World& world, uint64_t balance) : world_(world), issuer_(world), balance_(balance) {}

  protocol::Bytes32 begin_registration();
  // The same file again gets the same receipt. UNKNOWN_NONCE; ACCOUNT_TAKEN for another file of an
  // account that is registered.
  absl::StatusOr<protocol::Bytes> register_wallet(protocol::ByteView file);

  absl::StatusOr<protocol::Bytes> open(protocol::ByteView signed_open, uint64_t now_s) {
    return issuer_.open(signed_open, now_s);
  }
  // Debits the account, once. TestIssuer's reasons.
  absl::StatusOr<protocol::Bytes> complete(protocol::ByteView signed_order);
  struct Settled {
    bool is_void;
    protocol::Bytes document;  // the void statement, or the completion
  };
  absl::StatusOr<Settled> void_order(protocol::ByteView signed_request);
  // The next order to be completed finds the issuer's database restarted: it is dead.
  void restart_before_completion() { restarts_ = true; }

  protocol::Bytes load_key_certificate() const { return issuer_.load_key_certificate().encode(); }
  absl::StatusOr<protocol::Bytes> load(protocol::ByteView signed_order);

  // The signed Authorization: granted where the payment is valid and none of its slots is spent.
  absl::StatusOr<protocol::Bytes> authorize(protocol::ByteView payment);
  // The signed receipt of a terminal's batch, or, with her credential, of the holder's; the same
  // order again gets the same. IDEMPOTENCY_KEY_REUSED.
  absl::StatusOr<protocol::Bytes> deposit(protocol::ByteView signed_order,
                                          const std::vector<protocol::Bytes>& payments,
                                          protocol::ByteView holder_credential = {});

  uint64_t balance() const { return balance_; }    // of the holder
  uint64_t credited() const { return credited_; }  // to payees
  size_t accounts() const { return receipts_.size(); }
  size_t completed() const { return completed_.size(); }
  // What went wrong, which never happens to honest devices: slots spent twice, refused payments.
  const std::vector<std::string>& complaints() const { return complaints_; }

 private:
  // A slot that was deposited.
  struct Spent {
    protocol::Scalar d;
    uint64_t worth;  // shown so far: a call's ticks may become more
  };
  protocol::PaymentVerdict judge(protocol::ByteView payment,
                                 const protocol::PaymentContext& context);
  protocol::SlotVerdict take(const protocol::CoinId& coin, const protocol::Spend& spend,
                             const protocol::Scalar& d);

  World& world_;
  TestIssuer issuer_;
  uint64_t balance_;
  uint64_t credited_ = 0;
  bool restarts_ = false;
  std::set<protocol::Bytes32> nonces_;
  std::map<protocol::AccountId, std::pair<protocol::Bytes, protocol::Bytes>> receipts_;
  std::map<uint64_t, protocol::Bytes> completed_;
  std::set<protocol::Bytes32> authorized_;  // digests of payments
  std::map<std::pair<protocol::CoinId, uint32_t>, Spent> spent_;
  using DepositKey = std::pair<protocol::PayeeId, protocol::Bytes16>;
  std::map<DepositKey, std::pair<protocol::Bytes32, protocol::Bytes>> deposits_;
  std::vector<std::string> complaints_;
};

}  // namespace cafe::testing
