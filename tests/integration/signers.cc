#include "tests/integration/signers.h"

#include <chrono>

#include "device-sim/host/encounter.h"
#include "device-sim/simulator/devices.h"
#include "libs/protocol/deposit.h"
#include "libs/protocol/holder.h"
#include "libs/protocol/load_order.h"

namespace cafe::testing {

using protocol::Bytes;

namespace {

uint64_t now_ms() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

absl::StatusOr<std::unique_ptr<host::Backend>> connect(const Cluster& cluster,
                                                       host::Latencies& latencies) {
  return host::Backend::connect({.withdrawal_address = cluster.address("withdrawal"),
                                 .deposit_address = cluster.address("deposit"),
                                 .doublespend_address = cluster.address("doublespend"),
                                 .recovery_address = cluster.address("recovery"),
                                 .tls_ca = cluster.file("tls/ca.pem"),
                                 .operator_cert = {},
                                 .operator_key = {}},
                                latencies);
}

absl::Status fund(Cluster& cluster, const protocol::AccountId& account) {
  return cluster
      .cafectl({"account", "fund", "--account", account.hex(), "--currency", "EUR", "--amount",
                "100000", "--reference", "malformed"})
      .status();
}

// That of a registration, with the certificate of the key that signed it.
absl::StatusOr<Bytes> credential_of(const protocol::SignedDocument& receipt,
                                    const std::vector<Bytes>& certificates,
                                    const protocol::TrustAnchors& anchors) {
  for (const Bytes& bytes : certificates) {
    CAFE_ASSIGN_OR_RETURN(const auto certificate, protocol::SignedDocument::decode(bytes));
    const protocol::HolderCredential credential{certificate, receipt};
    if (credential.open(anchors).ok()) return credential.encode();
  }
  return protocol::make_error(absl::StatusCode::kInternal, "SIGNERS",
                              "no certificate of the key that signed the registration");
}

}  // namespace

absl::StatusOr<SignedByWallet> use_wallet(Cluster& cluster) {
  host::Latencies latencies;
  CAFE_ASSIGN_OR_RETURN(const auto backend, connect(cluster, latencies));
  CAFE_ASSIGN_OR_RETURN(const auto anchors, host::read_trust(cluster.trust()));
  CAFE_ASSIGN_OR_RETURN(const auto manufacturer,
                        host::read_signing_key(cluster.file("manufacturer.key")));
  CAFE_ASSIGN_OR_RETURN(
      const auto device,
      simulator::WalletDevice::make("malformed", {.issuer_id = kClusterIssuer, .anchors = anchors},
                                    manufacturer));
  CAFE_ASSIGN_OR_RETURN(const auto issuer, backend->denominations());
  wallet::Wallet& wallet = device->firmware();
  CAFE_RETURN_IF_ERROR(wallet.accept_list(issuer.list));
  for (const Bytes& certificate : issuer.key_certificates)
    (void)wallet.accept_key_certificate(certificate, now_ms() / 1000);  // some are not for wallets
  CAFE_ASSIGN_OR_RETURN(const auto nonce, backend->begin_registration());
  CAFE_ASSIGN_OR_RETURN(const Bytes file, wallet.begin_registration(nonce));
  CAFE_ASSIGN_OR_RETURN(const Bytes receipt, backend->register_wallet(file));
  CAFE_RETURN_IF_ERROR(wallet.on_registration_receipt(receipt));
  CAFE_ASSIGN_OR_RETURN(const auto account, wallet.account());
  CAFE_RETURN_IF_ERROR(fund(cluster, account));
  CAFE_ASSIGN_OR_RETURN(const auto shop, simulator::Shop::make(cluster.terminal_file(0), anchors));
  CAFE_RETURN_IF_ERROR(shop->terminal().accept_list(issuer.list));
  CAFE_RETURN_IF_ERROR(
      host::show_lists(device->firmware(), shop->terminal(), {}, "malformed", now_ms()));

  std::vector<protocol::OrderLine> lines;
  for (const protocol::Denomination& denomination : wallet.list()->denominations) {
    if (denomination.currency == "EUR" && denomination.kind == protocol::Kind::kCoin)
      lines.push_back({denomination.id(), 2});
  }
  SignedByWallet out;
  CAFE_ASSIGN_OR_RETURN(const Bytes open, wallet.start_order(lines, now_ms() / 1000));
  CAFE_ASSIGN_OR_RETURN(const Bytes answer, backend->open_order(open));
  CAFE_ASSIGN_OR_RETURN(const Bytes order, wallet.on_open_answer(answer, now_ms() / 1000));
  CAFE_ASSIGN_OR_RETURN(out.void_request, wallet.void_request());
  CAFE_ASSIGN_OR_RETURN(const Bytes completion, backend->complete_order(order));
  CAFE_RETURN_IF_ERROR(wallet.on_completion(completion).status());
  CAFE_ASSIGN_OR_RETURN(out.open, wallet.start_order(lines, now_ms() / 1000));
  return out;
}

absl::StatusOr<SignedByHolder> use_holder(Cluster& cluster) {
  host::Latencies latencies;
  CAFE_ASSIGN_OR_RETURN(const auto backend, connect(cluster, latencies));
  CAFE_ASSIGN_OR_RETURN(const auto manufacturer,
                        host::read_signing_key(cluster.file("manufacturer.key")));
  protocol::SeededRng rng("malformed holder");
  const protocol::GuardianKeys guardian{rng.scalar(), rng.scalar()};
  const auto point = [](const protocol::Scalar& o) {
    return *protocol::multiply(o, protocol::g1());
  };
  const protocol::GuardianCertificate certificate{protocol::Serial{rng.array<16>()},
                                                  point(guardian.o_coin), point(guardian.o_cheque)};
  CAFE_ASSIGN_OR_RETURN(const auto identity,
                        protocol::WalletIdentity::derive(rng.seed(), kClusterIssuer, certificate));
  CAFE_ASSIGN_OR_RETURN(const auto nonce, backend->begin_registration());
  const protocol::Scalar o2 = rng.scalar();
  CAFE_ASSIGN_OR_RETURN(
      const auto draft,
      protocol::RegistrationDraft::begin(
          identity, kClusterIssuer, nonce,
          protocol::SignedDocument::sign(certificate.encode(), manufacturer), point(o2), rng));
  CAFE_ASSIGN_OR_RETURN(const auto file,
                        draft.finish(draft.guardian_challenge() * guardian.o_coin + o2));
  CAFE_ASSIGN_OR_RETURN(const Bytes receipt, backend->register_wallet(file.encode()));
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(receipt));
  CAFE_ASSIGN_OR_RETURN(const auto registered,
                        protocol::RegistrationReceipt::decode(document.frame));
  CAFE_RETURN_IF_ERROR(fund(cluster, registered.account));

