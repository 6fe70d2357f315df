#include "libs/protocol/testing/world.h"

#include <cstdio>
#include <cstdlib>

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: the world speaks of nothing else

namespace {

// The value of a step that an honest world never fails at.
template <typename T>
T must(absl::StatusOr<T> result) {
  if (!result.ok()) {
    std::fprintf(stderr, "world: %s\n", result.status().ToString().c_str());
    std::abort();
  }
  return *std::move(result);
}

}  // namespace

SigningKey make_key(Rng& rng) { return must(SigningKey::create(rng.scalar())); }

std::vector<Point> points_of_slots(std::span<const GuardianSlot> slots) {
  std::vector<Point> points;
  for (const GuardianSlot& slot : slots) points.push_back(*multiply(slot.o2, g1()));
  return points;
}

Scalar WorldWallet::guardian_secret(Kind kind) const {
  return kind == Kind::kCoin ? guardian.o_coin : guardian.o_cheque;
}

const Point& WorldWallet::guardian_point(Kind kind) const {
  return kind == Kind::kCoin ? account.registration.A_O : account.registration.A_Q;
}

World::World(std::string_view seed)
    : rng(seed),
      manufacturer_key(make_key(rng)),
      master_key(make_key(rng)),
      withdrawal_key(make_key(rng)),
      deposit_key(make_key(rng)),
      coinstore_key(make_key(rng)),
      enrolment_key(make_key(rng)),
      withdrawal_certificate(certify(withdrawal_key, kPurposeWithdrawal)),
      deposit_certificate(certify(deposit_key, kPurposeDeposit)),
      coinstore_certificate(certify(coinstore_key, kPurposeCoinstore)),
      enrolment_certificate(certify(enrolment_key, kPurposeEnrolment)),
      anchors{{{std::string(kIssuer), master_key.public_key()}}, {manufacturer_key.public_key()}},
      coin(make_denomination(Kind::kCoin, {500})),
      split_coin(make_denomination(Kind::kCoin, {400, 200, 100, 100, 100})),
      cheque(make_denomination(Kind::kCheque, {5000})),
      list{std::string(kIssuer),
           1,
           kWorldNow_s - 15 * kDay_s,
           {Limits{"EUR", 15000, 100000}},
           {coin.denomination, split_coin.denomination, cheque.denomination},
           {}},
      signed_list(SignedDocument::sign(list.encode(), master_key)),
      issuer_secret(rng.seed()),
      lineage(lineage_digest(7'000'000'000'000'000'001, 1, rng.array<16>())),
      terminal_key(make_key(rng)),
      terminal{std::string(kIssuer),
               PayeeId{rng.array<16>()},
               TerminalId{rng.array<16>()},
               terminal_key.public_key(),
               "Corner Shop",
               kWorldNow_s - 180 * kDay_s,
               kWorldNow_s + 180 * kDay_s},
      terminal_credential{enrolment_certificate,
                          SignedDocument::sign(terminal.encode(), enrolment_key)},
      recovery_key(make_key(rng)),
      recovery_certificate(certify(recovery_key, kPurposeRecovery)) {
  table.add(must(open_list(signed_list, master_key.public_key())));
}

SignedDocument World::certify(const SigningKey& key, std::string_view purpose) const {
  const KeyCertificate certificate{std::string(kIssuer), std::string(purpose), key.public_key(),
                                   kWorldNow_s - 180 * kDay_s, kWorldNow_s + 180 * kDay_s};
  return SignedDocument::sign(certificate.encode(), master_key);
}

DenominationKey World::make_denomination(Kind kind, std::vector<uint64_t> slot_values) {
  const Scalar x = rng.scalar();
  return must(
      DenominationKey::create({std::string(kIssuer), "EUR", kind, std::move(slot_values),
                               /*withdraw_from=*/kWorldNow_s - 10 * kDay_s,
                               /*withdraw_until=*/kWorldNow_s + 30 * kDay_s,
                               /*spend_until=*/kWorldNow_s + 90 * kDay_s,
                               /*deposit_until=*/kWorldNow_s + 120 * kDay_s,
                               /*claim_until=*/kWorldNow_s + 485 * kDay_s, *multiply(x, g())},
                              x));
}

WorldWallet World::make_wallet() {
  const GuardianKeys guardian{rng.scalar(), rng.scalar()};
  const GuardianCertificate certificate{Serial{rng.array<16>()}, *multiply(guardian.o_coin, g1()),
                                        *multiply(guardian.o_cheque, g1())};
  const SignedDocument signed_certificate =
      SignedDocument::sign(certificate.encode(), manufacturer_key);
  const Seed identity_seed = rng.seed();
  const Seed coin_seed = rng.seed();
  const WalletIdentity identity = must(WalletIdentity::derive(identity_seed, kIssuer, certificate));

  const Bytes32 nonce = rng.array<32>();
  const Scalar o2 = rng.scalar();
  const RegistrationDraft draft = must(RegistrationDraft::begin(
      identity, kIssuer, nonce, signed_certificate, *multiply(o2, g1()), rng));
  const RegistrationFile file =
      must(draft.finish(draft.guardian_challenge() * guardian.o_coin + o2));
  return WorldWallet{guardian,
                     signed_certificate,
                     identity_seed,
                     coin_seed,
                     identity,
                     file,
                     must(check_registration(file, kIssuer, anchors, nonce))};
}

