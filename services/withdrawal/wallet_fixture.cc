#include "services/withdrawal/wallet_fixture.h"

#include "libs/platform/grpc_status.h"

namespace cafe::withdrawal {

using protocol::view_of;

absl::Status call(absl::FunctionRef<grpc::Status(grpc::ClientContext*)> rpc) {
  grpc::ClientContext context;
  return platform::from_grpc(rpc(&context), context);
}

absl::Status Wallet::prepare_registration(Stub& stub) {
  v1::BeginRegistrationResponse begun;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.BeginRegistration(c, {}, &begun); }));
  CAFE_ASSIGN_OR_RETURN(const auto nonce, protocol::to_array<32>(view_of(begun.nonce())));
  const protocol::Scalar o2 = issuer_.market.rng.scalar();
  CAFE_ASSIGN_OR_RETURN(const auto draft,
                        protocol::RegistrationDraft::begin(world.identity, issuer_.list.issuer_id,
                                                           nonce, world.guardian_certificate,
                                                           *protocol::multiply(o2, protocol::g1()),
                                                           issuer_.market.rng));
  CAFE_ASSIGN_OR_RETURN(world.registration,
                        draft.finish(draft.guardian_challenge() * world.guardian.o_coin + o2));
  return absl::OkStatus();
}

absl::StatusOr<std::string> Wallet::send_registration(Stub& stub) {
  v1::RegisterRequest request;
  request.set_registration_file(protocol::to_string(world.registration.encode()));
  v1::RegisterResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Register(c, request, &response); }));
  return response.receipt();
}

void Wallet::join(Stub& stub, uint64_t funds) {
  must(prepare_registration(stub));
  must(send_registration(stub));
  if (funds > 0) issuer_.fund(account(), funds);
}

protocol::OpenRequest Wallet::open_request(std::vector<protocol::OrderLine> lines) const {
  return {issuer_.list.issuer_id,       account(),       next_order, issuer_.list.number,
          issuer_.signed_list.digest(), std::move(lines)};
}

absl::StatusOr<protocol::OpenAnswer> Wallet::open(Stub& stub,
                                                  const protocol::OpenRequest& request) const {
  CAFE_ASSIGN_OR_RETURN(const std::string answer,
                        call_open(stub, protocol::SignedDocument::sign(request.encode(), key())));
  CAFE_ASSIGN_OR_RETURN(auto opened, protocol::OpenAnswer::decode(view_of(answer)));
  CAFE_RETURN_IF_ERROR(protocol::check_open_answer(request, opened));
  return opened;
}

absl::StatusOr<protocol::OpenAnswer> Wallet::open(Stub& stub,
                                                  std::vector<protocol::OrderLine> lines) const {
  return open(stub, open_request(std::move(lines)));
}

PreparedOrder Wallet::prepare(const protocol::OpenAnswer& opened,
                              const protocol::Seed& seed) const {
  PreparedOrder prepared{{opened, {}, {}}, {}, {}};
  std::vector<protocol::Point> all_B_O;
  for (uint32_t line = 0; line < opened.lines.size(); ++line) {
    const protocol::Denomination* denomination = nullptr;
    for (const auto& d : issuer_.list.denominations) {
      if (d.id() == opened.lines[line].denom_id) denomination = &d;
    }
    for (uint32_t i = 0; i < opened.lines[line].coins.size(); ++i) {
      auto slots = issuer_.market.make_slots(*denomination);
      protocol::CoinPlace place{line, i, testing::points_of_slots(slots)};
      all_B_O.insert(all_B_O.end(), place.B_O.begin(), place.B_O.end());
      auto blinded =
          must(protocol::wallet_blind(seed, opened, place, *denomination,
                                      protocol::m_for(denomination->kind, world.account.points),
                                      world.guardian_point(denomination->kind)));
      prepared.order.challenges.push_back(blinded.challenges());
      prepared.coins.push_back({std::move(place), std::move(slots), std::move(blinded)});
    }
  }
  prepared.order.attachment = protocol::seal_attachment(seed, opened, all_B_O, issuer_.market.rng);
  prepared.document = protocol::SignedDocument::sign(prepared.order.encode(), key());
  return prepared;
}

absl::StatusOr<std::string> Wallet::complete(Stub& stub, const PreparedOrder& prepared) const {
  return call_complete(stub, protocol::to_string(prepared.document.encode()));
}

