// A whole issuer of a test's own: PostgreSQL, Redis, the issuer's files as cafectl makes them, and
// the services as processes that can be killed and started again at the same address. The wiring is
// that of tools/run/stack.sh.
//
//   CAFE_ASSIGN_OR_RETURN(auto cluster, Cluster::start({.shops = 3}));
//   CAFE_ASSIGN_OR_RETURN(auto run, cluster->simulate({"--wallets", "12", "--payments", "60"}));
//   cluster->kill("deposit");
//   CAFE_RETURN_IF_ERROR(cluster->start_service("deposit"));
//   CAFE_ASSIGN_OR_RETURN(const Json report, run->report());
//
// All of it lives in temporary folders and ends with the Cluster, however the test ends.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libs/storage/postgres.h"
#include "tests/support/private_postgres.h"
#include "tests/support/private_redis.h"
#include "tests/support/process.h"

namespace cafe::testing {

using Json = nlohmann::json;

/// In the order in which they are started.
inline constexpr const char* kServices[] = {"withdrawal", "doublespend", "deposit", "recovery"};

struct ClusterOptions {
  uint32_t shops = 3;
  /// What a double spend may cost each shop's cover, minor units.
  uint64_t cover = 20'000;
  /// Also has a denomination for load tests: one slot of 1.00 XTS.
  bool loadtest = false;
  /// Added to a service's command line.
  std::map<std::string, std::vector<std::string>> arguments{};
  /// Added to postgresql.conf.
  std::map<std::string, std::string> postgres_settings{};
};

/// A run of the simulator.
class SimulatorRun {
 public:
  SimulatorRun(std::unique_ptr<Subprocess> process, std::filesystem::path report)
      : process_(std::move(process)), report_(std::move(report)) {}
  Subprocess& process() { return *process_; }
  /// Waits for its end, and returns its report, whether that says pass or fail. INTERNAL with the
  /// end of its output where it wrote none.
  absl::StatusOr<Json> report(std::chrono::milliseconds deadline = std::chrono::minutes(4));

 private:
  std::unique_ptr<Subprocess> process_;
  std::filesystem::path report_;
};

class Cluster {
 public:
  static absl::StatusOr<std::unique_ptr<Cluster>> start(ClusterOptions options = {});
  /// Kills everything.
  ~Cluster();

  /// Starts a service that is not running, at the address it always has, and waits until it is
  /// ready. `failpoints` as --failpoints takes them.
  absl::Status start_service(const std::string& name, const std::string& failpoints = "");
  absl::Status start_services();
  /// SIGKILL, and waits.
  void kill(const std::string& name);
  void kill_services();
  /// SIGTERM: INTERNAL unless it drains and exits with 0.
  absl::Status stop_services();
  bool running(const std::string& name);
  Subprocess& process(const std::string& name) { return *processes_.at(name); }
  /// "127.0.0.1:port".
  std::string address(const std::string& name) const;
  /// What a service has logged, over all its starts.
  std::string log(const std::string& name) const;
  /// What its /metrics answers.
  absl::StatusOr<std::string> metrics(const std::string& name) const;

  /// Runs cafectl with the operator's database; returns what it prints. INTERNAL with the end of
  /// its output where it fails.
  absl::StatusOr<std::string> cafectl(std::vector<std::string> arguments) const;
  /// The same with --json, parsed.
  absl::StatusOr<Json> cafectl_json(std::vector<std::string> arguments) const;

  /// Starts the simulator with these options beside those that say where everything is.
  absl::StatusOr<std::unique_ptr<SimulatorRun>> simulate(std::vector<std::string> options);

  /// As superuser. A connection of its own each time, since the server may be killed in between.
  absl::StatusOr<int64_t> number(const std::string& sql) const;
  absl::StatusOr<std::vector<std::string>> texts(const std::string& sql) const;
  /// Of every table of every schema that is not PostgreSQL's own: how many rows it has and a digest
  /// of their content, which does not depend on their order. Equal where no row changed.
  absl::StatusOr<std::map<std::string, std::string>> fingerprint() const;

  PrivatePostgres& postgres() { return *postgres_; }
  PrivateRedis& redis() { return *redis_; }
  /// issuer/ tls/ shops/ log/ manufacturer.key
  const std::filesystem::path& folder() const { return folder_.path(); }
  std::filesystem::path file(const std::string& name) const { return folder_.path() / name; }
  std::string trust() const { return file("issuer/trust.json"); }
  std::string terminal_file(uint32_t shop) const {
    return file("shops/" + std::to_string(shop) + ".json");
  }

 private:
  explicit Cluster(ClusterOptions options) : options_(std::move(options)) {}
  absl::Status make_issuer();
  absl::Status enrol_shops();
  std::vector<std::string> command_line(const std::string& name,
                                        const std::string& failpoints) const;
  absl::StatusOr<std::string> run(std::vector<std::string> command) const;
  absl::StatusOr<std::unique_ptr<storage::Database>> superuser() const;

  const ClusterOptions options_;
  const TemporaryFolder folder_{"cafe-cluster"};
  std::unique_ptr<PrivatePostgres> postgres_;
  std::unique_ptr<PrivateRedis> redis_;
  struct Ports {
    int grpc;
    int metrics;
  };
  std::map<std::string, Ports> ports_;
  std::map<std::string, std::unique_ptr<Subprocess>> processes_;
  int runs_ = 0;
};

/// The issuer of every cluster.
inline constexpr const char* kClusterIssuer = "issuer-a.example";

/// A program of this build.
std::string program(const std::string& name);

}  // namespace cafe::testing
