// Payees with terminals, and spenders that pay them, for tests of the deposit service: everything
// is valid around one chosen time, and coins are made straight with the denominations' keys.
//
//   Shop shop(now_s);
//   Till till = shop.make_till();
//   TestCoin coin = shop.mint(shop.five);
//   Bytes payment = shop.pay(till, {{&coin, 0}});
//   Bytes order = shop.order(till, shop.rng.array<16>(), {payment});
#pragma once

#include "libs/protocol/deposit.h"
#include "libs/protocol/rng.h"
#include "libs/protocol/withdrawal_issuer.h"
#include "libs/storage/key_files.h"

namespace cafe::deposit::testing {

inline constexpr uint64_t kDay_s = 86400;

// A terminal with its key.
struct Till {
  protocol::PayeeId payee_id;
  protocol::TerminalId terminal_id;
  protocol::SigningKey key;
  protocol::TerminalCertificate certificate;
  protocol::TerminalCredential credential;
};

// A coin in the hands of a spender without a guardian, who can pay with a slot again and again.
struct TestCoin {
  protocol::Coin coin;
  protocol::Denomination denomination;
  protocol::Scalar secret;  // the logarithm of the holder's identity point
  protocol::Scalar s;
  std::vector<protocol::Scalar> y1, y2;  // B_j = y1·G1 + y2·G2
  std::vector<protocol::Point> B;
};

struct SlotOf {
  const TestCoin* coin;
  uint32_t slot;
  std::optional<uint64_t> value{};  // a cheque's; the slot's value where it is left out
};

// A call that is paid by ticks, all of which the payer would show.
struct TestCall {
  protocol::Payment opening;                   // shows no tick yet
  std::vector<protocol::Scalar> ticks;         // t'_i
  std::vector<protocol::Bytes> tick_leaves{};  // of the tick root

  // The payment that shows ticks 0 to count - 1.
  protocol::Payment shown(uint32_t count) const;
  protocol::Bytes paid(uint32_t count) const { return shown(count).encode(); }
};

// An account holder, as a payee who pays money back.
struct TestHolder {
  protocol::AccountId account;
  protocol::HolderCredential credential;
  Till till;  // her ids and her account key
};

class Shop {
 public:
  explicit Shop(uint64_t now_s, std::string_view seed = "shop");

  static constexpr std::string_view kIssuer = "issuer-a.example";

  const uint64_t now_s;
  protocol::SeededRng rng;
  protocol::SigningKey master_key, enrolment_key, withdrawal_key;
  protocol::TrustAnchors anchors;
  storage::OnlineKey deposit_key;
  protocol::SignedDocument enrolment_certificate, withdrawal_certificate;

  protocol::DenominationKey five;      // one slot of 5.00 EUR
  protocol::DenominationKey split;     // five slots of 4, 2, 1, 1 and 1 EUR
  protocol::DenominationKey dollar;    // one slot of 1.00 USD
  protocol::DenominationKey cheque;    // up to 50.00 EUR
  protocol::DenominationKey unlisted;  // 3.00 EUR; in no list yet
  // Number 1 with the first four; 20.00 may be paid off line, 200.00 EUR without a name.
  protocol::DenominationList list;
  protocol::SignedDocument signed_list;
  protocol::DenominationTable table;

  Till make_till();  // of a new payee
  Till make_till(const protocol::PayeeId& payee_id);
  // A terminal certificate and its chain.
  Till certify(const protocol::TerminalCertificate& certificate, const protocol::SigningKey& key);
  TestHolder make_holder();
  TestCoin mint(const protocol::DenominationKey& denomination);
  // Signs another list, number one higher, with `extra` as well.
  protocol::SignedDocument next_list(const protocol::DenominationKey& extra);

  protocol::Terms terms(const Till& till, uint64_t amount);
  // One payment with these slots for their sum, or for `terms`.
  protocol::Payment make_payment(const Till& till, const std::vector<SlotOf>& slots);
  protocol::Payment make_payment(const Till& till, const std::vector<SlotOf>& slots,
                                 const protocol::Terms& terms);
  protocol::Bytes pay(const Till& till, const std::vector<SlotOf>& slots) {
    return make_payment(till, slots).encode();
  }
  // A call of `count` ticks of `tick_value` each, paid by a cheque.
  TestCall open_call(const Till& till, const TestCoin& coin, uint64_t tick_value, uint32_t count);
  // Lets the holder say that it is she who pays.
  void identify(protocol::Payment& payment, const TestHolder& payer);
  // The till's signed refusal of terms, at the shop's time.
  protocol::SignedDocument refuse(const Till& till, const protocol::Bytes32& terms_digest);
  // A signed deposit order over these payments.
  protocol::Bytes order(const Till& till, const protocol::Bytes16& idempotency_key,
                        std::span<const protocol::Bytes> payments);

 private:
  protocol::DenominationKey make_denomination(protocol::Kind kind, std::string_view currency,
                                              std::vector<uint64_t> slot_values);
  protocol::SignedDocument certify_key(const protocol::SigningKey& key, std::string_view purpose);
  // Fills in d's answers, once all else stands.
  static void answer(protocol::Spend& spend, const TestCoin& coin,
                     const protocol::Bytes32& terms_digest);
};

}  // namespace cafe::deposit::testing
