// The encodings of what the issuer says of a claim (section 8): receipt, refusal, statements.
#include "libs/protocol/claim_documents.h"
#include "libs/protocol/document_fields.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kReceiptLabel = "cafe/v1/claim-receipt";
constexpr std::string_view kRefusedLabel = "cafe/v1/claim-refused";
constexpr std::string_view kStatementLabel = "cafe/v1/claim-statement";

// More than there are; one denomination has one currency.
constexpr uint32_t kMaxCurrencies = 256;
// u32 coin ‖ u32 slot ‖ u8 code ‖ u8 charged ‖ u64 value ‖ payment digest
constexpr size_t kDeductionWidth = 4 + 4 + 1 + 1 + 8 + 32;

// The number of entries that follow, one for each currency.
absl::StatusOr<uint32_t> currency_count(FrameReader& in) {
  CAFE_ASSIGN_OR_RETURN(uint32_t count, in.u32());
  if (count > kMaxCurrencies) {
    return invalid("TOO_MANY_ITEMS", "A claim has at most 256 currencies.");
  }
  return count;
}

// T has a currency.
template <typename T>
absl::Status check_ascending(const std::vector<T>& entries) {
  const auto misplaced =
      std::adjacent_find(entries.begin(), entries.end(),
                         [](const T& a, const T& b) { return a.currency >= b.currency; });
  if (misplaced != entries.end()) {
    return invalid("NOT_CANONICAL", "Amounts stand in ascending order of their currencies.");
  }
  return absl::OkStatus();
}

absl::Status check_claim_number(uint64_t number) {
  if (number == 0) return invalid("CLAIM_NUMBER", "An issuer's claims are numbered from 1.");
  return absl::OkStatus();
}

Bytes encode_deductions(std::span<const Deduction> deductions) {
  Bytes list;
  list.reserve(deductions.size() * kDeductionWidth);
  for (const Deduction& deduction : deductions) {
    append(list, encode_u32(deduction.coin));
    append(list, encode_u32(deduction.slot));
    list.push_back(static_cast<uint8_t>(deduction.code));
    list.push_back(deduction.charged ? 1 : 0);
    append(list, encode_u64(deduction.value));
    append(list, deduction.payment_digest);
  }
  return list;
}

absl::StatusOr<Deduction> decode_deduction(ByteView item) {
  const uint8_t code = item[8];
  const uint8_t charged = item[9];
  const bool known = code == static_cast<uint8_t>(Deduction::Code::kPaidBefore) ||
                     code == static_cast<uint8_t>(Deduction::Code::kPaidAfter);
  if (!known || charged > 1) {
    return invalid("BAD_CODE", "A deduction has a code that does not exist.");
  }
  Deduction deduction{decode_u32(item.first<4>()),
                      decode_u32(item.subspan(4).first<4>()),
                      static_cast<Deduction::Code>(code),
                      charged == 1,
                      decode_u64(item.subspan(10).first<8>()),
                      {}};
  std::copy_n(item.begin() + 18, 32, deduction.payment_digest.begin());
  if (deduction.coin >= kMaxClaimedCoins || deduction.slot >= kMaxSlots) {
    return invalid("SLOT_OUTSIDE_COIN", "A deduction names a slot that no claim has.");
  }
  return deduction;
}

absl::StatusOr<std::vector<Deduction>> decode_deductions(ByteView list) {
  CAFE_ASSIGN_OR_RETURN(const size_t count,
                        count_items(list, kDeductionWidth, kMaxClaimedCoins * kMaxSlots));
  std::vector<Deduction> deductions;
  deductions.reserve(count);
  for (size_t n = 0; n < count; ++n) {
    CAFE_ASSIGN_OR_RETURN(const Deduction next,
                          decode_deduction(list.subspan(n * kDeductionWidth, kDeductionWidth)));
    if (!deductions.empty() && std::tie(next.coin, next.slot) <=
                                   std::tie(deductions.back().coin, deductions.back().slot)) {
      return invalid("NOT_CANONICAL", "Deductions stand in ascending order, a slot once.");
    }
    deductions.push_back(next);
  }
  return deductions;
}

absl::StatusOr<ClaimTotal> read_total(FrameReader& in) {
  ClaimTotal total;
  CAFE_ASSIGN_OR_RETURN(total.currency, currency_field(in));
  CAFE_ASSIGN_OR_RETURN(total.claimed, in.u64());
  CAFE_ASSIGN_OR_RETURN(total.deducted, in.u64());
  CAFE_ASSIGN_OR_RETURN(total.credited, in.u64());
  CAFE_ASSIGN_OR_RETURN(total.charged, in.u64());
  CAFE_ASSIGN_OR_RETURN(total.uncollected, in.u64());
  const uint64_t due = total.claimed - std::min(total.claimed, total.deducted);
  if (total.credited > due || total.charged > total.credited || total.uncollected > total.charged) {
    return invalid("BAD_TOTAL",
                   "A claim credits more than was claimed, or takes back more than it credited.");
  }
  return total;
}

}  // namespace