  const auto sign = [&](Bytes frame) {
    return protocol::SignedDocument::sign(std::move(frame), identity.account_key).encode();
  };
  const std::string issuer_id(kClusterIssuer);
  SignedByHolder out{
      sign(protocol::LoadOrder{issuer_id, registered.account, "EUR", 2'500, 1}.encode()),
      sign(protocol::LoadQuery{issuer_id, registered.account, 1}.encode()),
      {},
      {},
      {}};
  CAFE_RETURN_IF_ERROR(backend->load(out.load_order).status());

  // What she pays back is no payment, and is refused as such: her order is answered all the same.
  out.payments = {protocol::to_bytes(protocol::view_of("no payment"))};
  CAFE_ASSIGN_OR_RETURN(const auto anchors, host::read_trust(cluster.trust()));
  CAFE_ASSIGN_OR_RETURN(const auto issuer, backend->denominations());
  CAFE_ASSIGN_OR_RETURN(out.credential, credential_of(document, issuer.key_certificates, anchors));
  out.deposit_order =
      sign(protocol::DepositOrder{issuer_id, protocol::holder_payee_id(registered.account),
                                  protocol::holder_terminal_id(registered.account), rng.array<16>(),
                                  protocol::payments_digest(out.payments)}
               .encode());
  CAFE_RETURN_IF_ERROR(backend->deposit(out.deposit_order, out.payments, out.credential).status());
  return out;
}

}  // namespace cafe::testing
