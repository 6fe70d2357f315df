// Thousands of random, truncated and altered requests to every method: none is accepted, none
// crashes the service, none changes a row.
#include <thread>

#include "libs/platform/log.h"
#include "services/withdrawal/loss_fixture.h"

namespace cafe::withdrawal {
namespace {

constexpr int kOfEachKind = 10'000;

// A method with a request that it would accept.
struct Method {
  std::string name;
  std::string valid;
  std::function<absl::Status(Stub&, const std::string&)> send;
};

template <typename Request, typename Response>
Method method(std::string name, std::string valid,
              std::function<void(Request&, const std::string&)> set,
              grpc::Status (Stub::*rpc)(grpc::ClientContext*, const Request&, Response*)) {
  return {std::move(name), std::move(valid),
          [set = std::move(set), rpc](Stub& stub, const std::string& bytes) {
            Request request;
            set(request, bytes);
            Response response;
            return call([&](grpc::ClientContext* context) {
              return (stub.*rpc)(context, request, &response);
            });
          }};
}

std::string random_bytes(protocol::SeededRng& rng, size_t size) {
  protocol::Bytes bytes(size);
  rng.fill(bytes);
  return protocol::to_string(bytes);
}

std::string altered(protocol::SeededRng& rng, std::string bytes) {
  for (uint64_t flips = 1 + rng.below(3); flips > 0; --flips) {
    bytes[rng.below(bytes.size())] ^= static_cast<char>(1 + rng.below(255));
  }
  return bytes;
}

void attack(Stub& stub, const Method& method) {
  protocol::SeededRng rng(method.name);
  for (int i = 0; i < kOfEachKind; ++i) {
    const auto refused = [&](const char* kind, const std::string& bytes) {
      const absl::Status status = method.send(stub, bytes);
      EXPECT_FALSE(status.ok()) << method.name << " accepts something " << kind;
      EXPECT_NE(status.code(), absl::StatusCode::kInternal) << method.name << " " << kind;
      EXPECT_NE(status.code(), absl::StatusCode::kUnavailable) << method.name << " " << kind;
      EXPECT_NE(protocol::reason_of(status), "") << method.name << " " << kind << status;
    };
    refused("random", random_bytes(rng, rng.below(2 * method.valid.size())));
    refused("truncated", method.valid.substr(0, rng.below(method.valid.size())));
    std::string bytes = altered(rng, method.valid);
    if (bytes != method.valid) refused("altered", bytes);
  }
}

TEST(Malformed, RequestsChangeNothing) {
  TestIssuer issuer;
  platform::ManualClock clock(absl::FromUnixSeconds(testing::kWorldNow_s));
  InProcess service(issuer, clock);
  Stub& stub = service.stub();

  Wallet wallet(issuer), newcomer(issuer), lost(issuer), heir(issuer), successor(issuer);
  wallet.join(stub);
  successor.join(stub);
  lost.join(stub);
  heir.join(stub);
  must(call_report(stub, loss_report(issuer, lost)));
  must(newcomer.prepare_registration(stub));
  auto coins = wallet.withdraw(stub, {{issuer.coin.id, 1}});
  ASSERT_TRUE(coins.ok()) << coins.status();
  const auto opened = wallet.open(stub, {{issuer.coin.id, 2}, {issuer.split_coin.id, 1}});
  ASSERT_TRUE(opened.ok()) << opened.status();
  must(wallet.load(stub, wallet.load_order(200, 1)));
  const protocol::VoidedOrder voided{issuer.list.issuer_id, wallet.account(), 2, opened->time_slot};
  const auto pay = [&] {
    return issuer.market.pay(wallet.world, {{&coins->at(0), 0, 500}},
                             testing::Guardian::kForgetful);
  };
  const auto first = pay(), second = pay();
  const auto convicting =
      issuer.market.sign_case(issuer.market.open_case(wallet.world, first, 0, second, 0));
  const auto sign = [&](protocol::Bytes frame) {
    return protocol::to_string(
        protocol::SignedDocument::sign(std::move(frame), wallet.key()).encode());
  };

  const Agreed agreed = replacement(issuer, lost, successor);

  const std::vector<Method> methods = {
      method<v1::RegisterRequest, v1::RegisterResponse>(
          "Register", protocol::to_string(newcomer.world.registration.encode()),
          [](auto& request, const auto& bytes) { request.set_registration_file(bytes); },
          &Stub::Register),
      method<v1::OpenOrderRequest, v1::OpenOrderResponse>(
          "Open", sign(wallet.open_request({{issuer.coin.id, 1}}).encode()),
          [](auto& request, const auto& bytes) { request.set_open(bytes); }, &Stub::Open),
      method<v1::CompleteOrderRequest, v1::CompleteOrderResponse>(
          "Complete", protocol::to_string(wallet.prepare(*opened).document.encode()),
          [](auto& request, const auto& bytes) { request.set_order(bytes); }, &Stub::Complete),
      method<v1::VoidOrderRequest, v1::VoidOrderResponse>(
          "Void", sign(voided.encode_request()),
          [](auto& request, const auto& bytes) { request.set_void_request(bytes); }, &Stub::Void),
      method<v1::LoadRequest, v1::LoadResponse>(
          "Load", sign(wallet.load_order(300, 2).encode()),
          [](auto& request, const auto& bytes) { request.set_order(bytes); }, &Stub::Load),
      method<v1::GetLoadRequest, v1::GetLoadResponse>(
          "GetLoad", sign(protocol::LoadQuery{issuer.list.issuer_id, wallet.account(), 1}.encode()),
          [](auto& request, const auto& bytes) { request.set_query(bytes); }, &Stub::GetLoad),
      method<v1::FindAccountRequest, v1::FindAccountResponse>(
          "FindAccount", protocol::to_string(wallet.world.account.points.I_coin.bytes()),
          [](auto& request, const auto& bytes) { request.set_identity_point(bytes); },
          &Stub::FindAccount),
      method<v1::CloseAccountRequest, v1::CloseAccountResponse>(
          "CloseAccount", protocol::to_string(convicting.encode()),
          [](auto& request, const auto& bytes) { request.set_signed_case(bytes); },
          &Stub::CloseAccount),
      method<v1::StopDenominationRequest, v1::StopDenominationResponse>(
          "StopDenomination", protocol::to_string(issuer.coin.id),
          [](auto& request, const auto& bytes) {
            request.set_denom_id(bytes);
            request.set_reason("test");
          },
          &Stub::StopDenomination),
      method<v1::ReportLossRequest, v1::ReportLossResponse>(
          "ReportLoss", protocol::to_string(loss_report(issuer, heir).encode()),
          [](auto& request, const auto& bytes) { request.set_report(bytes); }, &Stub::ReportLoss),
      method<v1::ReplaceAccountRequest, v1::ReplaceAccountResponse>(
          "ReplaceAccount", protocol::to_string(agreed.document.encode()),
          [&](auto& request, const auto& bytes) {
            request.set_replacement(bytes);
            request.set_successor_signature(protocol::to_string(agreed.consent));
          },
          &Stub::ReplaceAccount),
      method<v1::ReplaceAccountRequest, v1::ReplaceAccountResponse>(
          "ReplaceAccount's consent", protocol::to_string(agreed.consent),
          [&](auto& request, const auto& bytes) {
            request.set_replacement(protocol::to_string(agreed.document.encode()));
            request.set_successor_signature(bytes);
          },
          &Stub::ReplaceAccount),
      method<v1::GetAccountRequest, v1::GetAccountResponse>(
          "GetAccount", protocol::to_string(wallet.account()),
          [](auto& request, const auto& bytes) { request.set_account_id(bytes); },
          &Stub::GetAccount),
  };

  const std::string before = issuer.rows();
  {
    const platform::LogCapture quiet([](const std::string&) {});
    std::vector<std::jthread> threads;
    for (const Method& one : methods) threads.emplace_back([&] { attack(stub, one); });
  }
  EXPECT_EQ(issuer.rows(), before);
  // Unaltered, each is accepted.
  for (const Method& one : methods) {
    const absl::Status status = one.send(stub, one.valid);
    EXPECT_TRUE(status.ok()) << one.name << " " << status;
  }
}

}  // namespace
}  // namespace cafe::withdrawal
