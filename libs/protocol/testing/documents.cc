#include "libs/protocol/testing/documents.h"

#include "libs/protocol/load_order.h"
#include "libs/protocol/payment_answer.h"
#include "libs/protocol/quote.h"
#include "libs/protocol/testing/recovery_samples.h"
#include "libs/protocol/testing/world.h"

namespace cafe::testing {

using namespace protocol;  // NOLINT: every name here is the protocol's

namespace {

template <typename T>
SampleDocument document(std::string name, const T& value, std::vector<Point> points = {},
                        std::vector<Scalar> scalars = {}) {
  return {std::move(name), value.encode(),
          [](ByteView bytes) -> absl::StatusOr<Bytes> {
            CAFE_ASSIGN_OR_RETURN(T decoded, T::decode(bytes));
            return decoded.encode();
          },
          std::move(points), std::move(scalars)};
}

std::vector<SampleDocument> withdrawal_documents(World& world, WorldWallet& wallet) {
  const std::vector<OrderLine> lines = {{world.coin.id, 2}, {world.cheque.id, 1}};
  const OpenRequest request{
      std::string(World::kIssuer), wallet.account.account, 1, 1, world.signed_list.digest(), lines};
  const OpenAnswer opened = world.open(wallet, lines);
  Order order{opened, {}, Bytes(70, 3)};
  std::vector<Scalar> challenges;
  Completion completion{std::string(World::kIssuer),
                        wallet.account.account,
                        1,
                        opened.time_slot,
                        {},
                        {{"EUR", 1000}, {"USD", 1}},
                        {}};
  std::vector<Scalar> responses;
  for (int n = 0; n < 3; ++n) {
    order.challenges.push_back({world.rng.scalar(), world.rng.scalar()});
    challenges.insert(challenges.end(), order.challenges[n].begin(), order.challenges[n].end());
    responses.push_back(world.rng.scalar());
    completion.responses.push_back({static_cast<uint8_t>(n % 2), responses.back()});
  }
  std::vector<Point> points;
  for (const OpenedLine& line : opened.lines) {
    points.push_back(line.z);
    for (const ClausePair& pair : line.coins) {
      for (const Clause& clause : pair) points.insert(points.end(), {clause.a, clause.b});
    }
  }
  const VoidedOrder voided{std::string(World::kIssuer), wallet.account.account, 1, 2};
  const SampleDocument void_request{"VoidedOrder request",
                                    voided.encode_request(),
                                    [](ByteView bytes) -> absl::StatusOr<Bytes> {
                                      CAFE_ASSIGN_OR_RETURN(VoidedOrder decoded,
                                                            VoidedOrder::decode_request(bytes));
                                      return decoded.encode_request();
                                    },
                                    {},
                                    {}};
  const SampleDocument void_statement{"VoidedOrder statement",
                                      voided.encode_statement(),
                                      [](ByteView bytes) -> absl::StatusOr<Bytes> {
                                        CAFE_ASSIGN_OR_RETURN(VoidedOrder decoded,
                                                              VoidedOrder::decode_statement(bytes));
                                        return decoded.encode_statement();
                                      },
                                      {},
                                      {}};
  return {document("OpenRequest", request),
          document("OpenAnswer", opened, points),
          document("Order", order, points, challenges),
          document("Completion", completion, {}, responses),
          void_request,
          void_statement};
}

// What travels when a wallet is lost.
std::vector<SampleDocument> recovery_documents(World& world) {
  const RecoverySamples s(world);
  const Claim& claim = s.claim;
  std::vector<Point> points;
  std::vector<Scalar> scalars;
  for (const ClaimedCoin& coin : claim.coins) {
    points.insert(points.end(), {coin.A, coin.Z});
    scalars.insert(scalars.end(), {coin.opening.s, coin.opening.u, coin.opening.v});
  }
  const Acceptance acceptance{std::string(World::kIssuer), world.terminal.payee_id,
                              world.terminal.terminal_id,  world.rng.array<32>(),
                              world.rng.array<32>(),       kWorldNow_s};
  const Refusal refusal{acceptance.acquirer_id,
                        acceptance.payee_id,
                        acceptance.terminal_id,
                        acceptance.terms_digest,
                        acceptance.payment_digest,
                        "SLOT_TAKEN",
                        kWorldNow_s};
  return {document("Acceptance", acceptance),
          document("Refusal", refusal),
          document("LossReport", s.loss_report),
          document("LossRecorded", s.loss_recorded),
          document("Replacement", s.replacement),
          document("Replaced", s.replaced),
          document("OrdersQuery", s.orders_query),
          document("OrdersListed", s.orders_listed),
          document("OrderRecord", s.lost.orders.at(0)),
          document("SpentPrefixAnswer", s.spent_prefix),
          document("Hotlist", s.hotlist),
          document("Backup", s.backup, {s.backup.holder}),
          document("BackupKept", s.backup_kept),
          document("BackupQuery", s.backup_query, {s.backup_query.holder}),
          document("VoidPayment", s.void_payment),
          document("Claim", claim, points, scalars),
          document("Claim of payments", s.payments_claim),
          document("ClaimReceipt", s.claim_receipt),
          document("ClaimRefused", s.claim_refused),
          document("ClaimStatement", s.claim_statement),
          document("ClaimQuery", s.claim_query)};
}

std::vector<SampleDocument> make_documents() {
  World world("decoders");
  WorldWallet wallet = world.make_wallet();
  const Registration& r = wallet.account.registration;
  const Coin coin = world.withdraw(wallet, {{world.coin.id, 1}})[0].coin;
  DenominationList list = world.list;
  list.compromised = {world.cheque.id};
  const Quote quote{"issuer-b.example", "EUR", "USD", 109, 100, Rounding::kHalfUp, 1, 2};
  std::vector<SampleDocument> out = {
      document("SignedDocument", world.signed_list),
      document("Denomination", world.split_coin.denomination, {world.split_coin.denomination.H}),
      document("DenominationList", list,
               {world.coin.denomination.H, world.split_coin.denomination.H,
                world.cheque.denomination.H}),
      document("KeyCertificate", KeyCertificate::decode(world.deposit_certificate.frame).value(),
               {world.deposit_key.public_key()}),
      document("TerminalCertificate", world.terminal, {world.terminal_key.public_key()}),
      document("TerminalCredential", world.terminal_credential),
      document("GuardianCertificate",
               GuardianCertificate::decode(wallet.guardian_certificate.frame).value(),
               {r.A_O, r.A_Q}),
      document("Registration", r, {r.A_O, r.A_Q, r.U, r.U3, r.K, r.R, r.R3, r.S}, {r.t, r.answer}),
      document("RegistrationFile", wallet.registration),
      document("RegistrationReceipt", world.receipt_of(wallet), {r.K}),
      document("HolderCredential", world.credential_of(wallet)),
      document("Identification", Identification::make(world.credential_of(wallet), World::kIssuer,
                                                      wallet.account.account, Bytes32{4},
                                                      wallet.identity.account_key)),
      document("LoadOrder",
               LoadOrder{std::string(World::kIssuer), wallet.account.account, "EUR", 5000, 1}),
      document("LoadQuery", LoadQuery{std::string(World::kIssuer), wallet.account.account, 0}),
      document("Loaded",
               Loaded{std::string(World::kIssuer), wallet.account.account, Bytes32{5},
                      Load{r.serial, std::string(World::kIssuer), "EUR", 5000, 1}.encode(),
                      Bytes(384, 6)}),
      document("Coin", coin, {coin.A, coin.Z, coin.a, coin.b}, {coin.r}),
      document("Quote", quote),
  };
  for (SampleDocument& more : withdrawal_documents(world, wallet)) out.push_back(std::move(more));
  for (SampleDocument& more : recovery_documents(world)) out.push_back(std::move(more));
  return out;
}

}  // namespace

const std::vector<SampleDocument>& documents() {
  static const std::vector<SampleDocument> all = make_documents();
  return all;
}

}  // namespace cafe::testing
