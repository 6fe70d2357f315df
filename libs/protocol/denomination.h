// Denominations, the issuer's limits, and the signed lists of them (section 2).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "libs/protocol/ecdsa.h"
#include "libs/protocol/frame.h"

namespace cafe::protocol {

enum class Kind : uint8_t { kCoin = 1, kCheque = 2 };

inline constexpr size_t kMaxSlots = 64;            // of one coin
inline constexpr size_t kMaxDenominations = 4096;  // in one list
inline constexpr uint64_t kMinWithdrawalPeriod_s = uint64_t{30} * 86400;
inline constexpr uint64_t kMinDepositPeriod_s = uint64_t{7} * 86400;

// One signing key H = x·G with what it signs. Times are unix seconds, "from" inclusive, "until"
// exclusive; values are minor units of the ISO 4217 currency.
struct Denomination {
  std::string issuer_id;
  std::string currency;
  Kind kind;
  std::vector<uint64_t> slot_values;  // 1..kMaxSlots, each > 0; a cheque has one
  uint64_t withdraw_from;
  uint64_t withdraw_until;
  uint64_t spend_until;
  uint64_t deposit_until;
  uint64_t claim_until;
  Point H;

  Bytes encode() const;  // the frame of section 10
  static absl::StatusOr<Denomination> decode(ByteView bytes);
  DenomId id() const;  // SHA-256 of the frame
  // Section 2's rules for one denomination: BAD_ISSUER_ID, BAD_CURRENCY, BAD_KIND, BAD_SLOTS,
  // BAD_DATES, AMOUNT_OVERFLOW.
  absl::Status validate() const;
  // Sum of the slot values; fits u64 once validated.
  uint64_t value() const;
  bool operator==(const Denomination&) const = default;
};

// From which amount a payment in `currency` needs on-line authorization, and from which its payer
// identifies herself (section 9, section 10 "limits"). Amounts above the limit, in minor units.
struct Limits {
  std::string currency;
  uint64_t offline_limit;
  uint64_t identification_limit;
  bool operator==(const Limits&) const = default;
};

// A numbered list of all denominations of an issuer, signed with its master key.
struct DenominationList {
  std::string issuer_id;
  uint32_t number;     // from 1, one more for each new list
  uint64_t issued_at;  // unix seconds
  std::vector<Limits> limits;
  std::vector<Denomination> denominations;
  std::vector<DenomId> compromised;  // keys reported compromised: no longer open for withdrawal,
                                     // whatever their dates

  // frame("cafe/v1/denomination-list", issuer id, u32 number, u64 issued_at, u32 count, (currency,
  // u64 offline limit, u64 identification limit) of each of the limits, u32 count, the frame of
  // each denomination, the ids of the compromised ones ‖)
  Bytes encode() const;
  static absl::StatusOr<DenominationList> decode(ByteView bytes);

  // What a wallet, a terminal and the issuer itself check of a list alone. Besides each
  // denomination's own rules and its issuer id, section 2's two guards:
  //   KEY_REUSED       H stands in two denominations
  //   TAGGING_OVERLAP  two denominations of equal (currency, kind, slot values in any order) are
  //                    open for withdrawal at one time
  //   TAGGING_SHORT    a denomination is open for less than 30 days
  // (compromised ones are exempt from the last two), and LIST_NUMBER (number 0), LIMITS_INVALID,
  // DUPLICATE_ITEM, UNKNOWN_DENOMINATION (compromised, but not in the list).
  absl::Status validate() const;

  const Denomination* find(const DenomId& id) const;
  bool is_compromised(const DenomId& id) const;
};

// Checks signature and rules.
absl::StatusOr<DenominationList> open_list(const SignedDocument& document, const Point& master_key);

// Whether `newer` may follow `older`: the same issuer, a higher number, no earlier date
// (LIST_NUMBER), nothing of `older` whose claim_until lies ahead of newer.issued_at missing or
// altered (DENOMINATION_VANISHED), no key of `older` in another denomination (KEY_REUSED), a
// compromised key stays so (DENOMINATION_VANISHED).
absl::Status check_successor(const DenominationList& older, const DenominationList& newer);

// Section 2 [guard]: two lists of one number, both signed, are evidence against the issuer. True
// where `a` and `b` are that: both verify under `master_key`, name the same issuer and number, and
// differ.
bool is_equivocation(const SignedDocument& a, const SignedDocument& b, const Point& master_key);

// How long after a new list was issued somebody may still go by the one before: terminals fetch
// lists, but not at once.
inline constexpr uint64_t kListGrace_s = 86400;

// What the lists that were in force at one time say of the limits of a currency. Where a new list
// has just changed them, whoever keeps to either list does right.
struct LimitsInForce {
  uint64_t offline;                 // the largest
  uint64_t identification_needed;   // above it in every list
  uint64_t identification_allowed;  // above it in one list at least
  bool operator==(const LimitsInForce&) const = default;
};

// The denominations that a verifier knows, of any number of issuers, found by id.
class DenominationTable {
 public:
  void add(const DenominationList& list);
  // Null where unknown. The pointer lives as long as the table.
  const Denomination* find(const DenomId& id) const;
  // Whether a list reports its key compromised.
  bool is_compromised(const DenomId& id) const { return compromised_.contains(id); }
  // Of the newest list.
  const Limits* limits(std::string_view issuer_id, std::string_view currency) const;
  // Of the lists that were the newest at `at_s` or less than kListGrace_s before; the first list
  // counts as in force ever since. Nothing where none of them states any.
  std::optional<LimitsInForce> limits_at(std::string_view issuer_id, std::string_view currency,
                                         uint64_t at_s) const;

 private:
  struct Stated {
    uint64_t issued_at;
    std::vector<Limits> limits;
  };
  absl::flat_hash_map<DenomId, std::unique_ptr<Denomination>> by_id_;
  absl::flat_hash_set<DenomId> compromised_;
  // By issuer, then by the list's number.
  absl::flat_hash_map<std::string, std::map<uint32_t, Stated>> issuers_;
};

// Three upper-case letters (BAD_CURRENCY).
absl::Status check_currency(std::string_view currency);
// 1 to 128 bytes of printable ASCII without spaces (BAD_ISSUER_ID).
absl::Status check_issuer_id(std::string_view issuer_id);

}  // namespace cafe::protocol
