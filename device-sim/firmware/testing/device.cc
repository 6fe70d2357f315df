#include "device-sim/firmware/testing/device.h"

#include <cstdio>
#include <cstdlib>

#include "libs/protocol/hash.h"
#include "libs/protocol/testing/load_keys.h"

namespace cafe::testing {

using namespace cafe::protocol;  // NOLINT: it speaks of little else

namespace {

void must(const absl::Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "device: %s\n", status.ToString().c_str());
  std::abort();
}

template <typename T>
T must(absl::StatusOr<T> result) {
  must(result.status());
  return *std::move(result);
}

absl::Status clash() { return refused("ORDER_CLASH", "This N was completed, or voided, before."); }

}  // namespace

absl::StatusOr<Bytes> TestIssuer::register_wallet(ByteView file_bytes, const Bytes32& nonce) {
  CAFE_ASSIGN_OR_RETURN(const auto file, RegistrationFile::decode(file_bytes));
  CAFE_ASSIGN_OR_RETURN(const CheckedRegistration checked,
                        check_registration(file, World::kIssuer, world_.anchors, nonce));
  const RegistrationReceipt receipt{std::string(World::kIssuer), checked.account,
                                    file.registration.digest(), checked.registration.K,
                                    kWorldNow_s};
  const auto document = SignedDocument::sign(receipt.encode(), world_.withdrawal_key);
  accounts_.insert_or_assign(checked.account, Account{file, document, checked});
  return document.encode();
}

absl::StatusOr<Bytes> TestIssuer::open(ByteView signed_open, uint64_t now_s) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_open));
  CAFE_ASSIGN_OR_RETURN(const OpenRequest request, OpenRequest::decode(document.frame));
  const CheckedRegistration& account = accounts_.at(request.account).checked;
  CAFE_RETURN_IF_ERROR(document.check(account.registration.K));
  if (request.list_digest != world_.signed_list.digest()) {
    return refused("LIST_OLD", "Fetch the newest list.");
  }
  if (request.order != last_order(request.account) + 1) return clash();
  const NonceScope scope{request.account, request.order, time_slot_of(now_s), world_.lineage};
  CAFE_ASSIGN_OR_RETURN(const OpenAnswer answer,
                        issuer_open(world_.issuer_secret, World::kIssuer, scope, account.points,
                                    request.lines, world_.keys(request.lines)));
  return answer.encode();
}

absl::StatusOr<Bytes> TestIssuer::complete(ByteView signed_order) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_order));
  CAFE_ASSIGN_OR_RETURN(const Order order, Order::decode(document.frame));
  const CheckedRegistration& account = accounts_.at(order.opened.account).checked;
  CAFE_RETURN_IF_ERROR(document.check(account.registration.K));
  const Place place{order.opened.account, order.opened.order};
  const auto earlier = completions_.find(place);
  if (earlier != completions_.end()) {
    if (earlier->second.order.digest() != document.digest()) return clash();
    return earlier->second.completion.encode();
  }
  if (voids_.contains({place, order.opened.time_slot})) return clash();
  CAFE_RETURN_IF_ERROR(check_own_answer(world_.issuer_secret, order.opened, world_.lineage));

  std::vector<OrderLine> lines;
  uint64_t sum = 0;
  for (const OpenedLine& line : order.opened.lines) {
    lines.push_back({line.denom_id, static_cast<uint32_t>(line.coins.size())});
    const Denomination& denomination = world_.key(line.denom_id).denomination;
    if (denomination.kind == Kind::kCoin) sum += denomination.value() * line.coins.size();
  }
  std::vector<Completion::Debit> debits;
  if (sum > 0) debits.push_back({"EUR", sum});
  CAFE_ASSIGN_OR_RETURN(const auto responses,
                        issuer_respond(world_.issuer_secret, order, document.digest(),
                                       world_.lineage, world_.keys(lines)));
  Completion completion{std::string(World::kIssuer),
                        order.opened.account,
                        order.opened.order,
                        order.opened.time_slot,
                        document.digest(),
                        debits,
                        responses};
  if (tamper) tamper(completion);
  const auto signed_completion = SignedDocument::sign(completion.encode(), world_.withdrawal_key);
  completions_.emplace(place, OrderRecord{document, signed_completion});
  return signed_completion.encode();
}

