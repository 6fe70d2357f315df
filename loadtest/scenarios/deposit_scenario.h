// `deposit`: batches of payments, as terminals hand them in. Requests are made before they are due,
// or replayed from a file.
#pragma once

#include "loadtest/scenarios/issuer.h"
#include "loadtest/scenarios/planted.h"

namespace cafe::loadtest {

struct DepositOptions {
  IssuerOptions issuer;
  MillOptions mill;        // its seed is the issuer options'
  uint32_t spenders = 16;  // accounts; registered only for double spends
  std::string save;        // keep the requests in this file
  std::string replay;      // send those of this file
};

// --mix. `mix` must outlive parsing.
CLI::Option* add_mix_option(CLI::App& command, MoneyMix& mix);
// The shares and the batch size, with their names as options.
void add_mill_options(CLI::App& command, MillOptions& options);
// Names for spenders' secrets: registered where they are to be found out.
absl::StatusOr<std::vector<SpenderSecrets>> make_spenders(const DepositOptions& options,
                                                          Connections& withdrawal,
                                                          const Progress& progress);

class DepositScenario final : public Scenario {
 public:
  explicit DepositScenario(DepositOptions options) : options_(std::move(options)) {}

  std::string_view item_name() const override { return "payments"; }
  std::string item_mix() const override { return options_.mill.mix.text(); }
  uint32_t items_per_request() const override { return options_.mill.batch_size; }
  absl::Status prepare(const Progress& progress) override;
  absl::Status prepare_run(uint64_t first_sequence, uint64_t requests,
                           const Progress& progress) override;
  void start(uint64_t sequence, Done done) override;
  Facts facts() const override;
  absl::Status finish(const Progress& progress) override;

 private:
  absl::Status make_requests(uint64_t count, const Progress& progress);
  absl::StatusOr<RecordedRequest> record(Batch batch) const;
  Outcome judge(const std::vector<PlannedRole>& roles, grpc::ByteBuffer& answer);

  DepositOptions options_;
  Issuer issuer_;
  std::vector<Terminal> terminals_;
  std::unique_ptr<PaymentMill> mill_;  // none where a file is replayed
  std::unique_ptr<RequestFile> file_;
  PlantedChecks checks_;
  SignedAnswers answers_{protocol::kPurposeDeposit};

  // Request number `sequence` is record base_ + (sequence - first_sequence_): what one run left is
  // the next one's.
  uint64_t base_ = 0;
  uint64_t first_sequence_ = 0;
  uint64_t used_ = 0;  // records that were sent

  // Goes first: its end waits for the calls under way, which refer to everything above.
  std::unique_ptr<Connections> deposit_;
};

}  // namespace cafe::loadtest
