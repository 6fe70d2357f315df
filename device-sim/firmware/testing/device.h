// A whole user's device and an issuer for it, for tests: real firmware on both chips, simulated
// memories, the issuer played with the library's own functions.
#pragma once

#include <deque>
#include <map>

#include "device-sim/firmware/testing/chip.h"
#include "device-sim/firmware/testing/till.h"
#include "device-sim/firmware/wallet/wallet.h"
#include "libs/protocol/load_order.h"
#include "libs/protocol/order_history.h"
#include "libs/protocol/testing/world.h"

namespace cafe::testing {

// An owner who presses the buttons as told, and knows her PINs.
struct TestOwner : wallet::Owner {
  std::optional<wallet::Pin> enter_pin(const wallet::PinQuestion& question) override {
    ++pins_asked;
    questions.push_back(question);
    if (!willing) return std::nullopt;
    if (!typed.empty()) {
      const std::string digits = typed.front();
      typed.pop_front();
      return *wallet::Pin::of(digits);
    }
    return *wallet::Pin::of(pin_of(question.kind));
  }
  std::optional<wallet::Pin> choose_pin(wallet::PinKind kind) override {
    if (!willing) return std::nullopt;
    return *wallet::Pin::of(pin_of(kind));
  }
  std::optional<wallet::Pin> enter_puk(uint8_t tries_left) override {
    puk_tries = tries_left;
    if (!willing || puk.empty()) return std::nullopt;
    return *wallet::Pin::of(puk);
  }
  bool note_puk(const wallet::Pin& shown) override {
    puk = protocol::to_string(shown.digits());
    return willing;
  }
  std::string& pin_of(wallet::PinKind kind) {
    return kind == wallet::PinKind::kPayment ? payment_pin : withdrawal_pin;
  }
  bool confirm_payment(const wallet::Bill& bill) override {
    ++payments_asked;
    last_bill = bill;
    return willing;
  }
  bool confirm_identification(const wallet::Bill& bill) override {
    ++identifications_asked;
    last_bill = bill;
    return identifies;
  }
  bool confirm_call(const wallet::CallBill& bill) override {
    ++calls_asked;
    last_call = bill;
    return willing;
  }
  bool confirm_order(std::span<const protocol::Completion::Debit> sums) override {
    last_sums.assign(sums.begin(), sums.end());
    return willing;
  }
  bool confirm_load(std::string_view /*currency*/, uint64_t amount) override {
    last_load = amount;
    return willing;
  }
  std::string withdrawal_pin{kWithdrawalPin};
  std::string payment_pin{kPaymentPin};
  std::string puk;                // as it was shown
  std::deque<std::string> typed;  // instead of the right PIN, one question after the other
  std::vector<wallet::PinQuestion> questions;
  int pins_asked = 0;
  uint8_t puk_tries = 0;
  bool willing = true;
  bool identifies = true;
  int payments_asked = 0;
  int identifications_asked = 0;
  int calls_asked = 0;
  uint64_t last_load = 0;
  wallet::Bill last_bill;
  wallet::CallBill last_call;
  std::vector<protocol::Completion::Debit> last_sums;
};

// The issuer's services, as far as a wallet meets them: it answers one challenge for each nonce.
class TestIssuer {
 public:
  explicit TestIssuer(World& world) : world_(world) {}

  protocol::Bytes32 nonce() { return world_.rng.array<32>(); }
  absl::StatusOr<protocol::Bytes> register_wallet(protocol::ByteView file,
                                                  const protocol::Bytes32& nonce);
  absl::StatusOr<protocol::Bytes> open(protocol::ByteView signed_open,
                                       uint64_t now_s = kWorldNow_s);
  // The same order again gets the same completion; another for the same N is refused (ORDER_CLASH).
  absl::StatusOr<protocol::Bytes> complete(protocol::ByteView signed_order);
  // The signed void, or nothing where the order completed.
  absl::StatusOr<protocol::Bytes> void_order(protocol::ByteView request);
  size_t completed() const { return completions_.size(); }
  // What it keeps of an account: the registration, and by number the completed orders and loads.
  struct Account {
    protocol::RegistrationFile file;
    protocol::SignedDocument receipt;
    protocol::CheckedRegistration checked;
  };
  const Account& account(const protocol::AccountId& id) const { return accounts_.at(id); }
  std::vector<protocol::OrderRecord> orders_of(const protocol::AccountId& id) const;
  std::vector<protocol::SignedDocument> loads_of(const protocol::AccountId& id) const;
  // Whose identity point, of coins or of cheques, this is.
  std::optional<protocol::AccountId> account_of(const protocol::Point& I) const;

  // The certificate of the key that signs its loads.
  protocol::SignedDocument load_key_certificate() const;
  // The signed Loaded; the same order again gets the same bytes, another for its number is refused
  // (LOAD_CLASH, LOAD_SEQUENCE).
  absl::StatusOr<protocol::Bytes> load(protocol::ByteView signed_order);
  // The answer to a signed LoadQuery; NO_LOAD where nothing was loaded under that number.
  absl::StatusOr<protocol::Bytes> find_load(protocol::ByteView signed_query) const;
  uint64_t loaded() const { return loaded_; }  // minor units, of all accounts

  // As acquirer of what a holder pays back: the signed receipt, with every payment checked as the
  // deposit service does. The first wrong one's error.
  absl::StatusOr<protocol::Bytes> deposit(const wallet::PayBack& pay_back);

  // Alter what is answered before it is signed: an issuer that lies.
  std::function<void(protocol::Completion&)> tamper;
  std::function<void(protocol::Loaded&)> tamper_load;

 private:
  World& world_;
  std::map<std::pair<protocol::AccountId, uint64_t>, std::pair<protocol::Bytes32, protocol::Bytes>>
      loads_;
  uint64_t loaded_ = 0;
  uint64_t last_order(const protocol::AccountId& id) const;

  std::map<protocol::AccountId, Account> accounts_;
  using Place = std::pair<protocol::AccountId, uint64_t>;  // N of an account's
  std::map<Place, protocol::OrderRecord> completions_;
  std::map<std::pair<Place, uint64_t>, bool> voids_;  // with the time slot
};

// A chip and the wallet around it.
class Device {
 public:
  // Manufactured, not started.
  Device(World& world, std::string_view seed, size_t wallet_memory = size_t{512} * 1024);

  // Power off and on: both firmwares anew, on what their memories hold.
  absl::Status restart();
  // Both draw from the beginning of other streams from now on.
  void reseed(std::string_view seed);
  // Starts, takes list, keys and a terminal's notice, and registers.
  void set_up(TestIssuer& issuer, pos::Terminal& terminal);
  // A whole order.
  void withdraw(TestIssuer& issuer, const std::vector<protocol::OrderLine>& lines);
  // A whole load of the guardian's counter of euros.
  void load(TestIssuer& issuer, uint64_t amount);
  // What the guardian's counter of euros holds.
  uint64_t counter() { return chip.amount(World::kIssuer, "EUR"); }

  Chip chip;
  firmware::MemoryImage memory;
  TestOwner owner;
  std::unique_ptr<wallet::Wallet> wallet;

 private:
  World& world_;
  protocol::SeededRng rng_;
};

}  // namespace cafe::testing
