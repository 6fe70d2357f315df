#include "libs/protocol/deposit.h"

#include "libs/protocol/document_fields.h"
#include "libs/protocol/hash.h"

namespace cafe::protocol {

namespace {

constexpr std::string_view kDepositLabel = "cafe/v1/deposit";
constexpr std::string_view kReceiptLabel = "cafe/v1/receipt";
constexpr std::string_view kVerdictLabel = "cafe/v1/verdict";
constexpr std::string_view kAuthorizationLabel = "cafe/v1/authorization";

constexpr size_t kSlotVerdictSize = 1 + 8 + 8;  // u8 code ‖ u64 credited ‖ u64 case number

absl::StatusOr<VerdictCode> decode_code(uint8_t code) {
  if (code < static_cast<uint8_t>(VerdictCode::kAccepted) ||
      code > static_cast<uint8_t>(VerdictCode::kRefused)) {
    return invalid("BAD_VERDICT", "A verdict has a code that does not exist.");
  }
  return static_cast<VerdictCode>(code);
}

}  // namespace

Bytes DepositOrder::encode() const {
  return Frame(kDepositLabel)
      .add(acquirer_id)
      .add(payee_id)
      .add(terminal_id)
      .add(idempotency_key)
      .add(payments_digest)
      .take();
}

absl::StatusOr<DepositOrder> DepositOrder::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kDepositLabel, bytes));
  CAFE_ASSIGN_OR_RETURN(std::string acquirer, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(PayeeId payee, in.id<PayeeId>());
  CAFE_ASSIGN_OR_RETURN(TerminalId terminal, in.id<TerminalId>());
  CAFE_ASSIGN_OR_RETURN(Bytes16 key, in.array<16>());
  CAFE_ASSIGN_OR_RETURN(Bytes32 payments, in.array<32>());
  CAFE_RETURN_IF_ERROR(in.finish());
  return DepositOrder{std::move(acquirer), payee, terminal, key, payments};
}

Bytes32 payments_digest(std::span<const Bytes> encoded_payments) {
  size_t size = 0;
  for (const Bytes& payment : encoded_payments) size += 4 + payment.size();
  Frame list = Frame::list();
  list.reserve(size);
  for (const Bytes& payment : encoded_payments) list.add(payment);
  return sha256(list.view());
}

std::string_view verdict_name(VerdictCode code) {
  switch (code) {
    case VerdictCode::kAccepted:
      return "accepted";
    case VerdictCode::kRepeat:
      return "repeat";
    case VerdictCode::kCreditedSpentBefore:
      return "credited though spent before";
    case VerdictCode::kSpentBefore:
      return "spent before";
    case VerdictCode::kRefused:
      return "refused";
  }
  return "unknown";
}

VerdictCode worst_of(std::span<const SlotVerdict> slots) {
  VerdictCode worst = VerdictCode::kAccepted;
  for (const SlotVerdict& slot : slots) worst = std::max(worst, slot.code);
  return worst;
}

namespace {

Bytes encode_verdict(const PaymentVerdict& verdict) {
  Bytes slots;
  slots.reserve(verdict.slots.size() * kSlotVerdictSize);
  for (const SlotVerdict& slot : verdict.slots) {
    slots.push_back(static_cast<uint8_t>(slot.code));
    append(slots, encode_u64(slot.credited));
    append(slots, encode_u64(slot.case_number));
  }
  return Frame(kVerdictLabel)
      .add_u8(static_cast<uint8_t>(verdict.code))
      .add(verdict.reason)
      .add_u64(verdict.credited)
      .add(verdict.currency)
      .add(slots)
      .take();
}

absl::StatusOr<std::vector<SlotVerdict>> decode_slots(ByteView list) {
  CAFE_ASSIGN_OR_RETURN(const size_t count, count_items(list, kSlotVerdictSize, kMaxSpends));
  std::vector<SlotVerdict> slots;
  slots.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const auto item = list.subspan(i * kSlotVerdictSize).first<kSlotVerdictSize>();
    CAFE_ASSIGN_OR_RETURN(const VerdictCode code, decode_code(item[0]));
    slots.push_back({code, decode_u64(item.subspan<1, 8>()), decode_u64(item.subspan<9, 8>())});
  }
  return slots;
}

// A refusal has a reason, no slots and no credit; anything else is what its slots add up to.
absl::Status check_verdict(const PaymentVerdict& verdict) {
  const bool is_refusal = verdict.code == VerdictCode::kRefused;
  const bool consistent =
      is_refusal ? !verdict.reason.empty() && verdict.slots.empty() && verdict.credited == 0
                 : verdict.reason.empty() && !verdict.slots.empty() && !verdict.currency.empty() &&
                       verdict.code == worst_of(verdict.slots);
  if (!consistent) {
    return invalid("BAD_VERDICT", "A verdict on a payment contradicts those on its slots.");
  }
  return absl::OkStatus();
}

