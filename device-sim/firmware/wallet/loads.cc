// Loads (section 5): money from the account into the guardian's counters, and the wallet's own
// books of them.
#include "device-sim/firmware/guardian/commands.h"
#include "device-sim/firmware/wallet/state.h"
#include "libs/protocol/amount.h"
#include "libs/protocol/frame.h"

namespace cafe::wallet {

using firmware::Batch;
using protocol::Bytes;
using protocol::ByteView;
using protocol::Load;
using protocol::Loaded;
using protocol::LoadOrder;
using protocol::SignedDocument;

namespace {

absl::Status no_load() {
  return protocol::refused("NO_LOAD", "The wallet has no load under way: start one.");
}

}  // namespace

uint64_t Wallet::State::counter(std::string_view currency) const {
  const auto found = counters.find(currency);
  return found == counters.end() ? 0 : found->second;
}

absl::Status Wallet::accept_load_key(ByteView signed_certificate) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(signed_certificate));
  CAFE_ASSIGN_OR_RETURN(auto certificate, protocol::open_load_key(document, s.config.anchors));
  if (certificate.issuer_id != s.config.issuer_id) {
    return protocol::invalid("BAD_ISSUER_ID", "The certificate is another issuer's.");
  }
  const auto purse = s.guardian.purse(s.config.issuer_id);
  if (!purse.ok() && protocol::reason_of(purse.status()) != "NO_LOAD_KEY") return purse.status();
  if (!purse.ok() || purse->key_digest != protocol::sha256(certificate.public_key_der)) {
    return protocol::refused("LOAD_KEY_DIFFERS",
                             "The guardian takes loads under another key, or under none: it was "
                             "not made for this issuer's cheques.");
  }
  const Bytes* known = s.store->find(kLoadKeyKey);
  if (known == nullptr || *known != protocol::to_bytes(signed_certificate)) {
    CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(kLoadKeyKey, signed_certificate)));
  }
  s.load_key = std::move(certificate);
  return absl::OkStatus();
}

absl::StatusOr<Bytes> Wallet::start_load(std::string_view currency, uint64_t amount) {
  State& s = *state_;
  if (!s.registered()) return not_registered();
  if (s.load_under_way) {
    return protocol::refused("LOAD_PENDING", "Another load is under way: finish it first.");
  }
  if (!s.load_key) {
    return protocol::refused("NO_LOAD_KEY", "The key that signs the issuer's loads is not known.");
  }
  CAFE_RETURN_IF_ERROR(protocol::check_currency(currency));
  if (amount == 0) return protocol::invalid("AMOUNT_ZERO", "A load is of more than nothing.");
  // Whatever the guardian says here can stop the load, and nothing else.
  CAFE_ASSIGN_OR_RETURN(const IssuerPurse purse, s.guardian.purse(s.config.issuer_id));
  const auto held = purse.amounts.find(std::string(currency));
  if (held == purse.amounts.end() && purse.amounts.size() >= guardian::kCurrencies) {
    return protocol::make_error(absl::StatusCode::kResourceExhausted, "GUARDIAN_FULL",
                                "The guardian has no room for another currency.");
  }
  const uint64_t before = held == purse.amounts.end() ? 0 : held->second;
  CAFE_RETURN_IF_ERROR(protocol::checked_add(before, amount).status());
  if (!s.owner.confirm_load(currency, amount)) {
    return declined("OWNER_DECLINED", "The owner did not confirm the load.");
  }
  const LoadOrder order{s.config.issuer_id, s.account, std::string(currency), amount, s.loads + 1};
  LoadRecord record;
  CAFE_RETURN_IF_ERROR(s.with_account(PinUse::kLoad, [&] {
    record.order = SignedDocument::sign(order.encode(), s.identity->account_key);
    return absl::OkStatus();
  }));
  // Stored before it leaves: from here on the wallet waits for its answer.
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(kLoadKey, record.encode())));
  s.load_under_way = std::move(record);
  return s.load_under_way->order.encode();
}

absl::StatusOr<Bytes> Wallet::pending_load_bytes() const {
  if (!state_->load_under_way) return no_load();
  return state_->load_under_way->order.encode();
}

absl::StatusOr<Bytes> Wallet::load_query() const {
  State& s = *state_;
  if (!s.load_under_way) return no_load();
  const protocol::LoadQuery query{s.config.issuer_id, s.account, s.loads + 1};
  return s.with_account(PinUse::kLoad, [&]() -> absl::StatusOr<Bytes> {
    return SignedDocument::sign(query.encode(), s.identity->account_key).encode();
  });
}

absl::Status Wallet::cancel_load() {
  State& s = *state_;
  // Once its answer is here, the account was debited: it is finished, not given up.
  if (!s.load_under_way || !s.load_under_way->loaded.empty()) return no_load();
  const SignedDocument& order = s.load_under_way->order;
  CAFE_RETURN_IF_ERROR(s.store->commit(
      Batch().put(record_key(kGivenUpPrefix, order.digest()), order.encode()).erase(kLoadKey)));
  s.load_under_way.reset();
  return absl::OkStatus();
}