absl::StatusOr<std::vector<testing::WithdrawnCoin>> Wallet::unblind(
    const PreparedOrder& prepared, const std::string& bytes) const {
  CAFE_ASSIGN_OR_RETURN(const auto document, protocol::SignedDocument::decode(view_of(bytes)));
  CAFE_RETURN_IF_ERROR(document.check(issuer_.market.withdrawal_key.public_key()));
  CAFE_ASSIGN_OR_RETURN(const auto completion, protocol::Completion::decode(document.frame));
  if (completion.order_digest != prepared.document.digest() ||
      completion.responses.size() != prepared.coins.size()) {
    return absl::InternalError("the completion is not for this order");
  }
  std::vector<testing::WithdrawnCoin> coins;
  for (size_t n = 0; n < prepared.coins.size(); ++n) {
    const CoinInOrder& half = prepared.coins[n];
    const protocol::OpenedLine& line = prepared.order.opened.lines[half.place.line];
    for (const auto& denomination : issuer_.list.denominations) {
      if (denomination.id() != line.denom_id) continue;
      CAFE_ASSIGN_OR_RETURN(auto coin, protocol::wallet_unblind(
                                           half.blinded, denomination,
                                           protocol::m_for(denomination.kind, world.account.points),
                                           line, half.place.i, completion.responses[n]));
      CAFE_RETURN_IF_ERROR(protocol::check_coin(coin, denomination));
      coins.push_back({std::move(coin), denomination, half.blinded, half.slots, half.place.B_O,
                       line, half.place.i, completion.responses[n], completion.order});
    }
  }
  return coins;
}

absl::StatusOr<std::vector<testing::WithdrawnCoin>> Wallet::withdraw(
    Stub& stub, std::vector<protocol::OrderLine> lines) {
  CAFE_ASSIGN_OR_RETURN(const auto opened, open(stub, std::move(lines)));
  const PreparedOrder prepared = prepare(opened);
  CAFE_ASSIGN_OR_RETURN(const std::string completion, complete(stub, prepared));
  ++next_order;
  return unblind(prepared, completion);
}

protocol::LoadOrder Wallet::load_order(uint64_t amount, uint64_t sequence) const {
  return {issuer_.list.issuer_id, account(), "EUR", amount, sequence};
}

absl::StatusOr<std::string> Wallet::load(Stub& stub, const protocol::LoadOrder& order) const {
  return call_load(stub, protocol::SignedDocument::sign(order.encode(), key()));
}

absl::StatusOr<std::string> Wallet::find_load(Stub& stub, uint64_t sequence) const {
  const protocol::LoadQuery query{issuer_.list.issuer_id, account(), sequence};
  v1::GetLoadRequest request;
  request.set_query(
      protocol::to_string(protocol::SignedDocument::sign(query.encode(), key()).encode()));
  v1::GetLoadResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.GetLoad(c, request, &response); }));
  return response.loaded();
}

absl::StatusOr<v1::VoidOrderResponse> Wallet::ask_void(Stub& stub, uint64_t order,
                                                       uint64_t time_slot) const {
  const protocol::VoidedOrder voided{issuer_.list.issuer_id, account(), order, time_slot};
  v1::VoidOrderRequest request;
  request.set_void_request(
      protocol::to_string(protocol::SignedDocument::sign(voided.encode_request(), key()).encode()));
  v1::VoidOrderResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Void(c, request, &response); }));
  return response;
}

bool Wallet::is_void_statement(const std::string& statement, uint64_t order,
                               uint64_t time_slot) const {
  const auto document = protocol::SignedDocument::decode(view_of(statement));
  if (!document.ok() || !document->check(issuer_.market.withdrawal_key.public_key()).ok()) {
    return false;
  }
  const auto voided = protocol::VoidedOrder::decode_statement(document->frame);
  return voided.ok() &&
         *voided == protocol::VoidedOrder{issuer_.list.issuer_id, account(), order, time_slot};
}

absl::StatusOr<std::string> call_load(Stub& stub, const protocol::SignedDocument& order) {
  v1::LoadRequest request;
  request.set_order(protocol::to_string(order.encode()));
  v1::LoadResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Load(c, request, &response); }));
  return response.loaded();
}

absl::StatusOr<std::string> call_open(Stub& stub, const protocol::SignedDocument& document) {
  return call_open(stub, protocol::to_string(document.encode()));
}

absl::StatusOr<std::string> call_open(Stub& stub, const std::string& document) {
  v1::OpenOrderRequest request;
  request.set_open(document);
  v1::OpenOrderResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Open(c, request, &response); }));
  return response.answer();
}

absl::StatusOr<std::string> call_complete(Stub& stub, const std::string& document) {
  v1::CompleteOrderRequest request;
  request.set_order(document);
  v1::CompleteOrderResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.Complete(c, request, &response); }));
  return response.completion();
}

absl::StatusOr<v1::GetDenominationsResponse> call_denominations(Stub& stub, uint32_t number) {
  v1::GetDenominationsRequest request;
  request.set_list_number(number);
  v1::GetDenominationsResponse response;
  CAFE_RETURN_IF_ERROR(
      call([&](grpc::ClientContext* c) { return stub.GetDenominations(c, request, &response); }));
  return response;
}

}  // namespace cafe::withdrawal
