// What the issuer holds of the lost account's orders (section 8), checked and rebuilt into coins.
#include <algorithm>

#include "device-sim/firmware/wallet/recovery_state.h"
#include "libs/protocol/loss.h"

namespace cafe::wallet {

using protocol::Bytes;
using protocol::ByteView;
using protocol::KeyCertificate;
using protocol::OrdersListed;
using protocol::OrdersQuery;
using protocol::Point;
using protocol::SignedDocument;

namespace {

absl::Status bad_signature() {
  return protocol::make_error(absl::StatusCode::kUnauthenticated, "BAD_SIGNATURE",
                              "A document of the issuer's is not signed with a key of its own: do "
                              "not trust it.");
}

absl::Status statement_mismatch() {
  return protocol::invalid("STATEMENT_MISMATCH", "The issuer's answer is about another account.");
}

absl::Status listing_gap() {
  return protocol::invalid("LISTING_GAP",
                           "The issuer leaves out orders or loads that it has signed before: keep "
                           "the answer, it is evidence.");
}

// [guard] A key that signed before its certificate began, or after it ended, signed nothing.
absl::Status check_signed_by(std::span<const KeyCertificate> keys, const SignedDocument& document,
                             uint64_t at_s) {
  for (const KeyCertificate& key : keys) {
    if (key.valid_from <= at_s && at_s < key.valid_until && document.check(key.key).ok()) {
      return absl::OkStatus();
    }
  }
  return bad_signature();
}

// Many by one key cost little more than one. Those that `key` did not sign.
std::vector<const SignedDocument*> not_signed_by(const Point& key,
                                                 std::span<const SignedDocument* const> documents) {
  std::vector<protocol::SignatureCheck> checks;
  for (const SignedDocument* document : documents) {
    checks.push_back({&key, document->digest(), document->signature});
  }
  const std::vector<bool> good = protocol::check_signatures_var(checks);
  std::vector<const SignedDocument*> others;
  for (size_t n = 0; n < documents.size(); ++n) {
    if (!good[n]) others.push_back(documents[n]);
  }
  return others;
}

// Each by one of the keys, whenever that was: orders are older than their account's loss.
absl::Status check_signed_by_any(std::span<const KeyCertificate> keys,
                                 std::vector<const SignedDocument*> documents) {
  for (const KeyCertificate& key : keys) {
    if (documents.empty()) break;
    documents = not_signed_by(key.key, documents);
  }
  return documents.empty() ? absl::OkStatus() : bad_signature();
}

absl::StatusOr<std::vector<protocol::OrderRecord>> read_records(const ListedOrders& answer) {
  std::vector<protocol::OrderRecord> records;
  for (const ListedOrders::Order& each : answer.orders) {
    protocol::OrderRecord& record = records.emplace_back();
    CAFE_ASSIGN_OR_RETURN(record.order, SignedDocument::decode(each.order));
    CAFE_ASSIGN_OR_RETURN(record.completion, SignedDocument::decode(each.completion));
  }
  return records;
}

}  // namespace

absl::StatusOr<Bytes> Recovery::orders_query(uint64_t now_ms) {
  State& s = *state_;
  s.query = OrdersQuery{s.w.config.issuer_id, s.account,      s.w.account,
                        s.orders.size(),      s.loads.size(), now_ms};
  return s.w.with_account(PinUse::kRecovery, [&]() -> absl::StatusOr<Bytes> {
    return SignedDocument::sign(s.query->encode(), s.w.identity->account_key).encode();
  });
}

absl::StatusOr<Recovery::State::Keys> Recovery::State::open_keys(
    std::span<const Bytes> certificates) const {
  Keys keys;
  for (const Bytes& bytes : certificates) {
    CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(bytes));
    CAFE_ASSIGN_OR_RETURN(const auto claimed, KeyCertificate::decode(document.frame));
    const bool recovery = claimed.purpose == protocol::kPurposeRecovery;
    if (!recovery && claimed.purpose != protocol::kPurposeWithdrawal) continue;
    CAFE_ASSIGN_OR_RETURN(
        KeyCertificate opened,
        protocol::open_key_certificate(document, w.config.anchors, claimed.purpose, std::nullopt));
    if (opened.issuer_id != w.config.issuer_id) continue;
    (recovery ? keys.recovery : keys.withdrawal).push_back(std::move(opened));
  }
  return keys;
}

