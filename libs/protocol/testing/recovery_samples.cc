#include "libs/protocol/testing/recovery_samples.h"

namespace cafe::testing {

using namespace protocol;  // NOLINT: every name here is the protocol's

namespace {

const std::string kIssuer(World::kIssuer);
constexpr uint64_t kNow_ms = kWorldNow_s * 1000;

// A coin id that begins with this byte.
CoinId coin_under(uint8_t first, uint8_t rest) {
  CoinId id;
  id.bytes.fill(rest);
  id.bytes[0] = first;
  return id;
}

}  // namespace

RecoverySamples::RecoverySamples(World& world)
    : lost(world.make_wallet()),
      successor(world.make_wallet()),
      coins(world.withdraw(lost, {{world.coin.id, 2}, {world.split_coin.id, 1}})),
      loss_report{kIssuer, lost.account.account, kNow_ms},
      loss_recorded{
          kIssuer, lost.account.account, Authority::kAccountKey, world.rng.array<32>(), kNow_ms, 5,
          2},
      replacement{kIssuer, lost.account.account, successor.account.account, kNow_ms},
      replaced{kIssuer, lost.account.account, successor.account.account, Authority::kOperator, {},
               kNow_ms},
      orders_query{kIssuer, lost.account.account, successor.account.account, 1, 2, kNow_ms},
      orders_listed{kIssuer, lost.account.account, world.rng.array<32>(), 5, 7, kNow_ms, {}},
      spent_prefix{kIssuer,
                   kNow_ms,
                   CoinPrefix::of(coin_under(0xAB, 0), 8),
                   {{coin_under(0xAB, 1), 1}, {coin_under(0xAB, 2), 0b10010}}},
      hotlist{kIssuer, 3, 9, kNow_ms, {{7, 1, kWorldNow_s}, {uint64_t{1} << 63, ~uint64_t{0}, 1}}},
      backup_key(BackupKey::draw(world.rng)),
      backup(Backup::decode(seal_backup(backup_key, kIssuer, lost.account.account, 1,
                                        lost.coin_seed, lost.identity.account_key, world.rng)
                                .frame)
                 .value()),
      backup_kept{kIssuer, lost.account.account, world.rng.array<32>(), kNow_ms},
      backup_query{kIssuer, backup.holder, kNow_ms},
      void_payment{Bytes(40, 1), Bytes(50, 2), Bytes(60, 3)},
      claim{kIssuer,
            lost.account.account,
            successor.account.account,
            ClaimKind::kCoins,
            kNow_ms,
            {claimed(coins[0], 1), claimed(coins[1], 1), claimed(coins[2], 1, 0b10110)},
            {}},
      payments_claim{kIssuer,
                     lost.account.account,
                     lost.account.account,
                     ClaimKind::kPayments,
                     kNow_ms,
                     {claimed(coins[0], 1)},
                     {void_payment, {Bytes(41, 4), Bytes(51, 5), {}}}},
      claim_receipt{kIssuer,
                    lost.account.account,
                    12,
                    world.rng.array<32>(),
                    kNow_ms,
                    kNow_ms + 7 * kDay_s * 1000,
                    kNow_ms + 90 * kDay_s * 1000,
                    {{"EUR", 1400}, {"USD", 3}}},
      claim_refused{kIssuer, lost.account.account, world.rng.array<32>(), "CLAIMED_BEFORE", 2,
                    kNow_ms},
      claim_statement{kIssuer,
                      lost.account.account,
                      12,
                      world.rng.array<32>(),
                      1,
                      kNow_ms,
                      ClaimState::kCredited,
                      {{0, 0, Deduction::Code::kPaidBefore, false, 500, world.rng.array<32>()},
                       {2, 4, Deduction::Code::kPaidAfter, true, 100, world.rng.array<32>()}},
                      {{"EUR", 1400, 500, 900, 100, 40}, {"USD", 3, 0, 3, 0, 0}}},
      claim_query{kIssuer, successor.account.account, world.rng.array<32>(), kNow_ms} {
  for (uint64_t order = 2; order <= 4; ++order) {
    orders_listed.orders.push_back({order, world.rng.array<32>(), world.rng.array<32>()});
  }
}

}  // namespace cafe::testing
