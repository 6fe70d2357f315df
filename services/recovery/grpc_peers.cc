#include "services/recovery/grpc_peers.h"

#include "cafe/v1/deposit.grpc.pb.h"
#include "cafe/v1/doublespend.grpc.pb.h"
#include "cafe/v1/withdrawal.grpc.pb.h"
#include "libs/platform/client.h"

namespace cafe::recovery {
namespace {

using platform::call_unary;
using protocol::AccountId;
using protocol::Bytes;
using protocol::ByteView;
using protocol::OrderRecord;
using protocol::SignedDocument;
using protocol::to_bytes;
using protocol::to_string;
using protocol::view_of;

absl::Status bad_answer(std::string_view what) {
  std::string message = "A peer's answer does not fit the question: ";
  message += what;
  return protocol::make_error(absl::StatusCode::kInternal, "PEER_ANSWER", message);
}

platform::CallOptions call_options(absl::Duration timeout, absl::Time no_later_than) {
  return {.timeout = timeout, .no_later_than = no_later_than, .idempotent = true, .sleep = {}};
}

template <class Strings>
std::vector<Bytes> all_bytes(const Strings& strings) {
  std::vector<Bytes> out;
  out.reserve(strings.size());
  for (const std::string& each : strings) out.push_back(to_bytes(view_of(each)));
  return out;
}

class GrpcWithdrawal : public Withdrawal {
 public:
  GrpcWithdrawal(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout)
      : stub_(v1::Withdrawal::NewStub(channel)), timeout_(timeout) {}

  absl::StatusOr<SignedDocument> list(uint32_t number) override {
    v1::GetDenominationsRequest request;
    request.set_list_number(number);
    v1::GetDenominationsResponse response;
    CAFE_RETURN_IF_ERROR(call_unary(call_options(timeout_, absl::InfiniteFuture()),
                                    [&](grpc::ClientContext* context) {
                                      return stub_->GetDenominations(context, request, &response);
                                    }));
    return SignedDocument::decode(view_of(response.list()));
  }

  absl::StatusOr<AccountAnswer> account(const AccountId& account,
                                        absl::Time no_later_than) override {
    v1::GetAccountRequest request;
    request.set_account_id(to_string(account));
    v1::GetAccountResponse response;
    CAFE_RETURN_IF_ERROR(
        call_unary(call_options(timeout_, no_later_than), [&](grpc::ClientContext* context) {
          return stub_->GetAccount(context, request, &response);
        }));
    AccountAnswer answer{.registration_file = to_bytes(view_of(response.registration_file())),
                         .receipt = to_bytes(view_of(response.receipt())),
                         .standing = Standing::kOpen,
                         .loss_recorded = to_bytes(view_of(response.loss_recorded())),
                         .replacements = all_bytes(response.replacements()),
                         .successor_receipts = all_bytes(response.successor_receipts()),
                         .last_order = response.last_order(),
                         .last_load = response.last_load(),
                         .key_certificates = all_bytes(response.key_certificates())};
    switch (response.standing()) {
      case v1::GetAccountResponse::OPEN:
        return answer;
      case v1::GetAccountResponse::LOST:
        answer.standing = Standing::kLost;
        return answer;
      case v1::GetAccountResponse::CONVICTED:
        answer.standing = Standing::kConvicted;
        return answer;
      default:
        return bad_answer("an account without a standing");
    }
  }

  absl::StatusOr<std::vector<OrderRecord>> orders(const AccountId& account, uint64_t after,
                                                  uint32_t limit,
                                                  absl::Time no_later_than) override {
    v1::ListAccountOrdersRequest request;
    request.set_account_id(to_string(account));
    request.set_after(after);
    request.set_limit(limit);
    v1::ListAccountOrdersResponse response;
    CAFE_RETURN_IF_ERROR(
        call_unary(call_options(timeout_, no_later_than), [&](grpc::ClientContext* context) {
          return stub_->ListAccountOrders(context, request, &response);
        }));
    if (static_cast<size_t>(response.orders_size()) > limit) return bad_answer("too many orders");
    std::vector<OrderRecord> records;
    for (const auto& order : response.orders()) {
      if (order.number() != after + records.size() + 1) return bad_answer("a gap in the orders");
      CAFE_ASSIGN_OR_RETURN(SignedDocument signed_order,
                            SignedDocument::decode(view_of(order.order())));
      CAFE_ASSIGN_OR_RETURN(SignedDocument completion,
                            SignedDocument::decode(view_of(order.completion())));
      records.push_back({std::move(signed_order), std::move(completion)});
    }
    return records;
  }

  absl::StatusOr<std::vector<SignedDocument>> loads(const AccountId& account, uint64_t after,
                                                    uint32_t limit,
                                                    absl::Time no_later_than) override {
    v1::ListAccountLoadsRequest request;
    request.set_account_id(to_string(account));
    request.set_after(after);
    request.set_limit(limit);
    v1::ListAccountLoadsResponse response;
    CAFE_RETURN_IF_ERROR(
        call_unary(call_options(timeout_, no_later_than), [&](grpc::ClientContext* context) {
          return stub_->ListAccountLoads(context, request, &response);
        }));
    if (static_cast<size_t>(response.loads_size()) > limit) return bad_answer("too many loads");
    std::vector<SignedDocument> loads;
    for (const std::string& load : response.loads()) {
      CAFE_ASSIGN_OR_RETURN(loads.emplace_back(), SignedDocument::decode(view_of(load)));
    }
    return loads;
  }

