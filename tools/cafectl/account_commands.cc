// cafectl account: fund customers, list balances.
#include <fstream>
#include <iostream>
#include <sstream>

#include "libs/protocol/denomination.h"
#include "libs/protocol/hash.h"
#include "libs/storage/ledger.h"
#include "tools/cafectl/account_commands.h"

namespace cafe::cafectl {

namespace {

struct AccountOptions {
  std::string account;
  std::string currency;
  uint64_t amount = 0;
  std::string reference;
  std::string batch;
  std::string kind = "customer";
};

struct Funding {
  protocol::AccountId account;
  std::string currency;
  uint64_t amount;
  std::string reference;
};

absl::StatusOr<Funding> parse_funding(const std::string& account, const std::string& currency,
                                      uint64_t amount, const std::string& reference) {
  CAFE_ASSIGN_OR_RETURN(const auto id, parse_id<protocol::AccountId>("--account", account));
  CAFE_RETURN_IF_ERROR(protocol::check_currency(currency));
  if (amount == 0 || amount > INT64_MAX)
    return protocol::invalid("BAD_AMOUNT",
                             "An amount is a positive number of minor units (cents).");
  if (reference.empty())
    return protocol::invalid("NO_REFERENCE",
                             "Funding needs a reference, by which a repetition is recognised.");
  return Funding{id, currency, amount, reference};
}

// Money is credited to accounts that exist, open or closed, and to no others.
absl::Status check_registered(storage::Transaction& tx, const protocol::AccountId& account) {
  CAFE_ASSIGN_OR_RETURN(
      const auto rows,
      tx.query("SELECT FROM withdrawal.account WHERE account_id = $1", account.bytes));
  if (!rows.empty()) return absl::OkStatus();
  return protocol::make_error(
      absl::StatusCode::kNotFound, "UNKNOWN_ACCOUNT",
      "No wallet is registered under the account " + account.hex() + "; nothing was funded.");
}

// cash -X, customer +X; the same reference for the same account again changes nothing.
absl::Status post_funding(storage::Transaction& tx, storage::Ledger& ledger,
                          const Funding& funding) {
  CAFE_RETURN_IF_ERROR(check_registered(tx, funding.account));
  const auto reference =
      protocol::digest(protocol::Frame("cafe/funding").add(funding.account).add(funding.reference));
  const auto amount = static_cast<int64_t>(funding.amount);
  return ledger
      .post(tx,
            {.kind = "funding",
             .reference = protocol::to_bytes(reference),
             .lines = {{{std::string(storage::account_kind::kCash), {}, funding.currency}, -amount},
                       {{std::string(storage::account_kind::kCustomer),
                         protocol::to_bytes(funding.account.bytes), funding.currency},
                        amount}}})
      .status();
}

// Lines "account currency amount reference".
absl::StatusOr<std::vector<Funding>> read_batch(std::istream& in) {
  std::vector<Funding> out;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty()) continue;
    std::istringstream fields(line);
    std::string account, currency, reference, rest;
    uint64_t amount = 0;
    if (!(fields >> account >> currency >> amount >> reference) || fields >> rest) {
      return protocol::invalid(
          "BAD_BATCH",
          "Line " + std::to_string(number) + ": expected \"account currency amount reference\".");
    }
    CAFE_ASSIGN_OR_RETURN(const Funding funding,
                          parse_funding(account, currency, amount, reference));
    out.push_back(funding);
  }
  return out;
}

absl::StatusOr<Json> fund(const Context& context, const AccountOptions& options) {
  std::vector<Funding> fundings;
  if (options.batch.empty()) {
    CAFE_ASSIGN_OR_RETURN(const Funding funding, parse_funding(options.account, options.currency,
                                                               options.amount, options.reference));
    fundings.push_back(funding);
  } else {
    std::ifstream file;
    if (options.batch != "-") file.open(options.batch);
    if (options.batch != "-" && !file)
      return protocol::invalid("NO_FILE", "Cannot read " + options.batch + ".");
    CAFE_ASSIGN_OR_RETURN(fundings, read_batch(options.batch == "-" ? std::cin : file));
  }
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  const auto ledger = storage::make_postgres_ledger();
  CAFE_RETURN_IF_ERROR(
      db->transaction({.idempotent = true}, [&](storage::Transaction& tx) -> absl::Status {
        for (const Funding& funding : fundings)
          CAFE_RETURN_IF_ERROR(post_funding(tx, *ledger, funding));
        return absl::OkStatus();
      }));
  Json rows = Json::array();
  for (const Funding& funding : fundings) {
    rows.push_back(
        {{"account", funding.account.hex()},
         {"funded", format_amount(static_cast<int64_t>(funding.amount), funding.currency)},
         {"reference", funding.reference}});
  }
  return rows;
}

absl::StatusOr<Json> list(const Context& context, const AccountOptions& options) {
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  return db->transaction(
      {.read_only = true}, [&](storage::Transaction& tx) -> absl::StatusOr<Json> {
        CAFE_ASSIGN_OR_RETURN(
            const auto rows,
            tx.query("SELECT encode(a.owner, 'hex'), a.kind, a.currency, coalesce(sum(b.amount), "
                     "0)::bigint "
                     "FROM ledger.account a LEFT JOIN ledger.balance b ON b.account_id = a.id "
                     "WHERE ($1 = '' OR a.kind = $1) AND ($2 = '' OR encode(a.owner, 'hex') = $2) "
                     "GROUP BY a.id ORDER BY a.kind, a.owner, a.currency",
                     options.kind, options.account));
        Json out = Json::array();
        for (const storage::Row row : rows) {
          out.push_back({{"owner", row.get<std::string>(0)},
                         {"kind", row.get<std::string>(1)},
                         {"balance", format_amount(row.get<int64_t>(3), row.get<std::string>(2))},
                         {"minor units", row.get<int64_t>(3)}});
        }
        return out;
      });
}

}  // namespace

void register_accounts(CLI::App& app, Context& context) {
  auto options = std::make_shared<AccountOptions>();
  CLI::App* account = add_group(app, "account", "Customers' accounts and all others of the ledger");
  CLI::App* command =
      add_command(*account, context, "fund", "Credit a customer with money that came in",
                  [&context, options] { return fund(context, *options); });
  command->add_option("--account", options->account, "Account id, 64 hexadecimal digits");
  command->add_option("--currency", options->currency, "ISO 4217, e.g. EUR");
  command->add_option("--amount", options->amount, "Minor units (cents)");
  command->add_option("--reference", options->reference,
                      "The bank's reference: the same one again changes nothing");
  command->add_option(
      "--batch", options->batch,
      "Instead: a file (- for standard input) of lines \"account currency amount reference\"");
  command = add_command(*account, context, "list", "Show accounts with their balances",
                        [&context, options] { return list(context, *options); });
  command
      ->add_option("--kind", options->kind,
                   "customer, payee, coins, cash, loss, ...; empty for all")
      ->capture_default_str();
  command->add_option("--account", options->account, "Only this owner");
  register_account_show(*account, context);
  register_lost_accounts(*account, context);
}

}  // namespace cafe::cafectl
