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
};

class Shop {
 public:
  explicit Shop(uint64_t now_s, std::string_view seed = "shop");

  static constexpr std::string_view kIssuer = "issuer-a.example";

  const uint64_t now_s;
  protocol::SeededRng rng;
  protocol::SigningKey master_key, enrolment_key;
  protocol::TrustAnchors anchors;
  storage::OnlineKey deposit_key;
  protocol::SignedDocument enrolment_certificate;

  protocol::DenominationKey five;      // one slot of 5.00 EUR
  protocol::DenominationKey split;     // five slots of 4, 2, 1, 1 and 1 EUR
  protocol::DenominationKey dollar;    // one slot of 1.00 USD
  protocol::DenominationKey cheque;    // up to 50.00 EUR
  protocol::DenominationKey unlisted;  // 3.00 EUR; in no list yet
  protocol::DenominationList list;     // number 1 with the first four; 20.00 may be paid off line
  protocol::SignedDocument signed_list;
  protocol::DenominationTable table;

  Till make_till();  // of a new payee
  Till make_till(const protocol::PayeeId& payee_id);
  // A terminal certificate and its chain.
  Till certify(const protocol::TerminalCertificate& certificate, const protocol::SigningKey& key);
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
  // A signed deposit order over these payments.
  protocol::Bytes order(const Till& till, const protocol::Bytes16& idempotency_key,
                        std::span<const protocol::Bytes> payments);

 private:
  protocol::DenominationKey make_denomination(protocol::Kind kind, std::string_view currency,
                                              std::vector<uint64_t> slot_values);
};

}  // namespace cafe::deposit::testing
