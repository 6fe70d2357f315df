// The parties of a payment, for tests and benchmarks: an issuer that is its own acquirer, a shop's
// terminal, and wallets with guardians whose insides lie open, so that attacks can be carried out.
//
//   Parties parties("seed");
//   TestWallet alice = parties.wallet();
//   TestCoin coin = parties.mint(alice, parties.plain);
//   Payment payment = parties.pay(alice, {{&coin, 0, 200}});
//
// Coins are signed with the issuer's key directly, not blindly: the same coins, without a
// withdrawal.
#pragma once

#include "libs/protocol/case_file.h"
#include "libs/protocol/rng.h"
#include "libs/protocol/spending.h"
#include "libs/protocol/ticks.h"

namespace cafe::protocol::testing {

inline constexpr uint64_t kNow_s = 1'767'300'000;

struct TestDenomination {
  Scalar x;
  Denomination denomination;
};

struct TestWallet {
  GuardianKeys keys;
  GuardianCertificate guardian;
  WalletIdentity identity;
  IdentityPoints points;
  RegistrationFile registration;
  AccountId account;

  const Point& A_G(Kind kind) const { return kind == Kind::kCoin ? guardian.A_O : guardian.A_Q; }
};

struct TestCoin {
  const Denomination* denomination;
  Coin coin;
  Scalar s;
  std::vector<SlotSecrets> secrets;
  std::vector<GuardianSlot> slots;  // the guardian's; what it writes is kept nowhere else
  std::vector<Point> B_O;
  std::vector<Point> B;

  MerklePath path(size_t slot) const { return merkle_path(point_leaves(B), slot); }
};

// A slot that pays: value in minor units.
struct Paying {
  TestCoin* coin;
  uint32_t slot;
  uint64_t value;
};

class Parties {
 public:
  explicit Parties(std::string_view seed)
      : rng(seed),
        manufacturer(key()),
        master(key()),
        coinstore(key()),
        enrolment(key()),
        terminal_key(key()),
        payee_id{rng.array<16>()},
        terminal_id{rng.array<16>()},
        plain(denomination(Kind::kCoin, {200})),
        split(denomination(Kind::kCoin, {400, 200, 100, 100, 100})),
        cheque(denomination(Kind::kCheque, {5000})) {
    anchors.master_keys.emplace(issuer_id, master.public_key());
    anchors.manufacturer_keys.push_back(manufacturer.public_key());
    const DenominationList contents{issuer_id,
                                    1,
                                    kNow_s,
                                    {{"EUR", 10'000, 20'000}},
                                    {plain.denomination, split.denomination, cheque.denomination},
                                    {}};
    list = SignedDocument::sign(contents.encode(), master);
    table.add(contents);
    coinstore_certificate = certificate(kPurposeCoinstore, coinstore);
    terminal = credential(terminal_key, payee_id, terminal_id);
  }

  SigningKey key() { return SigningKey::create(rng.scalar()).value(); }

  SignedDocument certificate(std::string_view purpose, const SigningKey& certified) {
    return SignedDocument::sign(
        KeyCertificate{issuer_id, std::string(purpose), certified.public_key(), kNow_s - 86400,
                       kNow_s + 365 * 86400}
            .encode(),
        master);
  }

  TerminalCredential credential(const SigningKey& certified, const PayeeId& payee,
                                const TerminalId& id) {
    return {certificate(kPurposeEnrolment, enrolment),
            SignedDocument::sign(
                TerminalCertificate{issuer_id, payee, id, certified.public_key(), "Cafe Central",
                                    kNow_s - 86400, kNow_s + 365 * 86400}
                    .encode(),
                enrolment)};
  }

  TestDenomination denomination(Kind kind, std::vector<uint64_t> slots,
                                std::string currency = "EUR") {
    const Scalar x = rng.scalar();
    return {x, Denomination{issuer_id, std::move(currency), kind, std::move(slots),
                            kNow_s - 10 * 86400, kNow_s + 30 * 86400, kNow_s + 90 * 86400,
                            kNow_s + 120 * 86400, kNow_s + 500 * 86400, *multiply(x, g())}};
  }

