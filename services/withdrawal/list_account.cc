#include "services/withdrawal/account_records.h"
#include "services/withdrawal/withdrawal_store.h"

namespace cafe::withdrawal {
namespace {

using storage::Row;
using storage::Rows;

// Of the documents in one answer, which must stay below gRPC's limit for a message (8 MiB). The
// largest order with its completion is a twentieth of it.
constexpr uint64_t kMostBytes = uint64_t{4} << 20;
constexpr uint32_t kMostRows = 100;

/// That the account exists, and the page makes sense.
absl::Status check_page(Issuer& issuer, const protocol::AccountId& account, uint32_t limit) {
  if (limit < 1 || limit > kMostRows) {
    return protocol::invalid("BAD_LIMIT", "limit is 1 to 100; go on after the last number.");
  }
  return issuer.accounts.keys_of(account).status();
}

}  // namespace

absl::StatusOr<std::vector<OrderOfAccount>> list_account_orders(Issuer& issuer,
                                                                const protocol::AccountId& account,
                                                                uint64_t after, uint32_t limit) {
  CAFE_RETURN_IF_ERROR(check_page(issuer, account, limit));
  return issuer.db.transaction(
      {.read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<std::vector<OrderOfAccount>> {
        CAFE_ASSIGN_OR_RETURN(
            const Rows rows,
            tx.query("SELECT t.n, t.signed_order, t.completion FROM ("
                     "SELECT c.n, c.signed_order, c.completion, sum(octet_length(c.signed_order) + "
                     "octet_length(c.completion)) OVER (ORDER BY c.n) AS bytes "
                     "FROM withdrawal.completed_order c WHERE c.account_id = $1 AND c.n > $2 "
                     "ORDER BY c.n LIMIT $3) t WHERE t.bytes <= $4 ORDER BY t.n",
                     account.bytes, after, limit, kMostBytes));
        std::vector<OrderOfAccount> orders;
        for (const Row row : rows) {
          orders.push_back({row.get<uint64_t>(0), row.bytes(1), row.bytes(2)});
        }
        return orders;
      });
}

absl::StatusOr<std::vector<protocol::Bytes>> list_account_loads(Issuer& issuer,
                                                                const protocol::AccountId& account,
                                                                uint64_t after, uint32_t limit) {
  CAFE_RETURN_IF_ERROR(check_page(issuer, account, limit));
  return issuer.db.transaction(
      {.read_only = true, .idempotent = true},
      [&](Transaction& tx) -> absl::StatusOr<std::vector<protocol::Bytes>> {
        CAFE_ASSIGN_OR_RETURN(
            const Rows rows,
            tx.query("SELECT l.loaded FROM withdrawal.load l WHERE l.account_id = $1 "
                     "AND l.sequence > $2 ORDER BY l.sequence LIMIT $3",
                     account.bytes, after, limit));
        std::vector<protocol::Bytes> loads;
        for (const Row row : rows) loads.push_back(row.bytes(0));
        return loads;
      });
}

}  // namespace cafe::withdrawal