Bytes ClaimReceipt::encode() const {
  Frame frame(kReceiptLabel);
  frame.add(issuer_id).add(account).add_u64(number).add(claim_digest).add_u64(time_ms);
  frame.add_u64(held_until_ms).add_u64(final_at_ms);
  frame.add_u32(static_cast<uint32_t>(claimed.size()));
  for (const CurrencyAmount& entry : claimed) frame.add(entry.currency).add_u64(entry.amount);
  return frame.take();
}

absl::StatusOr<ClaimReceipt> ClaimReceipt::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kReceiptLabel, bytes));
  ClaimReceipt receipt;
  CAFE_ASSIGN_OR_RETURN(receipt.issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(receipt.account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(receipt.number, in.u64());
  CAFE_ASSIGN_OR_RETURN(receipt.claim_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(receipt.time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(receipt.held_until_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(receipt.final_at_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint32_t count, currency_count(in));
  for (uint32_t n = 0; n < count; ++n) {
    CurrencyAmount entry;
    CAFE_ASSIGN_OR_RETURN(entry.currency, currency_field(in));
    CAFE_ASSIGN_OR_RETURN(entry.amount, in.u64());
    receipt.claimed.push_back(std::move(entry));
  }
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_claim_number(receipt.number));
  CAFE_RETURN_IF_ERROR(check_ascending(receipt.claimed));
  return receipt;
}

Bytes ClaimRefused::encode() const {
  return Frame(kRefusedLabel)
      .add(issuer_id)
      .add(account)
      .add(claim_digest)
      .add(reason)
      .add_u32(item)
      .add_u64(time_ms)
      .take();
}

absl::StatusOr<ClaimRefused> ClaimRefused::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kRefusedLabel, bytes));
  ClaimRefused refused;
  CAFE_ASSIGN_OR_RETURN(refused.issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(refused.account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(refused.claim_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(refused.reason, in.text());
  CAFE_ASSIGN_OR_RETURN(refused.item, in.u32());
  CAFE_ASSIGN_OR_RETURN(refused.time_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  if (refused.reason.empty()) return invalid("NO_REASON", "A refusal of a claim says why.");
  return refused;
}

Bytes ClaimStatement::encode() const {
  Frame frame(kStatementLabel);
  frame.add(issuer_id).add(account).add_u64(number).add(claim_digest).add_u32(sequence);
  frame.add_u64(time_ms).add_u8(static_cast<uint8_t>(state)).add(encode_deductions(deductions));
  frame.add_u32(static_cast<uint32_t>(totals.size()));
  for (const ClaimTotal& total : totals) {
    frame.add(total.currency).add_u64(total.claimed).add_u64(total.deducted);
    frame.add_u64(total.credited).add_u64(total.charged).add_u64(total.uncollected);
  }
  return frame.take();
}

absl::StatusOr<ClaimStatement> ClaimStatement::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kStatementLabel, bytes));
  ClaimStatement statement;
  CAFE_ASSIGN_OR_RETURN(statement.issuer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(statement.account, in.id<AccountId>());
  CAFE_ASSIGN_OR_RETURN(statement.number, in.u64());
  CAFE_ASSIGN_OR_RETURN(statement.claim_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(statement.sequence, in.u32());
  CAFE_ASSIGN_OR_RETURN(statement.time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(uint8_t state, in.u8());
  CAFE_ASSIGN_OR_RETURN(ByteView deductions, in.field());
  CAFE_ASSIGN_OR_RETURN(uint32_t count, currency_count(in));
  for (uint32_t n = 0; n < count; ++n) {
    CAFE_ASSIGN_OR_RETURN(ClaimTotal total, read_total(in));
    statement.totals.push_back(std::move(total));
  }
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_claim_number(statement.number));
  if (statement.sequence == 0) {
    return invalid("STATEMENT_SEQUENCE", "The statements of a claim are numbered from 1.");
  }
  if (state < static_cast<uint8_t>(ClaimState::kHeld) ||
      state > static_cast<uint8_t>(ClaimState::kFinal)) {
    return invalid("BAD_STATE", "A claim is held, credited or final.");
  }
  statement.state = static_cast<ClaimState>(state);
  CAFE_RETURN_IF_ERROR(check_ascending(statement.totals));
  CAFE_ASSIGN_OR_RETURN(statement.deductions, decode_deductions(deductions));
  return statement;
}

}  // namespace cafe::protocol
