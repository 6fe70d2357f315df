#include "loadtest/generator/payment_mill.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "absl/container/flat_hash_map.h"
#include "libs/protocol/hash.h"
#include "loadtest/generator/batch_signer.h"
#include "loadtest/generator/mix.h"

namespace cafe::loadtest {

using protocol::Bytes;
using protocol::Bytes16;
using protocol::Denomination;
using protocol::SignedDocument;

namespace {

constexpr uint64_t kStreams = 8;
constexpr uint64_t kLeastDistance = 16;  // batches
// Payments that one thread makes before its work is handed on.
constexpr uint64_t kPaymentsAtOnce = 500;
constexpr uint64_t kMoneySalt = 0x6d6f6e6579;  // "money"

}  // namespace

// Money of its own, and what later batches come back to. One thread at a time.
class PaymentMill::Stream {
 public:
  explicit Stream(std::unique_ptr<MoneySource> money) : money_(std::move(money)) {}
  absl::StatusOr<SlotToSpend> next(Money money) { return money_->next(money); }

  // The first of a pair, until the second is made.
  struct Kept {
    SlotToSpend spent;
    Bytes encoded;
  };
  absl::flat_hash_map<uint64_t, Kept> kept;  // by payment number

 private:
  std::unique_ptr<MoneySource> money_;
};

struct PaymentMill::Plan {
  Role role = Role::kFresh;
  bool second = false;  // of a pair
  bool first = false;
  Fault fault = Fault::kCount;
};

PaymentMill::PaymentMill(const MillOptions& options, std::span<const Terminal> terminals)
    : options_(options), terminals_(terminals) {
  seed_ = seed_number(options.seed);
  const uint64_t step = std::lcm(kStreams, static_cast<uint64_t>(terminals.size()));
  distance_ = (kLeastDistance + step - 1) / step * step;
}

PaymentMill::~PaymentMill() = default;
PaymentMill::PaymentMill(PaymentMill&&) noexcept = default;

absl::StatusOr<PaymentMill> PaymentMill::create(const MillOptions& options,
                                                std::span<const Terminal> terminals,
                                                std::span<const Denomination> denominations,
                                                std::span<const SpenderSecrets> spenders) {
  if (terminals.empty() || denominations.empty() || spenders.empty() || options.batch_size == 0) {
    return protocol::invalid("BAD_OPTION",
                             "Payments need a terminal, a load-test denomination and a spender.");
  }
  CAFE_ASSIGN_OR_RETURN(const auto sorted, MoneyDenominations::sort(denominations, options.mix));
  PaymentMill mill(options, terminals);
  if (options.mix.has(Money::kCall)) {
    protocol::SeededRng rng("ticks of " + options.seed);
    CAFE_ASSIGN_OR_RETURN(CallTicks ticks, CallTicks::make(sorted.ticks(), rng));
    mill.ticks_ = std::make_unique<const CallTicks>(std::move(ticks));
  }
  for (uint64_t i = 0; i < kStreams; ++i) {
    CAFE_ASSIGN_OR_RETURN(auto money, MoneySource::create(sorted, options.mix, spenders,
                                                          mill.ticks_.get(), i, options.seed));
    mill.streams_.push_back(std::make_unique<Stream>(std::move(money)));
  }
  return mill;
}

Money PaymentMill::money_of(uint64_t payment) const {
  return options_.mix.draw(mix(seed_ ^ kMoneySalt ^ mix(payment)));
}

PaymentMill::Plan PaymentMill::plan(uint64_t batch, uint32_t position) const {
  const auto draw = [&](uint64_t b) {
    const double u = unit(mix(seed_ ^ mix(b * options_.batch_size + position)));
    if (u < options_.repeats) return Role::kRepeated;
    if (u < options_.repeats + options_.double_spends) return Role::kDoubleSpent;
    if (u < options_.repeats + options_.double_spends + options_.invalid) return Role::kInvalid;
    return Role::kFresh;
  };
  const auto is_pair = [](Role role) {
    return role == Role::kRepeated || role == Role::kDoubleSpent;
  };
  const Role own = draw(batch);
  if (own == Role::kInvalid) {
    const uint64_t payment = batch * options_.batch_size + position;
    const std::span<const Fault> faults = faults_of(money_of(payment));
    return {.role = own, .fault = faults[mix(~seed_ ^ mix(payment)) % faults.size()]};
  }
  if (is_pair(own)) {
    // Nothing to come back to: a fresh one, to which nobody comes back either.
    if (batch < distance_ || draw(batch - distance_) != Role::kFresh) return {};
    return {.role = own, .second = true};
  }
  const Role later = draw(batch + distance_);
  return is_pair(later) ? Plan{.role = later, .first = true} : Plan{};
}

absl::StatusOr<Batch> PaymentMill::make_batch(uint64_t number, uint64_t now_ms) {
  Stream& stream = *streams_[number % kStreams];
  const Terminal& terminal = terminals_[number % terminals_.size()];
  Batch batch{.number = number,
              .terminal = static_cast<uint32_t>(number % terminals_.size()),
              .payments = std::vector<PlannedPayment>(options_.batch_size)};
  struct Draft {
    uint32_t position;
    Plan plan;
    SlotToSpend from;
  };
  std::vector<Draft> drafts;
  std::vector<Bytes> terms;
  drafts.reserve(options_.batch_size);
  terms.reserve(options_.batch_size);
  for (uint32_t i = 0; i < options_.batch_size; ++i) {
    const Plan planned = plan(number, i);
    const uint64_t payment = number * options_.batch_size + i;
    const uint64_t pair = planned.second ? payment - distance_ * options_.batch_size : payment;
    const Money money = money_of(pair);
    batch.payments[i] = {{}, planned.role, planned.fault, money, pair};
    Draft draft{i, planned, {}};
    if (planned.second) {
      auto kept = stream.kept.extract(pair);
      if (planned.role == Role::kRepeated) {
        batch.payments[i].encoded = std::move(kept.mapped().encoded);
        continue;
      }
      draft.from = std::move(kept.mapped().spent);
    } else {
      CAFE_ASSIGN_OR_RETURN(draft.from, stream.next(money));
    }
    Bytes16 nonce;
    std::ranges::copy(protocol::encode_u64(seed_ ^ now_ms), nonce.begin());
    std::ranges::copy(protocol::encode_u64(payment), nonce.begin() + 8);
    protocol::Terms wanted = terms_for(terminal, draft.from, now_ms, nonce);
    spoil(wanted, draft.from, planned.fault);
    terms.push_back(wanted.encode());
    drafts.push_back(std::move(draft));
  }
  CAFE_ASSIGN_OR_RETURN(const auto signatures, sign_each(terminal.key, terms));
  for (size_t i = 0; i < drafts.size(); ++i) {
    Draft& draft = drafts[i];
    protocol::Payment payment = pay(draft.from, SignedDocument{std::move(terms[i]), signatures[i]});
    spoil(payment, draft.from, draft.plan.fault);
    PlannedPayment& out = batch.payments[draft.position];
    out.encoded = payment.encode();
    if (draft.plan.fault == Fault::kTruncated) out.encoded.pop_back();
    if (draft.plan.first) {
      stream.kept.try_emplace(out.pair, Stream::Kept{std::move(draft.from), out.encoded});
    }
  }
  return batch;
}

absl::Status PaymentMill::make(uint64_t count, uint64_t now_ms, uint32_t threads,
                               const std::function<absl::Status(Batch)>& take) {
  const uint64_t end = made_ + count;
  const uint64_t rounds = std::max<uint64_t>(1, kPaymentsAtOnce / options_.batch_size);
  while (made_ < end) {
    const uint64_t until = std::min(end, made_ + rounds * kStreams);
    std::vector<absl::StatusOr<Batch>> batches(until - made_, absl::UnknownError("not made"));
    const auto work = [&](uint32_t thread) {
      for (uint64_t stream = thread; stream < kStreams; stream += threads) {
        uint64_t b = made_ + (stream + kStreams - made_ % kStreams) % kStreams;
        for (; b < until; b += kStreams) batches[b - made_] = make_batch(b, now_ms);
      }
    };
    {
      std::vector<std::jthread> others;
      for (uint32_t t = 1; t < threads; ++t) others.emplace_back(work, t);
      work(0);
    }
    for (absl::StatusOr<Batch>& batch : batches) {
      CAFE_RETURN_IF_ERROR(batch.status());
      CAFE_RETURN_IF_ERROR(take(*std::move(batch)));
    }
    made_ = until;
  }
  return absl::OkStatus();
}

absl::StatusOr<SlotToSpend> PaymentMill::next_slot() {
  const uint64_t number = made_++;
  return streams_[number % kStreams]->next(money_of(number));
}

}  // namespace cafe::loadtest