const DenominationKey& World::add_denomination(Kind kind, std::vector<uint64_t> slot_values) {
  more_.push_back(make_denomination(kind, std::move(slot_values)));
  list.denominations.push_back(more_.back().denomination);
  ++list.number;
  signed_list = SignedDocument::sign(list.encode(), master_key);
  table.add(list);
  return more_.back();
}

const DenominationKey& World::key(const DenomId& id) const {
  for (const DenominationKey* key : {&coin, &split_coin, &cheque}) {
    if (key->id == id) return *key;
  }
  for (const DenominationKey& key : more_) {
    if (key.id == id) return key;
  }
  std::abort();
}

std::vector<const DenominationKey*> World::keys(std::span<const OrderLine> lines) const {
  std::vector<const DenominationKey*> out;
  for (const OrderLine& line : lines) out.push_back(&key(line.denom_id));
  return out;
}

RegistrationReceipt World::receipt_of(const WorldWallet& wallet) const {
  return {std::string(kIssuer), wallet.account.account, wallet.registration.registration.digest(),
          wallet.account.registration.K, kWorldNow_s};
}

HolderCredential World::credential_of(const WorldWallet& wallet) const {
  return {withdrawal_certificate,
          SignedDocument::sign(receipt_of(wallet).encode(), withdrawal_key)};
}

OpenAnswer World::open(const WorldWallet& wallet, std::span<const OrderLine> lines,
                       uint64_t time_slot) {
  const NonceScope scope{wallet.account.account, wallet.completed_orders + 1, time_slot, lineage};
  return must(
      issuer_open(issuer_secret, kIssuer, scope, wallet.account.points, lines, keys(lines)));
}

std::vector<GuardianSlot> World::make_slots(const Denomination& denomination) {
  std::vector<GuardianSlot> slots;
  for (size_t j = 0; j < denomination.slot_values.size(); ++j) {
    GuardianSlot slot{denomination.kind, rng.scalar(), {}};
    if (denomination.kind == Kind::kCheque) slot.rho = rng.array<32>();
    slots.push_back(slot);
  }
  return slots;
}

OrderRecord World::record(const Order& order, const SignedDocument& document,
                          std::span<const CoinResponse> responses) const {
  uint64_t debit = 0;
  for (const OpenedLine& line : order.opened.lines) {
    const Denomination& denomination = key(line.denom_id).denomination;
    if (denomination.kind == Kind::kCoin) debit += denomination.value() * line.coins.size();
  }
  Completion completion{order.opened.issuer_id,
                        order.opened.account,
                        order.opened.order,
                        order.opened.time_slot,
                        document.digest(),
                        {},
                        {responses.begin(), responses.end()}};
  if (debit > 0) completion.debits.push_back({"EUR", debit});
  return {document, SignedDocument::sign(completion.encode(), withdrawal_key)};
}

std::vector<WithdrawnCoin> World::withdraw(WorldWallet& wallet, std::span<const OrderLine> lines) {
  Order order{open(wallet, lines), {}, {}};
  struct Half {
    BlindedCoin blinded;
    std::vector<GuardianSlot> slots;
    CoinPlace place;
  };
  std::vector<Half> halves;
  std::vector<Point> all_B_O;
  for (uint32_t n = 0; n < lines.size(); ++n) {
    const Denomination& denomination = key(lines[n].denom_id).denomination;
    for (uint32_t i = 0; i < lines[n].count; ++i) {
      std::vector<GuardianSlot> slots = make_slots(denomination);
      CoinPlace place{n, i, points_of_slots(slots)};
      all_B_O.insert(all_B_O.end(), place.B_O.begin(), place.B_O.end());
      BlindedCoin blinded = must(wallet_blind(wallet.coin_seed, order.opened, place, denomination,
                                              m_for(denomination.kind, wallet.account.points),
                                              wallet.guardian_point(denomination.kind)));
      order.challenges.push_back(blinded.challenges());
      halves.push_back({std::move(blinded), std::move(slots), std::move(place)});
    }
  }
  order.attachment = seal_attachment(wallet.coin_seed, order.opened, all_B_O, rng);
  const SignedDocument document = SignedDocument::sign(order.encode(), wallet.identity.account_key);

  const std::vector<CoinResponse> responses =
      must(issuer_respond(issuer_secret, order, document.digest(), lineage, keys(lines)));
  std::vector<WithdrawnCoin> coins;
  for (size_t n = 0; n < halves.size(); ++n) {
    Half& half = halves[n];
    const OpenedLine& line = order.opened.lines[half.place.line];
    const Denomination& denomination = key(line.denom_id).denomination;
    Coin finished = must(wallet_unblind(half.blinded, denomination,
                                        m_for(denomination.kind, wallet.account.points), line,
                                        half.place.i, responses[n]));
    coins.push_back({std::move(finished), denomination, std::move(half.blinded),
                     std::move(half.slots), std::move(half.place.B_O), line, half.place.i,
                     responses[n], order.opened.order});
  }
  ++wallet.completed_orders;
  wallet.orders.push_back(record(order, document, responses));
  return coins;
}

std::vector<WithdrawnCoin> World::withdraw(WorldWallet& wallet,
                                           std::initializer_list<OrderLine> lines) {
  return withdraw(wallet, std::span<const OrderLine>(lines.begin(), lines.size()));
}

}  // namespace cafe::testing
