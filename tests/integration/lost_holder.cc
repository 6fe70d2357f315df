#include "tests/integration/lost_holder.h"

#include <cafe/v1/recovery.pb.h>
#include <cafe/v1/withdrawal.pb.h>

#include <chrono>

#include "libs/protocol/backup.h"
#include "libs/protocol/loss.h"
#include "libs/protocol/order_history.h"
#include "libs/protocol/testing/claims.h"
#include "tests/integration/cheque_holder.h"
#include "tests/integration/flood.h"

namespace cafe::testing {
namespace {

using protocol::Bytes;
using protocol::Claim;
using protocol::ClaimKind;
using protocol::SignedDocument;
using protocol::to_string;

const std::string kIssuer(kClusterIssuer);

uint64_t now_ms() {
  return static_cast<uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(
                                   std::chrono::system_clock::now().time_since_epoch())
                                   .count());
}

// Sends a request once, as anyone.
absl::Status carry_out(Cluster& cluster, const std::string& service, const std::string& method,
                       const google::protobuf::Message& request) {
  const Answers answers = Flood(cluster, service, "").send("/cafe.v1." + method, 1, [&](size_t) {
    return request.SerializeAsString();
  });
  if (answers.codes.contains(grpc::OK)) return absl::OkStatus();
  return protocol::make_error(absl::StatusCode::kInternal, "LOST_HOLDER",
                              method + ": " + answers.text());
}

// Who has lost her device, and the account of her new one.
class Story {
 public:
  Story(Cluster& cluster, ChequeHolder& lost, ChequeHolder& heir)
      : cluster_(cluster), lost_(lost), heir_(heir) {}

  // What she has when she loses it: three coins, one of which paid for nothing, and a cheque.
  absl::Status withdraw() {
    CAFE_RETURN_IF_ERROR(lost_.load(2'500));
    CAFE_ASSIGN_OR_RETURN(coins_, lost_.withdraw_coins(3));
    CAFE_ASSIGN_OR_RETURN(cheques_, lost_.withdraw(1));
    return absl::OkStatus();
  }

  absl::Status keep_backup() {
    protocol::SeededRng rng("lost holder's words");
    const auto key = protocol::BackupKey::draw(rng);
    out_.backup = protocol::seal_backup(key, kIssuer, lost_.account(), 1, lost_.wallet().coin_seed,
                                        lost_.wallet().identity.account_key, rng)
                      .encode();
    const protocol::SigningKey holder = key.holder_key();
    out_.backup_query =
        SignedDocument::sign(protocol::BackupQuery{kIssuer, holder.public_key(), now_ms()}.encode(),
                             holder)
            .encode();
    v1::PutBackupRequest request;
    request.set_backup(to_string(out_.backup));
    return carry_out(cluster_, "recovery", "Recovery/PutBackup", request);
  }

  absl::Status claim_refused_payment() {
    const protocol::VoidPayment refused = lost_.refuse(lost_.pay(coins_[0]));
    out_.refusal = refused.refusal;
    out_.credential = refused.credential;
    return file(lost_, ClaimKind::kPayments, {&coins_[0]}, {refused}, out_.payment_claim);
  }

  absl::Status report_and_replace() {
    out_.report = lost_.sign(protocol::LossReport{kIssuer, lost_.account(), now_ms()}.encode());
    v1::ReportLossRequest report;
    report.set_report(to_string(out_.report));
    CAFE_RETURN_IF_ERROR(carry_out(cluster_, "withdrawal", "Withdrawal/ReportLoss", report));
    const Bytes names =
        protocol::Replacement{kIssuer, lost_.account(), heir_.account(), now_ms()}.encode();
    out_.replacement = lost_.sign(names);
    out_.consent = protocol::to_bytes(heir_.wallet().identity.account_key.sign(names));
    v1::ReplaceAccountRequest replacement;
    replacement.set_replacement(to_string(out_.replacement));
    replacement.set_successor_signature(to_string(out_.consent));
    return carry_out(cluster_, "withdrawal", "Withdrawal/ReplaceAccount", replacement);
  }

  absl::Status claim_the_rest() {
    out_.orders_query = heir_.sign(
        protocol::OrdersQuery{kIssuer, lost_.account(), heir_.account(), 0, 0, now_ms()}.encode());
    CAFE_RETURN_IF_ERROR(
        file(heir_, ClaimKind::kCoins, {&coins_[1], &coins_[2]}, {}, out_.coin_claim));
    CAFE_RETURN_IF_ERROR(file(heir_, ClaimKind::kCheques, {&cheques_[0]}, {}, out_.cheque_claim));
    CAFE_ASSIGN_OR_RETURN(const auto claim, SignedDocument::decode(out_.coin_claim));
    out_.claim_query = heir_.sign(
        protocol::ClaimQuery{kIssuer, heir_.account(), claim.digest(), now_ms()}.encode());
    return absl::OkStatus();
  }

  LostHolder take() {
    out_.lost = lost_.account();
    out_.successor = heir_.account();
    return std::move(out_);
  }

 private:
  absl::Status file(const ChequeHolder& by, ClaimKind kind,
                    const std::vector<const WithdrawnCoin*>& coins,
                    const std::vector<protocol::VoidPayment>& payments, Bytes& signed_claim) {
    Claim claim{.issuer_id = kIssuer,
                .account = lost_.account(),
                .by = by.account(),
                .kind = kind,
                .time_ms = now_ms(),
                .coins = {},
                .payments = payments};
    for (const WithdrawnCoin* coin : coins) claim.coins.push_back(claimed(*coin, coin->order));
    signed_claim = by.sign(claim.encode());
    v1::FileClaimRequest request;
    request.set_claim(to_string(signed_claim));
    return carry_out(cluster_, "recovery", "Recovery/FileClaim", request);
  }

  Cluster& cluster_;
  ChequeHolder& lost_;
  ChequeHolder& heir_;
  std::vector<WithdrawnCoin> coins_, cheques_;
  LostHolder out_;
};

}  // namespace

absl::StatusOr<LostHolder> lose_and_recover(Cluster& cluster) {
  CAFE_ASSIGN_OR_RETURN(const auto lost, ChequeHolder::join(cluster, "lost holder"));
  CAFE_ASSIGN_OR_RETURN(const auto heir, ChequeHolder::join(cluster, "lost holder's new device"));
  Story story(cluster, *lost, *heir);
  CAFE_RETURN_IF_ERROR(story.withdraw());
  CAFE_RETURN_IF_ERROR(story.keep_backup());
  CAFE_RETURN_IF_ERROR(story.claim_refused_payment());
  CAFE_RETURN_IF_ERROR(story.report_and_replace());
  CAFE_RETURN_IF_ERROR(story.claim_the_rest());
  // A claim that was refused is answered as well, and changes nothing.
  CAFE_ASSIGN_OR_RETURN(const int64_t held,
                        cluster.number("SELECT count(*) FROM recovery.claim WHERE state = 'held'"));
  if (held != 3) {
    return protocol::make_error(absl::StatusCode::kInternal, "LOST_HOLDER",
                                "Claims were refused: " + cluster.log("recovery"));
  }
  return story.take();
}

}  // namespace cafe::testing