  TestWallet wallet() {
    const GuardianKeys keys{rng.scalar(), rng.scalar()};
    const GuardianCertificate guardian{Serial{rng.array<16>()}, *multiply(keys.o_coin, g1()),
                                       *multiply(keys.o_cheque, g1())};
    const SignedDocument signed_guardian = SignedDocument::sign(guardian.encode(), manufacturer);
    const WalletIdentity identity = WalletIdentity::derive(rng.seed(), issuer_id, guardian).value();
    const Scalar o2 = rng.scalar();
    const RegistrationDraft draft =
        RegistrationDraft::begin(identity, issuer_id, rng.array<32>(), signed_guardian,
                                 *multiply(o2, g1()), rng)
            .value();
    const RegistrationFile file =
        draft.finish(guardian_answer(keys.o_coin, o2, draft.guardian_challenge())).value();
    const IdentityPoints points =
        IdentityPoints::compute(guardian.A_O, guardian.A_Q, identity.U).value();
    return {keys, guardian, identity, points, file, account_id(issuer_id, points.I_coin)};
  }

  // The issuer's signature on (A, root), as an unblinded coin shows it.
  Coin sign_coin(const TestDenomination& of, const Point& A, const Bytes32& root) {
    const Scalar w = rng.scalar();
    Coin coin{of.denomination.id(), A, root, *multiply(of.x, A), *multiply(w, g()),
              *multiply(w, A),      {}};
    coin.r = coin.challenge() * of.x + w;
    return coin;
  }

  TestCoin mint(const TestWallet& wallet, const TestDenomination& of) {
    const Kind kind = of.denomination.kind;
    const Scalar s = rng.scalar();
    std::vector<SlotSecrets> secrets;
    std::vector<GuardianSlot> slots;
    std::vector<Point> B_O, B;
    for (size_t j = 0; j < of.denomination.slot_values.size(); ++j) {
      const bool is_coin = kind == Kind::kCoin;
      secrets.push_back({rng.scalar(), rng.scalar(), is_coin ? rng.scalar() : Scalar()});
      slots.push_back({kind, rng.scalar(), is_coin ? Bytes32{} : rng.array<32>()});
      B_O.push_back(*multiply(slots[j].o2, g1()));
      B.push_back(*linear_combination({{secrets[j].x1, g1()},
                                       {secrets[j].x2, g2()},
                                       {secrets[j].e * s, wallet.A_G(kind)},
                                       {s, B_O[j]}}));
    }
    const Point& m = kind == Kind::kCoin ? wallet.points.m_coin : wallet.points.m_cheque;
    const Coin coin = sign_coin(of, *multiply(s, m), merkle_root(point_leaves(B)));
    return {&of.denomination, coin, s, secrets, slots, B_O, B};
  }

  Terms terms(uint64_t amount) {
    return {issuer_id, payee_id, terminal_id, "EUR", amount, kNow_s * 1000, rng.array<16>(), {}};
  }

  // An honest wallet's spend under `terms_digest`. The guardian's slot is marked used unless
  // `broken`, when it has forgotten.
  Spend spend(const TestWallet& wallet, const Paying& paying, const Bytes32& terms_digest,
              uint32_t coin_index = 0, bool broken = false) {
    TestCoin& coin = *paying.coin;
    GuardianSlot& slot = coin.slots[paying.slot];
    if (broken) slot.used = false;
    const Kind kind = coin.denomination->kind;
    const SlotSecrets& secrets = coin.secrets[paying.slot];
    const Bytes32 digest = spend_digest(coin.coin.id(), paying.slot, terms_digest);
    Bytes salt;
    Scalar answer;
    if (kind == Kind::kCoin) {
      const Scalar d = spend_challenge(*coin.denomination, paying.value, digest);
      const CoinAnswer out = answer_coin(wallet.keys, slot, coin_request(d, secrets)).value();
      slot = out.slot;
      answer = out.answer;
    } else {
      const ChequeRequest request{issuer_id, "EUR", paying.value, digest, rng.array<32>()};
      const GuardianCounter counter{issuer_id, "EUR", paying.value};
      const ChequeAnswer out = answer_cheque(wallet.keys, slot, counter, request).value();
      salt = to_bytes(wallet_salt(salt_commitment(slot.rho), out.rho, request.y).value());
      slot = out.slot;
      answer = out.answer;
    }
    const Scalar d = spend_challenge(*coin.denomination, paying.value, digest, 0, 0, {}, salt);
    const SpendResponse response = wallet_respond(answer, d, secrets, wallet.identity.u1, coin.s,
                                                  wallet.A_G(kind), coin.B_O[paying.slot])
                                       .value();
    return {.coin = coin_index,
            .slot = paying.slot,
            .value = paying.value,
            .tick_root = {},
            .salt = salt,
            .B = coin.B[paying.slot],
            .path = coin.path(paying.slot),
            .r1 = response.r1,
            .r2 = response.r2,
            .tick = std::nullopt};
  }

