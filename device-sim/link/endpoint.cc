#include "device-sim/link/endpoint.h"

#include <utility>

#include "libs/protocol/frame.h"

namespace cafe::link {

using protocol::Bytes;
using protocol::ByteView;

Endpoint Endpoint::caller(Medium& medium, uint32_t session, const LinkOptions& options) {
  return Endpoint(medium, true, session, options);
}

Endpoint Endpoint::listener(Medium& medium, const LinkOptions& options) {
  return Endpoint(medium, false, 0, options);
}

absl::Status Endpoint::send(Bytes message) {
  if (!up()) {
    return protocol::make_error(absl::StatusCode::kUnavailable, "LINK_DOWN",
                                "The link is down: hold the devices together again.");
  }
  if (message.size() > options_.max_message) {
    return protocol::invalid("MESSAGE_TOO_LONG", "The message is longer than the link carries.");
  }
  if (outbox_.size() >= options_.max_queued) {
    return protocol::make_error(absl::StatusCode::kResourceExhausted, "LINK_BUSY",
                                "Too many messages wait to be sent: wait for one to arrive.");
  }
  outbox_.push_back(std::move(message));
  return absl::OkStatus();
}

std::optional<Bytes> Endpoint::receive() {
  if (inbox_.empty()) return std::nullopt;
  Bytes message = std::move(inbox_.front());
  inbox_.pop_front();
  return message;
}

void Endpoint::tick(uint64_t now_ms) {
  if (!started_) {
    started_ = true;
    heard_ms_ = now_ms;
    now_ms_ = now_ms;
    if (caller_) {
      in_flight_ = LinkFrame{FrameType::kHello, 0, session_, send_sequence_, {}};
      transmit_in_flight();
    }
  }
  now_ms_ = now_ms;
  while (auto bytes = medium_->poll()) {
    for (const LinkFrame& frame : decoder_.feed(*bytes)) take(frame);
  }
  if (!up()) return;
  if (now_ms_ - heard_ms_ >= options_.idle_ms) {
    state_ = LinkState::kCut;
    return;
  }
  if (in_flight_ && now_ms_ - sent_ms_ >= options_.retransmit_ms) {
    if (retries_ == options_.max_retries) {
      state_ = LinkState::kCut;
      return;
    }
    ++retries_;
    ++retransmissions_;
    transmit_in_flight();
  }
  if (!in_flight_) send_next();
}

void Endpoint::take(const LinkFrame& frame) {
  if (!caller_ && state_ == LinkState::kOpening && frame.type == FrameType::kHello) {
    session_ = frame.session;
    receive_sequence_ = frame.sequence;
    state_ = LinkState::kOpen;
  }
  // Before the hello, and from other sessions, nothing is heard.
  if (frame.session != session_ || !up() || (!caller_ && state_ == LinkState::kOpening)) return;
  heard_ms_ = now_ms_;
  switch (frame.type) {
    case FrameType::kHello:
      if (!caller_) take_data(frame);
      break;
    case FrameType::kData:
      take_data(frame);
      break;
    case FrameType::kAck:
      take_ack(frame.sequence);
      break;
    case FrameType::kBye:
      state_ = LinkState::kClosed;
      break;
  }
}

void Endpoint::take_data(const LinkFrame& frame) {
  if (frame.sequence + 1 == receive_sequence_) {
    acknowledge(frame.sequence);  // again: the first acknowledgement was lost
    return;
  }
  if (frame.sequence != receive_sequence_) return;
  if (frame.type == FrameType::kData) {
    const bool last = (frame.flags & kLastFragment) != 0;
    // Not acknowledged while there is no room, so that the other side waits.
    if (last && inbox_.size() >= options_.max_queued) return;
    if (partial_.size() + frame.payload.size() > options_.max_message) {
      state_ = LinkState::kCut;
      return;
    }
    protocol::append(partial_, frame.payload);
    if (last) inbox_.push_back(std::exchange(partial_, {}));
  }
  ++receive_sequence_;
  acknowledge(frame.sequence);
}

void Endpoint::take_ack(uint32_t sequence) {
  if (!in_flight_ || sequence != in_flight_->sequence) return;
  if (in_flight_->type == FrameType::kHello) {
    state_ = LinkState::kOpen;
  } else {
    sent_of_front_ += in_flight_->payload.size();
    if ((in_flight_->flags & kLastFragment) != 0) {
      outbox_.pop_front();
      sent_of_front_ = 0;
    }
  }
  in_flight_.reset();
  ++send_sequence_;
  send_next();
}

void Endpoint::acknowledge(uint32_t sequence) {
  medium_->transmit(LinkFrame{FrameType::kAck, 0, session_, sequence, {}}.encode());
}

void Endpoint::send_next() {
  if (state_ != LinkState::kOpen || in_flight_ || outbox_.empty()) return;
  const ByteView rest = ByteView(outbox_.front()).subspan(sent_of_front_);
  const size_t length = std::min(rest.size(), kMaxPayload);
  const uint8_t flags = length == rest.size() ? kLastFragment : 0;
  in_flight_ = LinkFrame{FrameType::kData, flags, session_, send_sequence_,
                         protocol::to_bytes(rest.first(length))};
  retries_ = 0;
  transmit_in_flight();
}

void Endpoint::transmit_in_flight() {
  sent_ms_ = now_ms_;
  medium_->transmit(in_flight_->encode());
}

void Endpoint::hang_up() {
  if (!up()) return;
  if (state_ == LinkState::kOpen) {
    medium_->transmit(LinkFrame{FrameType::kBye, 0, session_, 0, {}}.encode());
  }
  state_ = LinkState::kClosed;
}

}  // namespace cafe::link