absl::Status Recovery::State::check_registration(const ListedOrders& answer, const Keys& keys) {
  CAFE_ASSIGN_OR_RETURN(const auto file,
                        protocol::RegistrationFile::decode(answer.registration_file));
  CAFE_ASSIGN_OR_RETURN(auto checked, protocol::check_registration(file, w.config.issuer_id,
                                                                   w.config.anchors, std::nullopt));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(answer.receipt));
  CAFE_ASSIGN_OR_RETURN(const auto receipt, protocol::RegistrationReceipt::decode(document.frame));
  CAFE_RETURN_IF_ERROR(check_signed_by(keys.withdrawal, document, receipt.time_s));
  if (checked.account != account || receipt.account != account ||
      receipt.registration_digest != file.registration.digest()) {
    return statement_mismatch();
  }
  registration = std::move(checked);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<protocol::Load>> Recovery::State::read_loads(const ListedOrders& answer,
                                                                        const Keys& keys) const {
  std::vector<SignedDocument> documents;
  std::vector<protocol::Load> found;
  for (const Bytes& bytes : answer.loads) {
    CAFE_ASSIGN_OR_RETURN(documents.emplace_back(), SignedDocument::decode(bytes));
    CAFE_ASSIGN_OR_RETURN(const auto loaded, protocol::Loaded::decode(documents.back().frame));
    CAFE_ASSIGN_OR_RETURN(found.emplace_back(), protocol::Load::decode(loaded.load));
    if (loaded.issuer_id != w.config.issuer_id || loaded.account != account) {
      return statement_mismatch();
    }
    if (found.back().sequence != loads.size() + found.size()) return listing_gap();
  }
  std::vector<const SignedDocument*> all;
  for (const SignedDocument& document : documents) all.push_back(&document);
  CAFE_RETURN_IF_ERROR(check_signed_by_any(keys.withdrawal, std::move(all)));
  return found;
}

// The issuer recorded the loss with the numbers of the last order and the last load.
absl::Status Recovery::State::check_against_loss(const OrdersListed& listed) const {
  if (record.recorded.empty()) return absl::OkStatus();
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(record.recorded.document));
  CAFE_ASSIGN_OR_RETURN(const auto recorded, protocol::LossRecorded::decode(document.frame));
  const bool all =
      listed.last_order == recorded.last_order && listed.last_load == recorded.last_load;
  return all ? absl::OkStatus() : listing_gap();
}

absl::Status Recovery::on_orders(const ListedOrders& answer) {
  State& s = *state_;
  if (!s.query) return statement_mismatch();
  CAFE_ASSIGN_OR_RETURN(const State::Keys keys, s.open_keys(answer.key_certificates));
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(answer.listing));
  CAFE_ASSIGN_OR_RETURN(const auto listed, OrdersListed::decode(document.frame));
  CAFE_RETURN_IF_ERROR(check_signed_by(keys.recovery, document, listed.time_ms / 1000));
  CAFE_ASSIGN_OR_RETURN(const auto records, read_records(answer));
  CAFE_RETURN_IF_ERROR(protocol::check_listing(*s.query, listed, records, answer.loads.size()));
  if (!s.registration) CAFE_RETURN_IF_ERROR(s.check_registration(answer, keys));

  std::vector<const SignedDocument*> orders, completions;
  for (const protocol::OrderRecord& each : records) {
    orders.push_back(&each.order);
    completions.push_back(&each.completion);
  }
  if (!not_signed_by(s.registration->registration.K, orders).empty()) return bad_signature();
  CAFE_RETURN_IF_ERROR(check_signed_by_any(keys.withdrawal, std::move(completions)));

  CAFE_ASSIGN_OR_RETURN(const auto loads, s.read_loads(answer, keys));
  // What it counted in one answer, the issuer does not deny in the next.
  if (listed.last_load < s.last_load) return listing_gap();
  CAFE_RETURN_IF_ERROR(s.check_against_loss(listed));
  std::vector<State::ListedOrder> fresh;
  for (const protocol::OrderRecord& each : records) {
    CAFE_ASSIGN_OR_RETURN(auto order, protocol::Order::decode(each.order.frame));
    CAFE_ASSIGN_OR_RETURN(auto completion, protocol::Completion::decode(each.completion.frame));
    fresh.push_back({std::move(order), std::move(completion), {}, false, absl::OkStatus()});
  }
  s.loads.insert(s.loads.end(), loads.begin(), loads.end());
  for (State::ListedOrder& order : fresh) s.orders.push_back(std::move(order));
  s.last_order = listed.last_order;
  s.last_load = listed.last_load;
  s.query.reset();
  return absl::OkStatus();
}

