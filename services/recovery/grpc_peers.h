// The peers over gRPC.
#pragma once

#include <grpcpp/channel.h>

#include <memory>

#include "services/recovery/peers.h"

namespace cafe::recovery {

// `timeout` is that of each call, retries included.
std::unique_ptr<Withdrawal> make_withdrawal(const std::shared_ptr<grpc::Channel>& channel,
                                            absl::Duration timeout);
std::unique_ptr<CoinStore> make_coin_store(const std::shared_ptr<grpc::Channel>& channel,
                                           absl::Duration timeout);
std::unique_ptr<Deposit> make_deposit(const std::shared_ptr<grpc::Channel>& channel,
                                      absl::Duration timeout);

}  // namespace cafe::recovery