absl::StatusOr<Bytes> TestIssuer::void_order(ByteView request) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(request));
  CAFE_ASSIGN_OR_RETURN(const VoidedOrder voided, VoidedOrder::decode_request(document.frame));
  CAFE_RETURN_IF_ERROR(document.check(accounts_.at(voided.account).checked.registration.K));
  const Place place{voided.account, voided.order};
  if (completions_.contains(place)) return clash();
  voids_[{place, voided.time_slot}] = true;
  return SignedDocument::sign(voided.encode_statement(), world_.withdrawal_key).encode();
}

std::optional<AccountId> TestIssuer::account_of(const Point& I) const {
  for (const auto& [id, account] : accounts_) {
    const IdentityPoints& points = account.checked.points;
    if (points.I_coin == I || points.I_cheque == I) return id;
  }
  return std::nullopt;
}

uint64_t TestIssuer::last_order(const AccountId& id) const {
  const auto after = completions_.upper_bound({id, UINT64_MAX});
  if (after == completions_.begin() || std::prev(after)->first.first != id) return 0;
  return std::prev(after)->first.second;
}

std::vector<OrderRecord> TestIssuer::orders_of(const AccountId& id) const {
  std::vector<OrderRecord> orders;
  for (const auto& [place, record] : completions_) {
    if (place.first == id) orders.push_back(record);
  }
  return orders;
}

std::vector<SignedDocument> TestIssuer::loads_of(const AccountId& id) const {
  std::vector<SignedDocument> loads;
  for (const auto& [place, load] : loads_) {
    if (place.first == id) loads.push_back(must(SignedDocument::decode(load.second)));
  }
  return loads;
}

SignedDocument TestIssuer::load_key_certificate() const {
  const std::string id(World::kIssuer);
  return SignedDocument::sign(LoadKeyCertificate{id, load_key_of(id).public_der}.encode(),
                              world_.master_key);
}

absl::StatusOr<Bytes> TestIssuer::load(ByteView signed_order) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_order));
  CAFE_ASSIGN_OR_RETURN(const LoadOrder order, LoadOrder::decode(document.frame));
  const CheckedRegistration& account = accounts_.at(order.account).checked;
  CAFE_RETURN_IF_ERROR(document.check(account.registration.K));
  const auto at = std::make_pair(order.account, order.sequence);
  if (const auto earlier = loads_.find(at); earlier != loads_.end()) {
    if (earlier->second.first == document.digest()) return earlier->second.second;
    return refused("LOAD_CLASH", "Another load has this number.");
  }
  if (order.sequence > 1 && !loads_.contains({order.account, order.sequence - 1})) {
    return refused("LOAD_SEQUENCE", "Loads are numbered one after the other.");
  }
  const Load load{account.registration.serial, order.issuer_id, order.currency, order.amount,
                  order.sequence};
  CAFE_ASSIGN_OR_RETURN(Bytes signature, sign_load(load, load_key_of(order.issuer_id).private_der));
  Loaded loaded{order.issuer_id, order.account, document.digest(), load.encode(),
                std::move(signature)};
  if (tamper_load) tamper_load(loaded);
  Bytes bytes = SignedDocument::sign(loaded.encode(), world_.withdrawal_key).encode();
  loads_.emplace(at, std::make_pair(document.digest(), bytes));
  loaded_ += order.amount;
  return bytes;
}

absl::StatusOr<Bytes> TestIssuer::find_load(ByteView signed_query) const {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_query));
  CAFE_ASSIGN_OR_RETURN(const LoadQuery query, LoadQuery::decode(document.frame));
  CAFE_RETURN_IF_ERROR(document.check(accounts_.at(query.account).checked.registration.K));
  const auto found = loads_.find({query.account, query.sequence});
  if (found == loads_.end()) return refused("NO_LOAD", "Nothing was loaded under this number.");
  return found->second.second;
}