 private:
  const std::unique_ptr<v1::Withdrawal::Stub> stub_;
  const absl::Duration timeout_;
};

// Where a spend stands in its batch: spend `position` mod 128 of payment `position` / 128.
LocatedSpend to_located(const v1::LocateResponse::Spend& spend) {
  const bool ticks = spend.ticks() > 0;
  const uint32_t position = ticks ? spend.ticks_position() : spend.position();
  constexpr auto kSpends = static_cast<uint32_t>(protocol::kMaxSpends);
  return {.coin = spend.coin(),
          .slot = spend.slot(),
          .batch = ticks ? spend.ticks_batch() : spend.batch(),
          .payment = position / kSpends,
          .spend = position % kSpends};
}

v1::LocateRequest locate_request(std::span<const protocol::CoinId> coins) {
  v1::LocateRequest request;
  for (const protocol::CoinId& coin : coins) request.add_coin_ids(to_string(coin));
  return request;
}

absl::StatusOr<std::vector<LocatedSpend>> read_located(const v1::LocateResponse& response,
                                                       size_t coins) {
  std::vector<LocatedSpend> spends;
  spends.reserve(static_cast<size_t>(response.spends_size()));
  for (const auto& spend : response.spends()) {
    const LocatedSpend located = to_located(spend);
    if (located.coin >= coins || located.slot >= protocol::kMaxSlots) {
      return bad_answer("a spend of a coin that was not asked for");
    }
    if (!spends.empty() && std::pair(spends.back().coin, spends.back().slot) >=
                               std::pair(located.coin, located.slot)) {
      return bad_answer("spends out of order");
    }
    spends.push_back(located);
  }
  return spends;
}

class GrpcCoinStore : public CoinStore {
 public:
  GrpcCoinStore(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout)
      : stub_(v1::DoubleSpend::NewStub(channel)), timeout_(timeout) {}

  absl::Status mark_claimed(uint64_t claim, std::span<const MarkedCoin> coins,
                            absl::Time no_later_than) override {
    v1::MarkClaimedRequest request;
    request.set_claim(claim);
    for (const MarkedCoin& coin : coins) {
      auto& wanted = *request.add_coins();
      wanted.set_coin_id(to_string(coin.coin_id));
      wanted.set_slots(coin.slots);
      wanted.set_deposit_until(coin.deposit_until);
      wanted.set_claim_until(coin.claim_until);
    }
    v1::MarkClaimedResponse response;
    return call_unary(call_options(timeout_, no_later_than), [&](grpc::ClientContext* context) {
      return stub_->MarkClaimed(context, request, &response);
    });
  }

  absl::StatusOr<std::vector<LocatedSpend>> locate(std::span<const protocol::CoinId> coins,
                                                   absl::Time no_later_than) override {
    const v1::LocateRequest request = locate_request(coins);
    v1::LocateResponse response;
    CAFE_RETURN_IF_ERROR(call_unary(
        call_options(timeout_, no_later_than),
        [&](grpc::ClientContext* context) { return stub_->Locate(context, request, &response); }));
    return read_located(response, coins.size());
  }

 private:
  const std::unique_ptr<v1::DoubleSpend::Stub> stub_;
  const absl::Duration timeout_;
};

class GrpcDeposit : public Deposit {
 public:
  GrpcDeposit(const std::shared_ptr<grpc::Channel>& channel, absl::Duration timeout)
      : stub_(v1::Deposit::NewStub(channel)), timeout_(timeout) {}

  absl::StatusOr<ArchivedPayment> payment(uint64_t batch, uint32_t payment,
                                          absl::Time no_later_than) override {
    v1::GetPaymentRequest request;
    request.set_batch(batch);
    request.set_payment(payment);
    v1::GetPaymentResponse response;
    CAFE_RETURN_IF_ERROR(
        call_unary(call_options(timeout_, no_later_than), [&](grpc::ClientContext* context) {
          return stub_->GetPayment(context, request, &response);
        }));
    return ArchivedPayment{.payment = to_bytes(view_of(response.payment())),
                           .credential = to_bytes(view_of(response.terminal_credential()))};
  }

  absl::Status void_terms(ByteView refusal, ByteView credential,
                          absl::Time no_later_than) override {
    v1::VoidTermsRequest request;
    request.set_refusal(to_string(refusal));
    request.set_credential(to_string(credential));
    v1::VoidTermsResponse response;
    return call_unary(call_options(timeout_, no_later_than), [&](grpc::ClientContext* context) {
      return stub_->VoidTerms(context, request, &response);
    });
  }

  absl::StatusOr<std::vector<LocatedSpend>> locate_cheques(
      std::span<const protocol::CoinId> cheques, absl::Time no_later_than) override {
    const v1::LocateRequest request = locate_request(cheques);
    v1::LocateResponse response;
    CAFE_RETURN_IF_ERROR(
        call_unary(call_options(timeout_, no_later_than), [&](grpc::ClientContext* context) {
          return stub_->LocateCheques(context, request, &response);
        }));
    return read_located(response, cheques.size());
  }

 private:
  const std::unique_ptr<v1::Deposit::Stub> stub_;
  const absl::Duration timeout_;
};

}  // namespace

std::unique_ptr<Withdrawal> make_withdrawal(const std::shared_ptr<grpc::Channel>& channel,
                                            absl::Duration timeout) {
  return std::make_unique<GrpcWithdrawal>(channel, timeout);
}

std::unique_ptr<CoinStore> make_coin_store(const std::shared_ptr<grpc::Channel>& channel,
                                           absl::Duration timeout) {
  return std::make_unique<GrpcCoinStore>(channel, timeout);
}

std::unique_ptr<Deposit> make_deposit(const std::shared_ptr<grpc::Channel>& channel,
                                      absl::Duration timeout) {
  return std::make_unique<GrpcDeposit>(channel, timeout);
}

}  // namespace cafe::recovery
