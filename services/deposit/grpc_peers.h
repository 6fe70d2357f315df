// The peers over gRPC.
#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "services/deposit/peers.h"

namespace cafe::deposit {

// On channels of platform::connect. `timeout` bounds each call with its retries.
std::unique_ptr<CoinStore> make_coin_store(std::shared_ptr<grpc::Channel> channel,
                                           absl::Duration timeout);
std::unique_ptr<Withdrawal> make_withdrawal(std::shared_ptr<grpc::Channel> channel,
                                            absl::Duration timeout);

}  // namespace cafe::deposit