  Payment pay(const TestWallet& wallet, std::vector<Paying> slots, bool broken = false) {
    uint64_t amount = 0;
    for (const Paying& paying : slots) amount += paying.value;
    return pay_terms(wallet, std::move(slots), terms(amount), broken);
  }

  Payment pay_terms(const TestWallet& wallet, std::vector<Paying> slots, const Terms& terms,
                    bool broken = false) {
    Payment payment{SignedDocument::sign(terms.encode(), terminal_key), {}, {}};
    std::vector<const TestCoin*> coins;
    for (const Paying& paying : slots) {
      auto at = std::find(coins.begin(), coins.end(), paying.coin);
      if (at == coins.end()) {
        payment.coins.push_back(paying.coin->coin);
        at = coins.insert(at, paying.coin);
      }
      payment.spends.push_back(
          spend(wallet, paying, terms.digest(), static_cast<uint32_t>(at - coins.begin()), broken));
    }
    return payment;
  }

  PaymentContext context() const {
    return {.denominations = &table,
            .acquirer_id = issuer_id,
            .terminal_key = terminal_key.public_key(),
            .payee_id = payee_id,
            .terminal_id = terminal_id};
  }

  // One spend of `payment` for check_spends.
  SpendCheck check(const Payment& payment, size_t spend = 0) const {
    const Coin& coin = payment.coins[payment.spends[spend].coin];
    return {table.find(coin.denom_id), &coin, &payment.spends[spend], payment.terms.digest()};
  }

  CasePayment case_payment(const Payment& payment, uint32_t spend) const {
    return {payment, spend, terminal};
  }

  SpendTrace trace(const Payment& payment, uint32_t spend) const {
    const SpendCheck c = check(payment, spend);
    return {challenge_of(*c.denomination, *c.coin, *c.spend, c.terms_digest), c.spend->r1,
            c.spend->r2};
  }

  // The case of two payments with one slot, as the issuer would open it.
  CaseFile open_case(const TestWallet& wallet, const Payment& first, uint32_t first_spend,
                     const Payment& second, uint32_t second_spend) const {
    const Spend& spend = first.spends[first_spend];
    return {issuer_id,
            1,
            kNow_s,
            list,
            first.coins[spend.coin].id(),
            spend.slot,
            case_payment(first, first_spend),
            case_payment(second, second_spend),
            extract_secret(trace(first, first_spend), trace(second, second_spend)).value(),
            wallet.registration};
  }

  SignedCase sign_case(const CaseFile& file) const {
    return {SignedDocument::sign(file.encode(), coinstore), coinstore_certificate};
  }

  SeededRng rng;
  const std::string issuer_id = "issuer-a.example";
  SigningKey manufacturer, master, coinstore, enrolment, terminal_key;
  PayeeId payee_id;
  TerminalId terminal_id;
  TestDenomination plain, split, cheque;
  TrustAnchors anchors;
  SignedDocument list;
  DenominationTable table;
  SignedDocument coinstore_certificate;
  TerminalCredential terminal;
};

}  // namespace cafe::protocol::testing