bool Recovery::listed() const {
  const State& s = *state_;
  return s.last_order && s.orders.size() >= *s.last_order && s.loads.size() >= s.last_load;
}

size_t Recovery::orders() const { return state_->orders.size(); }

std::vector<protocol::DenomId> Recovery::unknown_denominations() const {
  std::set<protocol::DenomId> unknown;
  for (const State::ListedOrder& listed : state_->orders) {
    for (const protocol::OpenedLine& line : listed.order.opened.lines) {
      if (state_->table.find(line.denom_id) == nullptr) unknown.insert(line.denom_id);
    }
  }
  return {unknown.begin(), unknown.end()};
}

absl::Status Recovery::accept_list(ByteView signed_list) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_list));
  CAFE_ASSIGN_OR_RETURN(const Point master, s.w.config.anchors.master_key(s.w.config.issuer_id));
  CAFE_ASSIGN_OR_RETURN(const auto list, protocol::open_list(document, master));
  if (list.issuer_id != s.w.config.issuer_id) {
    return protocol::invalid("BAD_ISSUER_ID", "The list is another issuer's.");
  }
  s.table.add(list);
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Recovery::State::LostCoin>> Recovery::State::rebuild(
    const ListedOrder& listed) const {
  const protocol::OpenAnswer& opened = listed.order.opened;
  const protocol::Registration& of = registration->registration;
  CAFE_ASSIGN_OR_RETURN(
      const auto B_O, protocol::open_attachment(record.coin_seed, opened, listed.order.attachment));
  CAFE_ASSIGN_OR_RETURN(auto rebuilt,
                        protocol::rebuild_order(
                            record.coin_seed, listed.order, listed.completion, B_O,
                            [&](const protocol::DenomId& id) { return table.find(id); },
                            registration->points, of.A_O, of.A_Q));
  std::vector<LostCoin> coins;
  for (protocol::RebuiltCoin& coin : rebuilt) {
    const protocol::CoinId id = coin.coin.id();
    const auto* denomination = table.find(coin.coin.denom_id);
    coins.push_back({opened.order, denomination, std::move(coin), id,
                     is_wanted(id, denomination->kind), std::nullopt});
  }
  return coins;
}

void Recovery::rebuild(size_t from, size_t to) {
  State& s = *state_;
  for (size_t n = from; n < std::min(to, s.orders.size()); ++n) {
    State::ListedOrder& listed = s.orders[n];
    auto coins = s.rebuild(listed);
    listed.failed = coins.status();
    if (coins.ok()) listed.coins = *std::move(coins);
    listed.rebuilt = true;
  }
}

bool Recovery::rebuilt() const {
  return listed() && std::all_of(state_->orders.begin(), state_->orders.end(),
                                 [](const auto& listed) { return listed.rebuilt; });
}

std::vector<FailedOrder> Recovery::failed_orders() const {
  std::vector<FailedOrder> failed;
  for (const State::ListedOrder& listed : state_->orders) {
    if (!listed.failed.ok()) failed.push_back({listed.order.opened.order, listed.failed});
  }
  return failed;
}

}  // namespace cafe::wallet