absl::StatusOr<Bytes> TestIssuer::deposit(const wallet::PayBack& pay_back) {
  CAFE_ASSIGN_OR_RETURN(const auto credential,
                        HolderCredential::decode(pay_back.holder_credential));
  CAFE_ASSIGN_OR_RETURN(const RegistrationReceipt holder, credential.open(world_.anchors));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(pay_back.deposit_order));
  CAFE_RETURN_IF_ERROR(document.check(holder.K));
  CAFE_ASSIGN_OR_RETURN(const DepositOrder order, DepositOrder::decode(document.frame));
  if (order.payments_digest != payments_digest(pay_back.payments) ||
      order.payee_id != holder_payee_id(holder.account)) {
    return refused("DIGEST_MISMATCH", "The order is for other payments.");
  }
  Receipt receipt{order.acquirer_id,
                  order.payee_id,
                  order.idempotency_key,
                  document.digest(),
                  loads_.size() + 1,
                  kWorldNow_ms,
                  {}};
  for (const Bytes& bytes : pay_back.payments) {
    CAFE_ASSIGN_OR_RETURN(const Payment payment, Payment::decode(bytes));
    CAFE_ASSIGN_OR_RETURN(const PreparedPayment prepared,
                          check_payment(payment, {.denominations = &world_.table,
                                                  .acquirer_id = std::string(World::kIssuer),
                                                  .terminal_key = holder.K,
                                                  .payee_id = holder_payee_id(holder.account),
                                                  .terminal_id = holder_terminal_id(holder.account),
                                                  .authorized = true,
                                                  .anchors = &world_.anchors}));
    PaymentVerdict verdict{VerdictCode::kAccepted, "", 0, prepared.terms.currency, {}};
    for (const Spend& spend : payment.spends) {
      verdict.slots.push_back({VerdictCode::kAccepted, worth_of(spend), 0});
      verdict.credited += worth_of(spend);
    }
    receipt.verdicts.push_back(std::move(verdict));
  }
  return SignedDocument::sign(receipt.encode(), world_.deposit_key).encode();
}

Device::Device(World& world, std::string_view seed, size_t wallet_memory)
    : chip(seed), memory(wallet_memory), world_(world), rng_(std::string(seed) + "/wallet") {
  const std::string issuer(World::kIssuer);
  chip.manufacture(world.manufacturer_key, Serial{rng_.array<16>()},
                   {{issuer, load_key_of(issuer).public_der}});
}

absl::Status Device::restart() {
  wallet.reset();
  chip.restart();
  memory.restore_power();
  auto booted = wallet::Wallet::boot(memory, chip, rng_, owner,
                                     {std::string(World::kIssuer), world_.anchors, 1});
  if (!booted.ok()) return booted.status();
  wallet = *std::move(booted);
  return absl::OkStatus();
}

void Device::reseed(std::string_view seed) {
  rng_ = SeededRng(std::string(seed) + "/wallet");
  chip.reseed(seed);
}

void Device::set_up(TestIssuer& issuer, pos::Terminal& terminal) {
  must(restart());
  must(wallet->accept_list(world_.signed_list.encode()));
  must(wallet->accept_key_certificate(world_.withdrawal_certificate.encode(), kWorldNow_s));
  must(wallet->on_notice(must(terminal.make_notice(kWorldNow_ms)), kWorldNow_ms));
  must(wallet->accept_load_key(issuer.load_key_certificate().encode()));
  const Bytes32 nonce = issuer.nonce();
  const Bytes file = must(wallet->begin_registration(nonce));
  must(wallet->on_registration_receipt(must(issuer.register_wallet(file, nonce))));
}

void Device::withdraw(TestIssuer& issuer, const std::vector<OrderLine>& lines) {
  const Bytes open = must(wallet->start_order(lines, kWorldNow_s));
  const Bytes order = must(wallet->on_open_answer(must(issuer.open(open)), kWorldNow_s));
  must(wallet->on_completion(must(issuer.complete(order))));
}

void Device::load(TestIssuer& issuer, uint64_t amount) {
  const Bytes order = must(wallet->start_load("EUR", amount));
  must(wallet->on_loaded(must(issuer.load(order))));
}

}  // namespace cafe::testing
