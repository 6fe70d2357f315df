#include "device-sim/firmware/testing/device.h"

#include <cstdio>
#include <cstdlib>

#include "libs/protocol/hash.h"

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
  accounts_.insert_or_assign(checked.account, checked);
  const RegistrationReceipt receipt{std::string(World::kIssuer), checked.account,
                                    file.registration.digest(), checked.registration.K,
                                    kWorldNow_s};
  return SignedDocument::sign(receipt.encode(), world_.withdrawal_key).encode();
}

absl::StatusOr<Bytes> TestIssuer::open(ByteView signed_open, uint64_t now_s) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_open));
  CAFE_ASSIGN_OR_RETURN(const OpenRequest request, OpenRequest::decode(document.frame));
  const CheckedRegistration& account = accounts_.at(request.account);
  CAFE_RETURN_IF_ERROR(document.check(account.registration.K));
  if (request.list_digest != world_.signed_list.digest()) {
    return refused("LIST_OLD", "Fetch the newest list.");
  }
  if (request.order != completions_.size() + 1) return clash();
  const NonceScope scope{request.account, request.order, time_slot_of(now_s), world_.lineage};
  CAFE_ASSIGN_OR_RETURN(const OpenAnswer answer,
                        issuer_open(world_.issuer_secret, World::kIssuer, scope, account.points,
                                    request.lines, world_.keys(request.lines)));
  return answer.encode();
}

absl::StatusOr<Bytes> TestIssuer::complete(ByteView signed_order) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_order));
  CAFE_ASSIGN_OR_RETURN(const Order order, Order::decode(document.frame));
  const CheckedRegistration& account = accounts_.at(order.opened.account);
  CAFE_RETURN_IF_ERROR(document.check(account.registration.K));
  const auto earlier = completions_.find(order.opened.order);
  if (earlier != completions_.end()) {
    if (earlier->second.first != document.digest()) return clash();
    return earlier->second.second;
  }
  if (voids_.contains({order.opened.order, order.opened.time_slot})) return clash();
  CAFE_RETURN_IF_ERROR(check_own_answer(world_.issuer_secret, order.opened, world_.lineage));

  std::vector<OrderLine> lines;
  uint64_t sum = 0;
  for (const OpenedLine& line : order.opened.lines) {
    lines.push_back({line.denom_id, static_cast<uint32_t>(line.coins.size())});
    sum += world_.key(line.denom_id).denomination.value() * line.coins.size();
  }
  CAFE_ASSIGN_OR_RETURN(const auto responses,
                        issuer_respond(world_.issuer_secret, order, document.digest(),
                                       world_.lineage, world_.keys(lines)));
  Completion completion{
      std::string(World::kIssuer), order.opened.account, order.opened.order, order.opened.time_slot,
      document.digest(),           {{"EUR", sum}},       responses};
  if (tamper) tamper(completion);
  Bytes bytes = SignedDocument::sign(completion.encode(), world_.withdrawal_key).encode();
  completions_.emplace(order.opened.order, std::make_pair(document.digest(), bytes));
  return bytes;
}

absl::StatusOr<Bytes> TestIssuer::void_order(ByteView request) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(request));
  CAFE_ASSIGN_OR_RETURN(const VoidedOrder voided, VoidedOrder::decode_request(document.frame));
  CAFE_RETURN_IF_ERROR(document.check(accounts_.at(voided.account).registration.K));
  if (completions_.contains(voided.order)) return clash();
  voids_[{voided.order, voided.time_slot}] = true;
  return SignedDocument::sign(voided.encode_statement(), world_.withdrawal_key).encode();
}

Device::Device(World& world, std::string_view seed, size_t wallet_memory)
    : chip(seed), memory(wallet_memory), world_(world), rng_(std::string(seed) + "/wallet") {
  chip.manufacture(world.manufacturer_key, Serial{rng_.array<16>()});
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

void Device::set_up(TestIssuer& issuer, pos::Terminal& terminal) {
  must(restart());
  must(wallet->accept_list(world_.signed_list.encode()));
  must(wallet->accept_key_certificate(world_.withdrawal_certificate.encode(), kWorldNow_s));
  must(wallet->on_notice(must(terminal.make_notice(kWorldNow_ms)), kWorldNow_ms));
  const Bytes32 nonce = issuer.nonce();
  const Bytes file = must(wallet->begin_registration(nonce));
  must(wallet->on_registration_receipt(must(issuer.register_wallet(file, nonce))));
}

void Device::withdraw(TestIssuer& issuer, const std::vector<OrderLine>& lines) {
  const Bytes open = must(wallet->start_order(lines, kWorldNow_s));
  const Bytes order = must(wallet->on_open_answer(must(issuer.open(open)), kWorldNow_s));
  must(wallet->on_completion(must(issuer.complete(order))));
}

Till::Till(World& world, std::string_view seed, size_t memory_size)
    : memory(memory_size), world_(world), rng_(seed) {
  must(restart());
  must(terminal->accept_list(world.signed_list.encode()));
}

absl::Status Till::restart() {
  terminal.reset();
  memory.restore_power();
  auto booted = pos::Terminal::boot(
      memory, rng_, {world_.terminal_key, world_.terminal_credential, world_.anchors});
  if (!booted.ok()) return booted.status();
  terminal = *std::move(booted);
  return absl::OkStatus();
}

SignedDocument terms_of(ByteView offer) { return must(firmware::Offer::decode(offer)).terms; }

}  // namespace cafe::testing
