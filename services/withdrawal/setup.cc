#include "services/withdrawal/setup.h"

#include <algorithm>
#include <filesystem>

#include "libs/platform/background.h"
#include "libs/storage/redis.h"
#include "libs/storage/session_settings.h"
#include "services/withdrawal/account_records.h"
#include "services/withdrawal/moves.h"
#include "services/withdrawal/withdrawal_service.h"

namespace cafe::withdrawal {
namespace {

constexpr absl::Duration kListRefresh = absl::Seconds(2);

/// The certificate in one file, valid for whatever purpose it names.
absl::StatusOr<protocol::Bytes> read_certificate(const std::filesystem::path& path,
                                                 const protocol::TrustAnchors& anchors) {
  CAFE_ASSIGN_OR_RETURN(std::string hex, storage::read_file(path));
  while (!hex.empty() && (hex.back() == '\n' || hex.back() == '\r')) hex.pop_back();
  const auto checked = [&]() -> absl::StatusOr<protocol::Bytes> {
    CAFE_ASSIGN_OR_RETURN(protocol::Bytes bytes, protocol::from_hex(hex));
    CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(bytes));
    CAFE_ASSIGN_OR_RETURN(const auto named, protocol::KeyCertificate::decode(document.frame));
    CAFE_RETURN_IF_ERROR(
        protocol::open_key_certificate(document, anchors, named.purpose, std::nullopt).status());
    return bytes;
  }();
  if (checked.ok()) return checked;
  return protocol::make_error(checked.status().code(), protocol::reason_of(checked.status()),
                              path.string() + ": " + std::string(checked.status().message()));
}

absl::StatusOr<std::vector<protocol::Bytes>> read_certificates(
    const std::string& folder, const protocol::TrustAnchors& anchors) {
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".cert") paths.push_back(entry.path());
  }
  if (error) {
    return protocol::invalid("FILE_UNUSABLE", "--key-certificates: cannot read the folder " +
                                                  folder + ": " + error.message() + ".");
  }
  std::sort(paths.begin(), paths.end());
  std::vector<protocol::Bytes> certificates;
  for (const auto& path : paths) {
    CAFE_ASSIGN_OR_RETURN(certificates.emplace_back(), read_certificate(path, anchors));
  }
  return certificates;
}

}  // namespace

absl::StatusOr<IssuerKeys> load_keys(const WithdrawalOptions& options) {
  CAFE_ASSIGN_OR_RETURN(auto anchors, storage::load_trust(options.trust));
  CAFE_ASSIGN_OR_RETURN(auto denominations,
                        storage::load_denomination_secrets(options.denomination_keys));
  CAFE_ASSIGN_OR_RETURN(
      auto signing,
      storage::load_online_key(options.signing_key, protocol::kPurposeWithdrawal, anchors));
  std::vector<protocol::Bytes> certificates;
  if (!options.key_certificates.empty()) {
    CAFE_ASSIGN_OR_RETURN(certificates, read_certificates(options.key_certificates, anchors));
  }
  const protocol::Bytes own = signing.certificate.encode();
  if (std::find(certificates.begin(), certificates.end(), own) == certificates.end()) {
    certificates.push_back(own);
  }
  CAFE_ASSIGN_OR_RETURN(auto load, storage::open_load_key_file(options.load_key, anchors));
  return IssuerKeys{std::move(anchors), std::move(denominations), std::move(signing),
                    std::move(load), std::move(certificates)};
}

absl::Status set_up(platform::ServiceHost& host, const WithdrawalOptions& options) {
  const platform::ServiceOptions& common = host.options();
  CAFE_ASSIGN_OR_RETURN(IssuerKeys keys, load_keys(options));
  if (!common.issuer_id.empty() && common.issuer_id != keys.denominations.issuer_id) {
    return protocol::invalid("WRONG_ISSUER", "--issuer-id is " + common.issuer_id +
                                                 ", but the key files are of " +
                                                 keys.denominations.issuer_id + ".");
  }
  if (common.database_url.empty()) {
    return protocol::invalid("BAD_DATABASE_OPTIONS", "--database-url is required.");
  }
  for (const uint32_t threads : {options.open_threads, options.complete_threads}) {
    if (threads < 1 || threads > 256) {
      return protocol::invalid("BAD_OPTION",
                               "--open-threads and --complete-threads are from 1 to 256.");
    }
  }
  if (options.replacement_interval_ms < 1) {
    return protocol::invalid("BAD_OPTION", "--replacement-interval-ms is 1 or more.");
  }
  // One connection for each worker and each thread of groups, and one for each background worker.
  const uint32_t connections = common.workers + options.open_threads + options.complete_threads + 2;
  CAFE_ASSIGN_OR_RETURN(auto opened,
                        storage::Database::open({.url = common.database_url,
                                                 .pool_size = static_cast<int>(connections),
                                                 .application_name = "cafe-withdrawal",
                                                 .settings = storage::kByKey}));
  storage::Database& db = host.own(std::move(opened));
  storage::Cache* cache = nullptr;
  if (!common.redis_url.empty()) {
    CAFE_ASSIGN_OR_RETURN(const std::string address, storage::redis_address(common.redis_url));
    cache = &host.own(std::make_unique<storage::RedisCache>(storage::RedisOptions{
        .address = address, .password = {}, .pool_size = static_cast<int>(connections)}));
  }
  protocol::Rng& rng = host.own(std::make_unique<protocol::SystemRng>());
  CAFE_ASSIGN_OR_RETURN(
      auto created,
      Issuer::create(std::move(keys),
                     {.registrations_per_minute = options.registrations_per_minute,
                      .orders_per_minute = options.orders_per_minute,
                      .blank_cheque_cap = options.blank_cheque_cap},
                     db, cache, host.clock(), rng, host.metrics(), common.production));
  Issuer& issuer = host.own(std::move(created));
  CAFE_RETURN_IF_ERROR(issuer.lists.refresh(db));
  // Before anything is signed: what is signed rests on a certificate that is kept.
  CAFE_RETURN_IF_ERROR(register_key_certificates(issuer));
  // Any other list that is refused leaves a good one in use and an alarm. With this one published,
  // somebody confused two issuers: nothing of it is served.
  if (const absl::Status refusal = issuer.lists.newest_refusal();
      protocol::reason_of(refusal) == "LOADTEST_DENOMINATION") {
    return refusal;
  }
  host.own(std::make_unique<platform::BackgroundWorker>(
      "denomination-lists", kListRefresh, host.metrics(),
      [&issuer](const std::stop_token&) { return issuer.lists.refresh(issuer.db); }));
  host.own(std::make_unique<platform::BackgroundWorker>(
      "replaced-accounts", absl::Milliseconds(options.replacement_interval_ms), host.metrics(),
      [&issuer](const std::stop_token& stop) { return sweep_replaced(issuer, stop); }));
  host.serve(std::make_unique<WithdrawalService>(
      host.runtime(), issuer,
      GroupOptions{.open_threads = options.open_threads,
                   .complete_threads = options.complete_threads,
                   .limits = {.capacity = common.queue_capacity,
                              .bytes = size_t{common.queue_mebibytes} << 20,
                              .wait = absl::Milliseconds(common.queue_wait_ms)}},
      host.metrics()));
  return absl::OkStatus();
}

}  // namespace cafe::withdrawal
