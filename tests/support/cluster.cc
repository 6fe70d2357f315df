#include "tests/support/cluster.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <random>
#include <set>
#include <sstream>

#include "libs/protocol/status.h"

namespace cafe::testing {
namespace {

namespace fs = std::filesystem;
using std::chrono::seconds;

// Small, but with a coin of several slots; the last kind is nobody's favourite, so that tests may
// stop it.
std::string issuer_config(bool loadtest) {
  return std::string(R"({
  "issuer_id": "issuer-a.example",
  "limits": [{"currency": "EUR", "offline": 50000, "identification": 250000},
             {"currency": "XTS", "offline": 1000000, "identification": 1000000}],
  "denominations": [
    {"currency": "EUR", "slots": [1]}, {"currency": "EUR", "slots": [2]}, {"currency": "EUR", "slots": [5]},
    {"currency": "EUR", "slots": [10]}, {"currency": "EUR", "slots": [20]},
    {"currency": "EUR", "slots": [50]}, {"currency": "EUR", "slots": [100]},
    {"currency": "EUR", "slots": [200]}, {"currency": "EUR", "slots": [500]},
    {"currency": "EUR", "slots": [400, 200, 100, 100]},
    {"currency": "EUR", "kind": "cheque", "slots": [10000]},
    {"currency": "EUR", "kind": "cheque", "slots": [50000]},)") +
         (loadtest ? R"(
    {"currency": "XTS", "slots": [100], "loadtest": true},
    {"currency": "XTS", "slots": [400, 200, 100], "loadtest": true},
    {"currency": "XTS", "kind": "cheque", "slots": [10000], "loadtest": true},)"
                   : "") +
         R"(
    {"currency": "CHF", "slots": [1000]}
  ]
})";
}

absl::Status failed(const std::string& what) {
  return protocol::make_error(absl::StatusCode::kInternal, "CLUSTER", what);
}

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

bool is_free(int port) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = fd >= 0 && bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  if (fd >= 0) close(fd);
  return free;
}

// A service comes back to its port after it was killed: so the port is taken from below the range
// that the kernel gives to outgoing connections.
int lasting_port() {
  static std::random_device random;
  static std::set<int> taken;
  for (;;) {
    const int port = std::uniform_int_distribution(12'000, 31'999)(random);
    if (is_free(port) && taken.insert(port).second) return port;
  }
}

