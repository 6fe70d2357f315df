// cafectl denominations: publish signed lists to the services.
#include <algorithm>

#include "libs/protocol/loadtest_key.h"
#include "tools/cafectl/command.h"
#include "tools/cafectl/issuer_files.h"

namespace cafe::cafectl {

namespace {

struct PublishOptions {
  std::string dir;
  bool loadtest = false;
};

// The lists of the folder in the order of their numbers, each checked under the master key, and
// each as successor of the one before.
absl::StatusOr<std::vector<IssuerFolder::NewestList>> load_lists(const IssuerFolder& folder) {
  CAFE_ASSIGN_OR_RETURN(const auto anchors, folder.trust());
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder.file("lists"))) {
    if (entry.path().extension() == ".list") paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<IssuerFolder::NewestList> lists;
  for (const auto& path : paths) {
    CAFE_ASSIGN_OR_RETURN(const auto bytes, read_hex_file(path));
    CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(bytes));
    CAFE_ASSIGN_OR_RETURN(const auto draft, protocol::DenominationList::decode(document.frame));
    CAFE_ASSIGN_OR_RETURN(const auto master_key, anchors.master_key(draft.issuer_id));
    CAFE_ASSIGN_OR_RETURN(const auto list, protocol::open_list(document, master_key));
    if (!lists.empty()) CAFE_RETURN_IF_ERROR(protocol::check_successor(lists.back().list, list));
    lists.push_back({document, list});
  }
  return lists;
}

absl::StatusOr<Json> publish(const Context& context, const PublishOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto lists, load_lists(IssuerFolder(options.dir)));
  // A published list cannot be taken back, and services in production refuse one of these.
  if (!options.loadtest) {
    for (const auto& [document, list] : lists) {
      CAFE_RETURN_IF_ERROR(protocol::refuse_loadtest(list));
    }
  }
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  Json rows = Json::array();
  for (const auto& [document, list] : lists) {
    protocol::Bytes denominations;
    for (const protocol::Denomination& denomination : list.denominations) {
      protocol::append(denominations, denomination.id());
      protocol::append(denominations, denomination.H.bytes());
    }
    CAFE_RETURN_IF_ERROR(db->transaction({}, [&](storage::Transaction& tx) -> absl::Status {
      return tx
          .query("SELECT withdrawal.publish_list($1, $2, $3, $4)", list.number, document.digest(),
                 document.encode(), denominations)
          .status();
    }));
    rows.push_back({{"list", list.number},
                    {"digest", protocol::to_hex(document.digest())},
                    {"denominations", list.denominations.size()}});
  }
  return rows;
}

absl::StatusOr<Json> show(const Context& context) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  return db->transaction({.read_only = true}, [](storage::Transaction& tx) -> absl::StatusOr<Json> {
    CAFE_ASSIGN_OR_RETURN(
        const auto newest,
        tx.query("SELECT document FROM withdrawal.denomination_list ORDER BY number DESC LIMIT 1"));
    Json rows = Json::array();
    if (newest.empty()) return rows;
    CAFE_ASSIGN_OR_RETURN(const auto document,
                          protocol::SignedDocument::decode(newest.front().get<protocol::Bytes>(0)));
    CAFE_ASSIGN_OR_RETURN(const auto list, protocol::DenominationList::decode(document.frame));
    for (const protocol::Denomination& d : list.denominations) {
      CAFE_ASSIGN_OR_RETURN(
          const auto sums,
          tx.query("SELECT coalesce((SELECT sum(value) FROM withdrawal.issued WHERE denom_id = "
                   "$1), 0)::bigint, "
                   "coalesce((SELECT sum(b.amount) FROM ledger.account a JOIN ledger.balance b ON "
                   "b.account_id = a.id "
                   "WHERE a.kind = 'coins' AND a.owner = $1), 0)::bigint, "
                   "EXISTS (SELECT FROM withdrawal.denomination_stop WHERE denom_id = $1), "
                   "coalesce((SELECT sum(count) FROM withdrawal.issued WHERE denom_id = $1), "
                   "0)::bigint",
                   d.id().bytes));
      // Blank cheques have no value yet: what they take comes from the loads of all guardians.
      const bool is_coin = d.kind == protocol::Kind::kCoin;
      const auto money = [&](int column) {
        return format_amount(sums.front().get<int64_t>(column), d.currency);
      };
      rows.push_back(
          {{"denomination", d.id().hex()},
           {"currency", d.currency},
           {"kind", is_coin ? "coin" : "cheque"},
           {"slots", d.slot_values},
           {"withdraw until", format_time(d.withdraw_until)},
           {"issued", is_coin ? money(0) : std::to_string(sums.front().get<int64_t>(3)) + " blank"},
           {"outstanding", is_coin ? money(1) : "-"},
           {"stopped", sums.front().get<bool>(2) || list.is_compromised(d.id())},
           {"load test", protocol::is_loadtest(d)}});
    }
    return rows;
  });
}

}  // namespace

void register_denominations(CLI::App& app, Context& context) {
  auto options = std::make_shared<PublishOptions>();
  CLI::App* denominations = add_group(app, "denominations", "The published lists of denominations");
  CLI::App* command = add_command(*denominations, context, "publish",
                                  "Publish the signed lists of an issuer's folder",
                                  [&context, options] { return publish(context, *options); });
  command->add_option("--dir", options->dir, "The issuer's folder; only its public files are read")
      ->required();
  command->add_flag("--loadtest", options->loadtest,
                    "Also lists with denominations for load tests, whose coins anyone can make");
  add_command(*denominations, context, "list",
              "Show the newest published list with what is issued and outstanding",
              [&context] { return show(context); });
}

}  // namespace cafe::cafectl
