#include "tools/cafectl/claim_json.h"

#include "tools/cafectl/evidence_reader.h"

namespace cafe::cafectl {

using protocol::Claim;
using protocol::ClaimFile;
using protocol::ClaimKind;
using protocol::ClaimReceipt;
using protocol::ClaimState;
using protocol::ClaimStatement;
using protocol::ClaimTotal;
using protocol::Deduction;

namespace {

constexpr const char* kFormat = "cafe/v1/claim-file";

Json describe_coins(const Claim& claim) {
  Json coins = Json::array();
  for (const protocol::ClaimedCoin& coin : claim.coins) {
    Json slots = Json::array();
    for (uint32_t slot = 0; slot < protocol::kMaxSlots; ++slot) {
      if ((coin.slots >> slot & 1) != 0) slots.push_back(slot);
    }
    coins.push_back({{"coin_id", coin.id().hex()},
                     {"denomination", coin.denom_id.hex()},
                     {"order", coin.order},
                     {"i", coin.i},
                     {"slots", slots}});
  }
  return coins;
}

Json describe_deductions(const ClaimStatement& statement) {
  Json deductions = Json::array();
  for (const Deduction& deduction : statement.deductions) {
    deductions.push_back(
        {{"coin", deduction.coin},
         {"slot", deduction.slot},
         {"paid", deduction.code == Deduction::Code::kPaidAfter ? "after" : "before"},
         {"charged", deduction.charged},
         {"value", deduction.value},
         {"payment_digest", protocol::to_hex(deduction.payment_digest)}});
  }
  return deductions;
}

// What is held, while nothing was credited.
std::vector<ClaimTotal> held_totals(const ClaimReceipt& receipt) {
  std::vector<ClaimTotal> totals;
  for (const protocol::CurrencyAmount& sum : receipt.claimed) {
    totals.push_back({sum.currency, sum.amount, 0, 0, 0, 0});
  }
  return totals;
}

}  // namespace

std::string_view claim_kind_name(ClaimKind kind) {
  switch (kind) {
    case ClaimKind::kCoins:
      return "coins";
    case ClaimKind::kCheques:
      return "cheques";
    case ClaimKind::kPayments:
      return "payments";
  }
  return "";
}

std::string_view claim_state_name(ClaimState state) {
  switch (state) {
    case ClaimState::kHeld:
      return "held";
    case ClaimState::kCredited:
      return "credited";
    case ClaimState::kFinal:
      return "final";
  }
  return "";
}

Json describe_totals(std::span<const ClaimTotal> totals) {
  Json rows = Json::array();
  for (const ClaimTotal& total : totals) {
    rows.push_back({{"currency", total.currency},
                    {"claimed", total.claimed},
                    {"deducted", total.deducted},
                    {"credited", total.credited},
                    {"charged", total.charged},
                    {"uncollected", total.uncollected}});
  }
  return rows;
}

absl::StatusOr<Json> describe_claim(const ClaimFile& file) {
  CAFE_ASSIGN_OR_RETURN(const Claim claim, Claim::decode(file.claim.frame));
  CAFE_ASSIGN_OR_RETURN(const ClaimReceipt receipt, ClaimReceipt::decode(file.claim_receipt.frame));
  std::optional<ClaimStatement> last;
  if (!file.statements.empty()) {
    CAFE_ASSIGN_OR_RETURN(last, ClaimStatement::decode(file.statements.back().frame));
  }
  Json json{{"issuer_id", claim.issuer_id},
            {"number", receipt.number},
            {"account", claim.account.hex()},
            {"claimant", claim.by.hex()},
            {"kind", claim_kind_name(claim.kind)},
            {"state", claim_state_name(last ? last->state : ClaimState::kHeld)},
            {"claimed", format_time(claim.time_ms / 1000)},
            {"held_until", format_time(receipt.held_until_ms / 1000)},
            {"final_at", format_time(receipt.final_at_ms / 1000)},
            {"totals", describe_totals(last ? last->totals : held_totals(receipt))},
            {"coins", describe_coins(claim)}};
  json["deductions"] = last ? describe_deductions(*last) : Json::array();
  return json;
}

absl::StatusOr<Json> to_claim_evidence(const ClaimFile& file) {
  CAFE_ASSIGN_OR_RETURN(Json summary, describe_claim(file));
  return Json{{"format", kFormat},
              {"summary", std::move(summary)},
              {"claim_file", protocol::to_hex(file.encode())}};
}

absl::StatusOr<ClaimFile> parse_claim_evidence(std::string_view text) {
  CAFE_ASSIGN_OR_RETURN(const Json json, parse_evidence_json(text));
  ObjectReader in(json, "the file");
  CAFE_ASSIGN_OR_RETURN(const std::string format, in.text("format"));
  if (format != kFormat) return in.error(std::string("is not of the format ") + kFormat);
  CAFE_ASSIGN_OR_RETURN(const Json* summary, in.get("summary"));
  CAFE_ASSIGN_OR_RETURN(const protocol::Bytes frame, in.hex("claim_file"));
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_ASSIGN_OR_RETURN(ClaimFile file, ClaimFile::decode(frame));
  CAFE_ASSIGN_OR_RETURN(const Json said, describe_claim(file));
  // By content: the order of an object's fields means nothing.
  if (nlohmann::json::parse(said.dump()) != nlohmann::json::parse(summary->dump())) {
    return in.error("has a \"summary\" that says something else than its \"claim_file\"");
  }
  return file;
}

}  // namespace cafe::cafectl