// [guard] The wallet checks the load before the guardian sees it: its RSA signature leaves the
// signer no choice, so what passes here carries no message in.
absl::Status Wallet::State::check_loaded(const Loaded& loaded, const LoadOrder& order) const {
  CAFE_RETURN_IF_ERROR(
      protocol::check_load(loaded.load, loaded.load_signature, load_key->public_key_der));
  CAFE_ASSIGN_OR_RETURN(const Load load, Load::decode(loaded.load));
  if (load.serial != guardian_certificate->serial || load.issuer_id != order.issuer_id ||
      load.currency != order.currency || load.amount != order.amount ||
      load.sequence != order.sequence) {
    return protocol::invalid("WRONG_LOAD", "The load is not the one that was ordered.");
  }
  return absl::OkStatus();
}

absl::Status Wallet::State::keep_wrong_load(ByteView answer, const absl::Status& why) {
  CAFE_RETURN_IF_ERROR(store->commit(Batch().put(kWrongLoadKey, answer)));
  return protocol::invalid("WRONG_LOAD",
                           "The issuer signed an answer whose load is wrong; it is kept as "
                           "evidence: " +
                               std::string(why.message()));
}

absl::StatusOr<TakenLoad> Wallet::on_loaded(ByteView answer) {
  State& s = *state_;
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(answer));
  CAFE_RETURN_IF_ERROR(s.check_withdrawal_signature(document));
  CAFE_ASSIGN_OR_RETURN(const Loaded loaded, Loaded::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const Load load, Load::decode(loaded.load));
  if (const Bytes* earlier =
          s.store->find(record_key(kLoadedPrefix, protocol::encode_u64(load.sequence)));
      earlier != nullptr &&
      std::equal(earlier->begin(), earlier->end(), answer.begin(), answer.end())) {
    return TakenLoad{load.currency, load.amount, load.sequence};  // came twice
  }
  if (!s.load_key) return no_load();

  // The order that it answers: the one under way, or one that was given up and carried out all the
  // same.
  SignedDocument order_document;
  if (s.load_under_way && s.load_under_way->order.digest() == loaded.order_digest) {
    order_document = s.load_under_way->order;
  } else if (const Bytes* given_up =
                 s.store->find(record_key(kGivenUpPrefix, loaded.order_digest))) {
    CAFE_ASSIGN_OR_RETURN(order_document, SignedDocument::decode(*given_up));
  } else {
    return protocol::invalid("LOAD_MISMATCH", "The answer is not to a load of this wallet.");
  }
  CAFE_ASSIGN_OR_RETURN(const LoadOrder order, LoadOrder::decode(order_document.frame));
  if (loaded.issuer_id != order.issuer_id || loaded.account != order.account ||
      order.sequence != s.loads + 1) {
    return protocol::invalid("LOAD_MISMATCH", "The answer is not to a load of this wallet.");
  }
  if (const absl::Status wrong = s.check_loaded(loaded, order); !wrong.ok()) {
    return s.keep_wrong_load(answer, wrong);
  }
  // Stored before the guardian has it: after a power cut it is given again, and the books follow.
  LoadRecord record{std::move(order_document), protocol::to_bytes(answer)};
  CAFE_RETURN_IF_ERROR(s.store->commit(Batch().put(kLoadKey, record.encode())));
  s.load_under_way = std::move(record);
  return s.finish_load();
}

absl::StatusOr<TakenLoad> Wallet::State::finish_load() {
  return with_account(PinUse::kLoad, [&] { return book_load(true); });
}

absl::StatusOr<TakenLoad> Wallet::State::book_load(bool give) {
  CAFE_ASSIGN_OR_RETURN(const auto document, SignedDocument::decode(load_under_way->loaded));
  CAFE_ASSIGN_OR_RETURN(const Loaded loaded, Loaded::decode(document.frame));
  CAFE_ASSIGN_OR_RETURN(const Load load, Load::decode(loaded.load));
  const absl::Status given = give ? guardian.load(loaded.load, loaded.load_signature) : no_load();
  if (!given.ok()) {
    // It may have taken it before an interruption.
    CAFE_ASSIGN_OR_RETURN(const IssuerPurse purse, guardian.purse(config.issuer_id));
    if (purse.last_sequence < load.sequence) return given;
  }
  CAFE_ASSIGN_OR_RETURN(const uint64_t amount,
                        protocol::checked_add(counter(load.currency), load.amount));
  Batch batch;
  batch.put(counter_key(load.currency), protocol::encode_u64(amount))
      .put(kLoadsKey, protocol::encode_u64(load.sequence))
      .put(record_key(kLoadedPrefix, protocol::encode_u64(load.sequence)), load_under_way->loaded)
      .erase(kLoadKey);
  // With its number taken, no other order of that number can come back.
  store->scan(kGivenUpPrefix, [&](std::string_view key, ByteView) { batch.erase(key); });
  CAFE_RETURN_IF_ERROR(store->commit(batch));
  counters[load.currency] = amount;
  loads = load.sequence;
  load_under_way.reset();
  return TakenLoad{load.currency, load.amount, load.sequence};
}

std::optional<Bytes> Wallet::wrong_load() const {
  const Bytes* record = state_->store->find(kWrongLoadKey);
  return record == nullptr ? std::nullopt : std::optional<Bytes>(*record);
}

absl::StatusOr<std::vector<CounterAmount>> Wallet::counters() const {
  CAFE_ASSIGN_OR_RETURN(const IssuerPurse purse, state_->guardian.purse(state_->config.issuer_id));
  std::vector<CounterAmount> out;
  for (const auto& [currency, amount] : purse.amounts) out.push_back({currency, amount});
  return out;
}

}  // namespace cafe::wallet
