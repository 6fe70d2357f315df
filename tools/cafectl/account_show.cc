// cafectl account show: where an account stands, and on whose word.
#include "tools/cafectl/account_commands.h"

namespace cafe::cafectl {

namespace {

using protocol::AccountId;
using storage::Row;
using storage::Rows;
using storage::Transaction;

Json text_or_null(const Row& row, int column) {
  const auto text = row.get<std::optional<std::string>>(column);
  return text.has_value() ? Json(*text) : Json();
}

Json time_or_null(const Row& row, int column) {
  const auto seconds = row.get<std::optional<uint64_t>>(column);
  return seconds.has_value() ? Json(format_time(*seconds)) : Json();
}

absl::StatusOr<Json> state_of(Transaction& tx, const AccountId& account) {
  CAFE_ASSIGN_OR_RETURN(
      const Rows rows,
      tx.query("SELECT CASE WHEN a.closed_case IS NOT NULL THEN 'convicted' "
               "WHEN l.account_id IS NOT NULL THEN 'lost' "
               "WHEN a.closed_at IS NOT NULL THEN 'closed' ELSE 'open' END, "
               "extract(epoch FROM a.registered_at)::bigint, encode(a.serial, 'hex'), "
               "a.last_order, a.last_load, a.closed_case, "
               "extract(epoch FROM l.recorded_at)::bigint, "
               "CASE WHEN l.report IS NULL THEN la.identified_by ELSE 'its key' END, "
               "encode(r.successor, 'hex'), extract(epoch FROM r.recorded_at)::bigint, "
               "CASE WHEN r.request IS NULL THEN ra.identified_by ELSE 'its key' END "
               "FROM withdrawal.account a "
               "LEFT JOIN withdrawal.loss l ON l.account_id = a.account_id "
               "LEFT JOIN withdrawal.replacement r ON r.lost = a.account_id "
               "LEFT JOIN withdrawal.operator_act la "
               "ON la.account_id = a.account_id AND la.kind = 'loss' "
               "LEFT JOIN withdrawal.operator_act ra "
               "ON ra.account_id = a.account_id AND ra.kind = 'replacement' "
               "WHERE a.account_id = $1",
               account.bytes));
  if (rows.empty()) {
    return protocol::make_error(absl::StatusCode::kNotFound, "UNKNOWN_ACCOUNT",
                                "No wallet is registered under the account " + account.hex() + ".");
  }
  const Row row = rows.front();
  const bool lost = !row.is_null(6), replaced = !row.is_null(8);
  const auto case_number = row.get<std::optional<uint64_t>>(5);
  return Json{{"account", account.hex()},
              {"standing", row.get<std::string>(0)},
              {"registered", format_time(row.get<uint64_t>(1))},
              {"guardian", row.get<std::string>(2)},
              {"last order", row.get<uint64_t>(3)},
              {"last load", row.get<uint64_t>(4)},
              {"convicted by case", case_number.has_value() ? Json(*case_number) : Json()},
              {"lost", time_or_null(row, 6)},
              {"reported by", lost ? text_or_null(row, 7) : Json()},
              {"successor", text_or_null(row, 8)},
              {"replaced", time_or_null(row, 9)},
              {"replaced by", replaced ? text_or_null(row, 10) : Json()}};
}

/// Currency by currency, or the accounts whose place this one takes.
absl::StatusOr<Json> list_of(const absl::StatusOr<Rows>& rows, bool amounts) {
  CAFE_RETURN_IF_ERROR(rows.status());
  Json list = Json::array();
  for (const Row row : *rows) {
    list.push_back(amounts ? format_amount(row.get<int64_t>(1), row.get<std::string>(0))
                           : row.get<std::string>(0));
  }
  return list;
}

absl::StatusOr<Json> show(const Context& context, const std::string& hex) {
  CAFE_ASSIGN_OR_RETURN(const auto account, parse_id<AccountId>("ACCOUNT", hex));
  CAFE_ASSIGN_OR_RETURN(const auto db, context.database());
  return db->transaction(
      {.isolation = storage::Isolation::kRepeatableRead, .read_only = true},
      [&](Transaction& tx) -> absl::StatusOr<Json> {
        CAFE_ASSIGN_OR_RETURN(Json state, state_of(tx, account));
        CAFE_ASSIGN_OR_RETURN(
            state["holds"],
            list_of(tx.query("SELECT a.currency, sum(b.amount)::bigint FROM ledger.account a "
                             "JOIN ledger.balance b ON b.account_id = a.id "
                             "WHERE a.kind = 'customer' AND a.owner = $1 "
                             "GROUP BY a.currency ORDER BY a.currency",
                             account.bytes),
                    /*amounts=*/true));
        CAFE_ASSIGN_OR_RETURN(
            state["takes the place of"],
            list_of(tx.query("SELECT encode(lost, 'hex') FROM withdrawal.replacement "
                             "WHERE successor = $1 ORDER BY recorded_at, lost",
                             account.bytes),
                    /*amounts=*/false));
        return state;
      });
}

}  // namespace

void register_account_show(CLI::App& account, Context& context) {
  auto id = std::make_shared<std::string>();
  CLI::App* command =
      add_command(account, context, "show",
                  "Show where an account stands: its loss, its successor, its balance",
                  [&context, id] { return show(context, *id); });
  command->add_option("ACCOUNT", *id, "Account id, 64 hexadecimal digits")->required();
}

}  // namespace cafe::cafectl
