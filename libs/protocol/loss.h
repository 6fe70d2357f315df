// A wallet that is lost, stolen or broken (section 8): its account is closed for good, and a new
// device of the same customer takes its place. Both are statements of the issuer's, which rest on
// the lost account's key where its holder still has it (a backup card), otherwise on her
// identification as at the account's opening, an act of the operator.
#pragma once

#include "libs/protocol/registration.h"

namespace cafe::protocol {

// What a statement about a lost account rests on.
enum class Authority : uint8_t {
  kAccountKey = 1,  // a request that the account's own key signed
  kOperator = 2,    // the operator identified the holder
};

// frame("cafe/v1/loss-report", issuer id, account id, u64 time_ms), signed with the account key.
struct LossReport {
  std::string issuer_id;
  AccountId account;
  uint64_t time_ms;

  Bytes encode() const;
  static absl::StatusOr<LossReport> decode(ByteView bytes);
};

// frame("cafe/v1/loss-recorded", issuer id, account id, u8 authority, report digest, u64 time_ms,
// u64 last order, u64 last load), signed with the withdrawal key: the account is closed, and
// nothing is withdrawn or loaded after these numbers.
struct LossRecorded {
  std::string issuer_id;
  AccountId account;
  Authority authority;
  Bytes32 report_digest;  // of the signed report's frame; zero where the operator acted
  uint64_t time_ms;       // of the record
  uint64_t last_order;    // N of the last completed one
  uint64_t last_load;     // its sequence number

  Bytes encode() const;
  // BAD_AUTHORITY: no such authority, or a digest that does not go with it.
  static absl::StatusOr<LossRecorded> decode(ByteView bytes);
};

// frame("cafe/v1/replacement", issuer id, lost account id, new account id, u64 time_ms), signed
// with the lost account's key; its successor agrees to it (successor_consent.h).
struct Replacement {
  std::string issuer_id;
  AccountId lost;
  AccountId successor;
  uint64_t time_ms;

  Bytes encode() const;
  // SAME_ACCOUNT: an account does not replace itself.
  static absl::StatusOr<Replacement> decode(ByteView bytes);
};

// frame("cafe/v1/replaced", issuer id, lost account id, new account id, u8 authority, request
// digest, u64 time_ms), signed with the withdrawal key: what was the lost account's is the
// successor's, whose key speaks for both from now on.
struct Replaced {
  std::string issuer_id;
  AccountId lost;
  AccountId successor;
  Authority authority;
  Bytes32 request_digest;  // of the signed replacement's frame; zero where the operator acted
  uint64_t time_ms;

  Bytes encode() const;
  // SAME_ACCOUNT; BAD_AUTHORITY as of LossRecorded.
  static absl::StatusOr<Replaced> decode(ByteView bytes);
};

}  // namespace cafe::protocol
