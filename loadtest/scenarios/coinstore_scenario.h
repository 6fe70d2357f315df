// `coinstore`: rows straight at the double-spend service, and look-ups of coin ids. The rows belong
// to no payment: they stand in a batch that no deposit has (protocol::kLoadtestBatch), by which the
// audit tells them. Repeats are planted among them; double spends are not, since no case of theirs
// could be proved.
#pragma once

#include <cafe/v1/doublespend.pb.h>

#include "loadtest/scenarios/issuer.h"
#include "loadtest/scenarios/planted_rows.h"

namespace cafe::loadtest {

struct CoinstoreOptions {
  IssuerOptions issuer;
  uint32_t record_rows = 1000;  // in a Record
  uint32_t lookup_coins = 100;  // in a Lookup
  double lookup_share = 0;      // of requests
  double repeats = 0;           // of rows
};
void add_coinstore_options(CLI::App& command, CoinstoreOptions& options);

class CoinstoreScenario final : public Scenario {
 public:
  explicit CoinstoreScenario(CoinstoreOptions options) : options_(std::move(options)) {}

  std::string_view item_name() const override {
    return options_.lookup_share >= 1 ? "coin ids" : "rows";
  }
  // With look-ups among the Records: the mean.
  uint32_t items_per_request() const override;
  absl::Status prepare(const Progress& progress) override;
  void start(uint64_t sequence, Done done) override;
  Facts facts() const override;
  absl::Status finish(const Progress& progress) override;

 private:
  protocol::CoinId coin_of(uint64_t sequence, uint32_t row) const;
  // Number `number` of what `cafectl loadtest preload` made.
  protocol::CoinId preloaded_coin(uint64_t number) const;
  void record(uint64_t sequence, Done done);
  void look_up(uint64_t sequence, Done done);
  Outcome judge_record(uint64_t sequence, grpc::ByteBuffer& answer);
  bool judge_rows(uint64_t sequence, const v1::RecordResponse& response);
  Outcome judge_lookup(const std::vector<protocol::CoinId>& asked, uint64_t spent,
                       grpc::ByteBuffer& answer);

  CoinstoreOptions options_;
  Issuer issuer_;
  std::optional<protocol::Denomination> denomination_;
  uint64_t seed_ = 0;
  std::optional<PlantedRows> planted_;
  std::atomic<uint64_t> recorded_ = 0;  // rows
  SignedAnswers answers_{protocol::kPurposeCoinstore};
  std::mutex mutex_;
  std::vector<uint64_t> recorded_requests_;  // by sequence; under mutex_

  // Goes first: its end waits for the calls under way, which refer to everything above.
  std::unique_ptr<Connections> doublespend_;
};

}  // namespace cafe::loadtest
