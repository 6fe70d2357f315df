// The calls about lost wallets, for the integration tests of this folder.
#pragma once

#include "libs/protocol/loss.h"
#include "services/withdrawal/wallet_fixture.h"

namespace cafe::withdrawal {

inline constexpr const char* kIdentifiedBy = "passport, seen by clerk 7";

// What a wallet signs with its account key.
protocol::SignedDocument loss_report(const TestIssuer& issuer, const Wallet& wallet,
                                     uint64_t time_ms = testing::kWorldNow_s * 1000);
// What both wallets sign with theirs.
struct Agreed {
  protocol::SignedDocument document;  // by the lost one
  protocol::Bytes consent;            // by its successor
};
Agreed agree(const protocol::Replacement& replacement, const Wallet& lost, const Wallet& successor);
Agreed replacement(const TestIssuer& issuer, const Wallet& lost, const Wallet& successor,
                   uint64_t time_ms = testing::kWorldNow_s * 1000);

// Both return the statement; its key's certificate is checked to be there.
absl::StatusOr<std::string> call_report(Stub& stub, const protocol::SignedDocument& report);
absl::StatusOr<std::string> call_replace(Stub& stub, const Agreed& replacement);
// The same by the operator's act.
absl::StatusOr<std::string> call_report(Stub& stub, const protocol::AccountId& account,
                                        const std::string& identified_by = kIdentifiedBy);
absl::StatusOr<std::string> call_replace(Stub& stub, const protocol::AccountId& lost,
                                         const protocol::AccountId& successor,
                                         const std::string& identified_by = kIdentifiedBy);

// The statement, whose signature is checked.
protocol::LossRecorded open_recorded(const TestIssuer& issuer, const std::string& statement);
protocol::Replaced open_replaced(const TestIssuer& issuer, const std::string& statement);

absl::StatusOr<v1::GetAccountResponse> call_account(Stub& stub, const protocol::AccountId& account);
absl::StatusOr<v1::ListAccountOrdersResponse> call_orders(Stub& stub,
                                                          const protocol::AccountId& account,
                                                          uint64_t after, uint32_t limit);
absl::StatusOr<v1::ListAccountLoadsResponse> call_loads(Stub& stub,
                                                        const protocol::AccountId& account,
                                                        uint64_t after, uint32_t limit);

// As a superuser.
void run_sql(TestIssuer& issuer, const std::string& sql);
// '\x...' of an account id.
std::string sql_id(const protocol::AccountId& account);

}  // namespace cafe::withdrawal
