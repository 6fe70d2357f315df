// What a guardian decides (sections 3, 5 and 6), as pure transitions from one stored state to the
// next: the firmware writes the new state to non-volatile memory first, in one atomic write, and
// only then lets the answer out.
//
// Texts and keys are views: what they point to outlives the call and whatever comes out of it.
#pragma once

#include "absl/functional/function_ref.h"
#include "libs/protocol/payment.h"

namespace cafe::protocol {

// The long-term secrets of a guardian. Two keys, since answers in coin mode are blind and must
// never help to fill in a cheque.
struct GuardianKeys {
  Scalar o_coin;
  Scalar o_cheque;
};

// One slot. Made for coins or for cheques, and stays so; its used mark is one for all.
struct GuardianSlot {
  Kind kind;
  Scalar o2;
  Bytes32 rho;  // cheques: the salt's half, drawn when the slot was made; zero for coins
  bool used = false;
  Bytes32 request_digest{};  // of the one request that it answers
};

// A counter for one issuer and currency.
struct GuardianCounter {
  std::string_view issuer_id;
  std::string_view currency;
  uint64_t amount = 0;
};

// ans = (d + e)·o + o2.
Scalar guardian_answer(const Scalar& o, const Scalar& o2, const Scalar& challenge);
// ans·G1 = challenge·A_G + B_O: the wallet's check of every answer.
bool guardian_answer_ok(const Scalar& answer, const Scalar& challenge, const Point& A_G,
                        const Point& B_O);

struct CoinAnswer {
  GuardianSlot slot;  // to be written before `answer` leaves
  bool write_needed;  // false where the same request is answered again
  Scalar answer;
};

// Coin mode: sees d + e only. WRONG_KIND for a cheque's slot, SLOT_USED for a request other than
// the first one's.
absl::StatusOr<CoinAnswer> answer_coin(const GuardianKeys& keys, const GuardianSlot& slot,
                                       const Scalar& d_plus_e);

// A cheque written out: section 5. Fields as the wallet sends them.
struct ChequeRequest {
  std::string_view issuer_id;
  std::string_view currency;
  uint64_t value;
  Bytes32 spend;  // spend digest
  Bytes32 y;

  Bytes encode() const;    // frame "cafe/v1/cheque-request": what the wallet stores before it asks
  Bytes32 digest() const;  // of that
  // Views into `bytes`. The reasons of FrameReader.
  static absl::StatusOr<ChequeRequest> decode(ByteView bytes);
};

struct ChequeAnswer {
  GuardianSlot slot;  // both to be written in one atomic write [guard] before anything leaves
  GuardianCounter counter;
  bool write_needed;
  Bytes32 rho;
  Scalar answer;
};

// WRONG_KIND, SLOT_USED, VALUE_ZERO, WRONG_COUNTER (another issuer or currency), COUNTER_TOO_LOW.
absl::StatusOr<ChequeAnswer> answer_cheque(const GuardianKeys& keys, const GuardianSlot& slot,
                                           const GuardianCounter& counter,
                                           const ChequeRequest& request);

// A cheque that pays ticks: section 6. The guardian put its points P_i = t_i·G1 out before it saw
// y_seed.
struct TickRequest {
  std::string_view issuer_id;
  std::string_view currency;
  uint64_t tick_value;
  uint32_t tick_count;
  Bytes32 y_seed;
  Bytes32 spend;
  Bytes32 y;

  Bytes encode() const;    // frame "cafe/v1/tick-request": what the wallet stores before it asks
  Bytes32 digest() const;  // of that
  // Views into `bytes`. The reasons of FrameReader.
  static absl::StatusOr<TickRequest> decode(ByteView bytes);
};

// t_i for i < the number drawn: derived (ticks.h: tick_secret), or read from where it is kept.
using TickSecrets = absl::FunctionRef<Scalar(uint32_t i)>;

// What the ticks of a call pay once its request has been answered.
struct OpenCall {
  std::string_view issuer_id;
  std::string_view currency;
  uint64_t tick_value;
  Bytes32 request_digest;
};

// The ticks drawn for one call, of fixed size however many they are.
struct TickState {
  uint32_t count;           // t_0 .. t_{count-1} were drawn
  uint32_t next_index = 0;  // the next tick to release
  std::optional<OpenCall> call = std::nullopt;
};

struct TickOpening {
  GuardianSlot slot;  // both to be written in one atomic write before anything leaves
  TickState ticks;
  bool write_needed;
  Bytes32 rho;
  Bytes32 tick_root;
  Scalar answer;
};
// Marks the slot; the counter pays tick by tick. VALUE_ZERO, TICK_COUNT (not as many as were
// drawn), WRONG_KIND, SLOT_USED, WRONG_COUNTER, TICKS_USED (ticks serve one slot: under two roots,
// each would pay twice and be subtracted once).
absl::StatusOr<TickOpening> answer_ticks(const GuardianKeys& keys, const GuardianSlot& slot,
                                         const GuardianCounter& counter, const TickState& ticks,
                                         TickSecrets t, const TickRequest& request);

struct TickRelease {
  TickState ticks;  // index and counter in one atomic write before t leaves
  GuardianCounter counter;
  bool write_needed;
  Scalar t;
};
// Tick i, in order and never otherwise: TICK_ORDER for an i that is neither released nor next, and
// before answer_ticks; WRONG_COUNTER, COUNTER_TOO_LOW. Costs the same for any number of ticks.
absl::StatusOr<TickRelease> release_tick(const TickState& ticks, const GuardianCounter& counter,
                                         TickSecrets t, uint32_t i);

// frame("cafe/v1/load", serial, issuer id, currency, u64 amount, u64 sequence), signed RSA-3072
// PKCS #1 v1.5 SHA-256.
struct Load {
  Serial serial;
  std::string issuer_id;
  std::string currency;
  uint64_t amount;
  uint64_t sequence;

  Bytes encode() const;
  static absl::StatusOr<Load> decode(ByteView bytes);
};

// RSA keys travel as DER: SubjectPublicKeyInfo, PKCS #8. BAD_LOAD_KEY where it is no RSA key of
// 3072 bits.
absl::StatusOr<Bytes> sign_load(const Load& load, ByteView private_key_der);
absl::Status check_load_key(ByteView public_key_der);
absl::Status check_load(ByteView load_frame, ByteView signature,
                        ByteView public_key_der);  // BAD_SIGNATURE

// A load key with what the manufacturer bound it to, and the sequence of the last load of that
// issuer (0: none).
struct LoadKey {
  std::string_view issuer_id;
  ByteView public_key_der;
  uint64_t last_sequence = 0;
};

struct LoadResult {
  LoadKey key;  // sequence and counter in one atomic write [guard]
  GuardianCounter counter;
};
// [guard] WRONG_GUARDIAN, WRONG_ISSUER (the key loads its own issuer's counters only),
// WRONG_COUNTER, LOAD_SEQUENCE (not exactly one more), AMOUNT_ZERO, AMOUNT_OVERFLOW, BAD_SIGNATURE.
absl::StatusOr<LoadResult> apply_load(const Serial& serial, const LoadKey& key,
                                      const GuardianCounter& counter, ByteView load_frame,
                                      ByteView signature);

}  // namespace cafe::protocol