absl::StatusOr<PaymentVerdict> decode_verdict(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kVerdictLabel, bytes));
  PaymentVerdict verdict{};
  CAFE_ASSIGN_OR_RETURN(const uint8_t code, in.u8());
  CAFE_ASSIGN_OR_RETURN(verdict.code, decode_code(code));
  CAFE_ASSIGN_OR_RETURN(verdict.reason, in.text());
  CAFE_ASSIGN_OR_RETURN(verdict.credited, in.u64());
  CAFE_ASSIGN_OR_RETURN(verdict.currency, in.text());
  if (!verdict.currency.empty()) CAFE_RETURN_IF_ERROR(check_currency(verdict.currency));
  CAFE_ASSIGN_OR_RETURN(ByteView slots, in.field());
  CAFE_ASSIGN_OR_RETURN(verdict.slots, decode_slots(slots));
  CAFE_RETURN_IF_ERROR(in.finish());
  CAFE_RETURN_IF_ERROR(check_verdict(verdict));
  return verdict;
}

}  // namespace

Bytes Receipt::encode() const {
  Frame out(kReceiptLabel);
  out.add(acquirer_id)
      .add(payee_id)
      .add(idempotency_key)
      .add(order_digest)
      .add_u64(batch)
      .add_u64(time_ms)
      .add_u32(static_cast<uint32_t>(verdicts.size()));
  for (const PaymentVerdict& verdict : verdicts) out.add(encode_verdict(verdict));
  return out.take();
}

absl::StatusOr<Receipt> Receipt::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kReceiptLabel, bytes));
  Receipt receipt{};
  CAFE_ASSIGN_OR_RETURN(receipt.acquirer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(receipt.payee_id, in.id<PayeeId>());
  CAFE_ASSIGN_OR_RETURN(receipt.idempotency_key, in.array<16>());
  CAFE_ASSIGN_OR_RETURN(receipt.order_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(receipt.batch, in.u64());
  CAFE_ASSIGN_OR_RETURN(receipt.time_ms, in.u64());
  CAFE_ASSIGN_OR_RETURN(const uint32_t count, in.u32());
  if (count == 0 || count > kMaxBatch) {
    return invalid("TOO_MANY_ITEMS", "A receipt answers for 1 to 1000 payments.");
  }
  receipt.verdicts.reserve(count);
  for (uint32_t i = 0; i < count; ++i) {
    CAFE_ASSIGN_OR_RETURN(ByteView item, in.field());
    CAFE_ASSIGN_OR_RETURN(PaymentVerdict verdict, decode_verdict(item));
    receipt.verdicts.push_back(std::move(verdict));
  }
  CAFE_RETURN_IF_ERROR(in.finish());
  return receipt;
}

Bytes Authorization::encode() const {
  return Frame(kAuthorizationLabel)
      .add(acquirer_id)
      .add(payee_id)
      .add(terms_digest)
      .add(payment_digest)
      .add_u8(granted ? 1 : 0)
      .add(reason)
      .add_u64(reserved_until_ms)
      .take();
}

absl::StatusOr<Authorization> Authorization::decode(ByteView bytes) {
  CAFE_ASSIGN_OR_RETURN(FrameReader in, FrameReader::open(kAuthorizationLabel, bytes));
  Authorization out{};
  CAFE_ASSIGN_OR_RETURN(out.acquirer_id, issuer_field(in));
  CAFE_ASSIGN_OR_RETURN(out.payee_id, in.id<PayeeId>());
  CAFE_ASSIGN_OR_RETURN(out.terms_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(out.payment_digest, in.array<32>());
  CAFE_ASSIGN_OR_RETURN(const uint8_t granted, in.u8());
  out.granted = granted == 1;
  CAFE_ASSIGN_OR_RETURN(out.reason, in.text());
  CAFE_ASSIGN_OR_RETURN(out.reserved_until_ms, in.u64());
  CAFE_RETURN_IF_ERROR(in.finish());
  if (granted > 1 || out.granted != out.reason.empty()) {
    return invalid("BAD_VERDICT", "An authorization is granted, or refused with a reason.");
  }
  return out;
}

bool credit_spent_before(const SpentBeforeFacts& facts) {
  // The clocks of two machines may disagree by a little: a deposit "before" the first one is early.
  const uint64_t elapsed_ms =
      facts.now_ms > facts.first_deposit_ms ? facts.now_ms - facts.first_deposit_ms : 0;
  const uint64_t cover_left =
      facts.cover > facts.covered_last_30_days ? facts.cover - facts.covered_last_30_days : 0;
  return !facts.payee_had_slot_before && elapsed_ms <= kGoodFaithWindow_ms &&
         facts.value <= cover_left;
}

}  // namespace cafe::protocol
