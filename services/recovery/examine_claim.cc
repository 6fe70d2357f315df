#include "services/recovery/examine_claim.h"

#include <algorithm>
#include <set>

#include "libs/platform/failpoint.h"
#include "services/recovery/check_claim.h"
#include "services/recovery/check_void_payments.h"
#include "services/recovery/list_orders.h"

namespace cafe::recovery {
namespace {

using protocol::Claim;
using protocol::ClaimedCoin;
using protocol::ClaimFile;
using protocol::ClaimKind;
using protocol::DenomId;
using protocol::OrderRecord;
using protocol::SignedDocument;

// The orders that made the claimed coins, and of cheques all: the claim must name each of them.
absl::StatusOr<OpenedOrders> fetch_claimed_orders(const RecoveryParts& parts, const Claim& claim,
                                                  const Account& account, absl::Time deadline) {
  std::set<uint64_t> wanted;
  for (const ClaimedCoin& coin : claim.coins) {
    if (coin.order >= 1 && coin.order <= account.last_order) wanted.insert(coin.order);
  }
  if (claim.kind == ClaimKind::kCheques) {
    for (uint64_t n = 1; n <= account.last_order; ++n) wanted.insert(n);
  }
  OpenedOrders orders;
  for (auto first = wanted.begin(); first != wanted.end();) {
    // Those that follow each other are asked for together.
    auto last = first;
    uint64_t count = 1;
    while (std::next(last) != wanted.end() && *std::next(last) == *last + 1) {
      ++last;
      ++count;
    }
    CAFE_ASSIGN_OR_RETURN(std::vector<OrderRecord> records,
                          fetch_orders(parts, claim.account, *first - 1, count, deadline));
    for (OrderRecord& record : records) {
      CAFE_ASSIGN_OR_RETURN(OpenedOrder opened, OpenedOrder::open(std::move(record)));
      const uint64_t n = opened.order.opened.order;
      orders.emplace(n, std::move(opened));
    }
    first = std::next(last);
  }
  return orders;
}

std::vector<DenomId> denominations_named(const Claim& claim, const OpenedOrders& orders) {
  std::set<DenomId> ids;
  for (const ClaimedCoin& coin : claim.coins) ids.insert(coin.denom_id);
  if (claim.kind == ClaimKind::kCheques) {
    for (const auto& [n, opened] : orders) {
      for (const auto& line : opened.order.opened.lines) ids.insert(line.denom_id);
    }
  }
  return {ids.begin(), ids.end()};
}

// Opens the claim's payments into `payments`.
std::optional<ClaimFault> check_all(const RecoveryParts& parts, const Claim& claim,
                                    const Account& account, const OpenedOrders& orders,
                                    const protocol::DenominationTable& denominations,
                                    uint64_t now_ms,
                                    std::vector<protocol::CheckedVoidPayment>& payments) {
  if (auto fault = check_coins(claim, {.points = account.points,
                                       .orders = orders,
                                       .denominations = denominations,
                                       .now_s = now_ms / 1000})) {
    return fault;
  }
  if (claim.kind == ClaimKind::kCheques) return check_all_cheques(claim, orders, denominations);
  if (claim.kind == ClaimKind::kPayments) {
    return check_void_payments(claim,
                               {.issuer_id = parts.issuer_id,
                                .anchors = parts.anchors,
                                .denominations = denominations,
                                .periods = parts.periods,
                                .now_ms = now_ms},
                               payments);
  }
  return std::nullopt;
}

ClaimFile make_file(const RecoveryParts& parts, const SignedDocument& document, const Claim& claim,
                    const Account& account, const OpenedOrders& orders, const KnownLists& lists,
                    std::vector<SignedDocument> loads) {
  ClaimFile file{.key_certificates = account.key_certificates,
                 .registration = account.registration,
                 .receipt = account.receipt,
                 .replacements = {},
                 .successor_receipts = {},
                 .loss = {},
                 .lists = {},
                 .orders = {},
                 .loads = std::move(loads),
                 .claim = document,
                 .claim_receipt = document,  // until there is one
                 .statements = {},
                 .payments = {}};
  file.key_certificates.push_back(parts.key.certificate);
  if (claim.by != claim.account) {
    file.replacements = account.replacements;
    file.successor_receipts = account.successor_receipts;
  }
  if (claim.kind != ClaimKind::kPayments) file.loss = account.loss;
  std::set<uint64_t> named;
  for (const ClaimedCoin& coin : claim.coins) named.insert(coin.order);
  for (const uint64_t n : named) {
    file.orders.push_back(orders.at(n).record);
  }
  // A judge sees by them that the orders have no other cheques, and reads old payments in which
  // cheques stand beside coins of any of her orders.
  file.lists = lists.lists_of(denominations_named(claim, orders));
  return file;
}

// Whether a peer said no to what it was asked, and not that it could not answer.
bool is_refusal(const absl::Status& status) {
  return absl::IsInvalidArgument(status) || absl::IsUnauthenticated(status) ||
         absl::IsFailedPrecondition(status);
}

DueTimes due_of(const ClaimContent& content, uint64_t now_ms, const Periods& periods) {
  std::vector<const protocol::Denomination*> denominations;
  for (uint32_t i = 0; i < content.ids.size(); ++i) {
    denominations.push_back(&content.denomination(i));
  }
  const bool any_refused =
      std::ranges::any_of(content.payments, [](const auto& payment) { return payment.refused; });
  return due_times(content.claim.kind, denominations, any_refused, now_ms, periods);
}

}  // namespace

absl::StatusOr<Examination> examine_claim(const RecoveryParts& parts,
                                          const SignedDocument& document, Claim claim,
                                          const Account& account, uint64_t now_ms,
                                          absl::Time deadline) {
  if (auto fault = check_standing(claim, account.standing, parts.callers_now_ms(claim.time_ms))) {
    return Examination{std::move(fault), {}};
  }
  CAFE_ASSIGN_OR_RETURN(const OpenedOrders orders,
                        fetch_claimed_orders(parts, claim, account, deadline));
  CAFE_ASSIGN_OR_RETURN(const auto lists,
                        parts.denominations.known(denominations_named(claim, orders)));
  std::vector<protocol::CheckedVoidPayment> payments;
  if (auto fault = check_all(parts, claim, account, orders, lists->table, now_ms, payments)) {
    return Examination{std::move(fault), {}};
  }
  std::vector<SignedDocument> loads;
  if (claim.kind == ClaimKind::kCheques) {
    CAFE_ASSIGN_OR_RETURN(loads, fetch_loads(parts, claim.account, 0, account.last_load, deadline));
  }
  // The table lives as long as the lists that it is of.
  absl::StatusOr<ClaimContent> content =
      content_of(claim, std::shared_ptr<const protocol::DenominationTable>(lists, &lists->table),
                 std::move(payments), loads);
  if (!content.ok()) {
    return Examination{fault_of(content.status(), protocol::ClaimRefused::kWholeClaim), {}};
  }
  if (content->claimed.empty()) return Examination{ClaimFault{"NOTHING_CLAIMED"}, {}};
  const DueTimes due = due_of(*content, now_ms, parts.periods);
  ClaimFile file = make_file(parts, document, claim, account, orders, *lists, std::move(loads));
  return Examination{{}, ExaminedClaim{*std::move(content), due, std::move(file)}};
}

absl::StatusOr<std::optional<ClaimFault>> void_payments(const RecoveryParts& parts,
                                                        const ClaimContent& content,
                                                        absl::Time deadline) {
  if (content.claim.kind != ClaimKind::kPayments) return std::nullopt;
  for (size_t i = 0; i < content.claim.payments.size(); ++i) {
    const protocol::VoidPayment& payment = content.claim.payments[i];
    if (payment.refusal.empty()) continue;
    const absl::Status status =
        parts.deposit.void_terms(payment.refusal, payment.credential, deadline);
    // Who signed the refusal may have had no right to.
    if (is_refusal(status)) return fault_of(status, i);
    CAFE_RETURN_IF_ERROR(status);
  }
  CAFE_RETURN_IF_ERROR(platform::failpoint("recovery/after-void"));
  CAFE_ASSIGN_OR_RETURN(const std::vector<LocatedSpend> spends,
                        parts.coin_store.locate(content.ids, deadline));
  for (const LocatedSpend& spend : spends) {
    const std::optional<ClaimContent::PaidBy> by = content.paid_by({spend.coin, spend.slot});
    if (by) return ClaimFault{"ALREADY_DEPOSITED", by->payment};
  }
  return std::nullopt;
}

}  // namespace cafe::recovery