absl::StatusOr<std::string> http_get(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string request =
      "GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
  std::string answer;
  bool ok = fd >= 0 && connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
            send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
                static_cast<ssize_t>(request.size());
  char buffer[4096];
  for (ssize_t n = 0; ok && (n = recv(fd, buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  if (fd >= 0) close(fd);
  ok = ok && answer.starts_with("HTTP/1.1 200");
  if (!ok) return failed("no answer to GET " + path + ": " + answer.substr(0, 200));
  return answer;
}

}  // namespace

std::string program(const std::string& name) {
  return std::string(CAFE_BINARY_DIR) + "/bin/" + name;
}

absl::StatusOr<Json> SimulatorRun::report(std::chrono::milliseconds deadline) {
  CAFE_ASSIGN_OR_RETURN(const int code, process_->wait(deadline));
  Json report = Json::parse(read_file(report_), nullptr, false);
  if (report.is_object()) return report;
  return failed("the simulator ended with " + std::to_string(code) + " and no report\n" +
                process_->output());
}

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::start(ClusterOptions options) {
  std::unique_ptr<Cluster> cluster(new Cluster(std::move(options)));
  CAFE_ASSIGN_OR_RETURN(cluster->postgres_,
                        PrivatePostgres::start({.settings = cluster->options_.postgres_settings}));
  CAFE_ASSIGN_OR_RETURN(cluster->redis_, PrivateRedis::start());
  for (const char* folder : {"shops", "log", "port"}) fs::create_directory(cluster->file(folder));
  CAFE_RETURN_IF_ERROR(cluster->make_issuer());
  CAFE_RETURN_IF_ERROR(cluster->enrol_shops());
  for (const char* name : kServices) cluster->ports_[name] = {lasting_port(), lasting_port()};
  CAFE_RETURN_IF_ERROR(cluster->start_services());
  return cluster;
}

Cluster::~Cluster() { kill_services(); }

absl::Status Cluster::make_issuer() {
  const fs::path config = file("issuer.json");
  std::ofstream(config) << issuer_config(options_.loadtest);
  const std::string issuer = file("issuer"), manufacturer = file("manufacturer.key");
  CAFE_RETURN_IF_ERROR(
      run({program("cafectl"), "issuer", "init", "--config", config, "--dir", issuer}).status());
  CAFE_RETURN_IF_ERROR(run({program("cafectl"), "tls", "init", "--dir", file("tls"), "--host",
                            "localhost", "--host", "127.0.0.1"})
                           .status());
  CAFE_ASSIGN_OR_RETURN(const Json made,
                        cafectl_json({"manufacturer", "init", "--key", manufacturer}));
  CAFE_RETURN_IF_ERROR(cafectl({"issuer", "trust", "--dir", issuer, "--manufacturer-key",
                                made.value("manufacturer key", "")})
                           .status());
  CAFE_RETURN_IF_ERROR(run({program("cafectl"), "--database-url", postgres_->url(), "migrate",
                            "--folder", std::string(CAFE_SOURCE_DIR) + "/migrations"})
                           .status());
  std::vector<std::string> publish = {"denominations", "publish", "--dir", issuer};
  if (options_.loadtest) publish.emplace_back("--loadtest");
  return cafectl(publish).status();
}

absl::Status Cluster::enrol_shops() {
  for (uint32_t shop = 0; shop < options_.shops; ++shop) {
    CAFE_ASSIGN_OR_RETURN(const Json payee,
                          cafectl_json({"payee", "enrol", "--name", "Shop " + std::to_string(shop),
                                        "--cover", std::to_string(options_.cover)}));
    CAFE_RETURN_IF_ERROR(cafectl({"terminal", "enrol", "--dir", file("issuer"), "--payee",
                                  payee.value("payee", ""), "--out", terminal_file(shop)})
                             .status());
  }
  return absl::OkStatus();
}

std::vector<std::string> Cluster::command_line(const std::string& name,
                                               const std::string& failpoints) const {
  const Ports& ports = ports_.at(name);
  // The double-spend service signs with the key whose purpose is the coin store.
  const std::string key = name == "doublespend" ? "coinstore" : name;
  std::vector<std::string> command = {program("cafe-" + name),
                                      "--listen=127.0.0.1:" + std::to_string(ports.grpc),
                                      "--metrics-listen=127.0.0.1:" + std::to_string(ports.metrics),
                                      "--port-file=" + file("port/" + name).string(),
                                      "--issuer-id=" + std::string(kClusterIssuer),
                                      "--database-url=" + postgres_->url("cafe_" + name),
                                      "--redis-url=" + redis_->address(),
                                      "--tls-cert=" + file("tls/" + name + ".pem").string(),
                                      "--tls-key=" + file("tls/" + name + ".key").string(),
                                      "--tls-ca=" + file("tls/ca.pem").string(),
                                      "--trust=" + trust(),
                                      "--signing-key=" + file("issuer/" + key + ".key").string()};
  const auto add = [&](const std::string& option) { command.push_back(option); };
  if (name == "withdrawal") {
    add("--denomination-keys=" + file("issuer/denominations.secret").string());
    add("--load-key=" + file("issuer/load.key").string());
    add("--key-certificates=" + file("issuer/certificates").string());
  } else {
    for (const std::string peer : {"withdrawal", "doublespend", "deposit"})
      if (peer != name) add("--" + peer + "=" + address(peer));
  }
  if (!failpoints.empty()) add("--failpoints=" + failpoints);
  if (const auto more = options_.arguments.find(name); more != options_.arguments.end())
    for (const std::string& argument : more->second) add(argument);
  return command;
}

absl::Status Cluster::start_service(const std::string& name, const std::string& failpoints) {
  if (running(name)) return absl::OkStatus();
  const fs::path port_file = file("port/" + name);
  fs::remove(port_file);
  CAFE_ASSIGN_OR_RETURN(auto process, Subprocess::start({.command = command_line(name, failpoints),
                                                         .output = file("log/" + name)}));
  CAFE_RETURN_IF_ERROR(process->read_when_written(port_file, seconds(60)).status());
  processes_[name] = std::move(process);
  return absl::OkStatus();
}

absl::Status Cluster::start_services() {
  for (const char* name : kServices) CAFE_RETURN_IF_ERROR(start_service(name));
  return absl::OkStatus();
}

void Cluster::kill(const std::string& name) {
  if (const auto found = processes_.find(name); found != processes_.end()) found->second->kill();
}

void Cluster::kill_services() {
  // All at once, so that none sees another one die and tidies up.
  for (const auto& [name, process] : processes_) process->signal(SIGKILL);
  for (const char* name : kServices) kill(name);
}

absl::Status Cluster::stop_services() {
  for (const auto& [name, process] : processes_) {
    CAFE_ASSIGN_OR_RETURN(const int code, process->terminate());
    if (code != 0) return failed(name + " ended with " + std::to_string(code));
  }
  return absl::OkStatus();
}

bool Cluster::running(const std::string& name) {
  const auto found = processes_.find(name);
  return found != processes_.end() && found->second->running();
}

std::string Cluster::address(const std::string& name) const {
  return "127.0.0.1:" + std::to_string(ports_.at(name).grpc);
}

std::string Cluster::log(const std::string& name) const { return read_file(file("log/" + name)); }

absl::StatusOr<std::string> Cluster::metrics(const std::string& name) const {
  return http_get(ports_.at(name).metrics, "/metrics");
}

absl::StatusOr<std::string> Cluster::run(std::vector<std::string> command) const {
  return run_command({.command = std::move(command)}, std::chrono::minutes(2));
}

absl::StatusOr<std::string> Cluster::cafectl(std::vector<std::string> arguments) const {
  std::vector<std::string> command = {program("cafectl"), "--database-url",
                                      postgres_->url("cafe_operator")};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return run(std::move(command));
}

absl::StatusOr<Json> Cluster::cafectl_json(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), "--json");
  CAFE_ASSIGN_OR_RETURN(const std::string output, cafectl(arguments));
  Json json = Json::parse(output, nullptr, false);
  if (json.is_discarded()) return failed(arguments[1] + " printed no JSON: " + output);
  return json;
}

absl::StatusOr<std::unique_ptr<SimulatorRun>> Cluster::simulate(std::vector<std::string> options) {
  const std::string number = std::to_string(++runs_);
  const fs::path report = file("report-" + number + ".json");
  const std::string database =
      "'" + program("cafectl") + "' --database-url '" + postgres_->url("cafe_operator") + "' ";
  std::vector<std::string> command = {
      program("cafe-simulator"),
      "--withdrawal=" + address("withdrawal"),
      "--deposit=" + address("deposit"),
      "--doublespend=" + address("doublespend"),
      "--tls-ca=" + file("tls/ca.pem").string(),
      "--operator-cert=" + file("tls/operator.pem").string(),
      "--operator-key=" + file("tls/operator.key").string(),
      "--issuer-id=" + std::string(kClusterIssuer),
      "--trust=" + trust(),
      "--manufacturer-key=" + file("manufacturer.key").string(),
      "--report=" + report.string(),
      "--fund-command=" + database + "account fund --batch -",
      "--audit-command=" + database + "--json audit --trust '" + trust() + "'"};
  for (uint32_t shop = 0; shop < options_.shops; ++shop)
    command.push_back("--terminal=" + terminal_file(shop));
  command.insert(command.end(), options.begin(), options.end());
  CAFE_ASSIGN_OR_RETURN(auto process,
                        Subprocess::start({.command = std::move(command),
                                           .output = file("log/simulator-" + number)}));
  return std::make_unique<SimulatorRun>(std::move(process), report);
}

absl::StatusOr<std::unique_ptr<storage::Database>> Cluster::superuser() const {
  return storage::Database::open({.url = postgres_->url(), .pool_size = 1});
}

absl::StatusOr<std::vector<std::string>> Cluster::texts(const std::string& sql) const {
  CAFE_ASSIGN_OR_RETURN(const auto database, superuser());
  return database->transaction(
      {.read_only = true},
      [&](storage::Transaction& tx) -> absl::StatusOr<std::vector<std::string>> {
        CAFE_ASSIGN_OR_RETURN(const storage::Rows rows, tx.query(sql));
        std::vector<std::string> out;
        for (const storage::Row row : rows) out.push_back(row.get<std::string>(0));
        return out;
      });
}

absl::StatusOr<int64_t> Cluster::number(const std::string& sql) const {
  CAFE_ASSIGN_OR_RETURN(const auto database, superuser());
  return database->transaction({.read_only = true},
                               [&](storage::Transaction& tx) -> absl::StatusOr<int64_t> {
                                 CAFE_ASSIGN_OR_RETURN(const storage::Rows rows, tx.query(sql));
                                 return rows.front().get<int64_t>(0);
                               });
}

absl::StatusOr<std::map<std::string, std::string>> Cluster::fingerprint() const {
  CAFE_ASSIGN_OR_RETURN(const std::vector<std::string> tables,
                        texts("SELECT c.oid::regclass::text FROM pg_class c "
                              "JOIN pg_namespace n ON n.oid = c.relnamespace "
                              "WHERE c.relkind = 'r' AND n.nspname NOT LIKE 'pg\\_%' "
                              "AND n.nspname <> 'information_schema' ORDER BY 1"));
  if (tables.size() < 10) return failed("the database has too few tables to compare");
  std::map<std::string, std::string> out;
  for (const std::string& table : tables) {
    CAFE_ASSIGN_OR_RETURN(
        const std::vector<std::string> content,
        texts("SELECT count(*) || ' rows ' || coalesce(md5(string_agg(md5(t::text), '' ORDER BY "
              "md5(t::text))), '') FROM " +
              table + " t"));
    out[table] = content.front();
  }
  return out;
}

}  // namespace cafe::testing
