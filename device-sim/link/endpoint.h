// One end of a session: whole messages, in order, each exactly once, or a reported cut. Stop and
// wait with retransmission in both directions; time comes in by tick.
//
//   Endpoint terminal = Endpoint::caller(medium.a(), session_id);
//   Endpoint wallet = Endpoint::listener(medium.b());
//   terminal.send(offer);
//   for (uint64_t now_ms = 0; !wallet.has_message(); ++now_ms) { terminal.tick(now_ms); ... }
//
// One object is one session; another contact needs new ones. The two ends may hold different views
// of what arrived last when the link is cut, so whatever is said over it must bear being said
// again.
#pragma once

#include <deque>

#include "device-sim/link/frame_codec.h"
#include "device-sim/link/medium.h"

namespace cafe::link {

struct LinkOptions {
  uint32_t retransmit_ms = 50;              // unanswered frames are sent again after this
  uint32_t max_retries = 20;                // then the link counts as cut
  uint32_t idle_ms = 30'000;                // nothing valid heard for this long: cut
  size_t max_message = size_t{256} * 1024;  // bytes of one message
  size_t max_queued = 4;                    // messages waiting, in each direction
};

enum class LinkState {
  kOpening,  // caller: hello not answered yet; listener: no hello heard yet
  kOpen,
  kClosed,  // hung up by either side
  kCut,     // given up
};

class Endpoint {
 public:
  // Opens the session `session` (a fresh random id).
  static Endpoint caller(Medium& medium, uint32_t session, const LinkOptions& options = {});
  // Takes the first session that is opened.
  static Endpoint listener(Medium& medium, const LinkOptions& options = {});

  // Queues a message. LINK_DOWN (UNAVAILABLE) once closed or cut, MESSAGE_TOO_LONG, LINK_BUSY
  // (RESOURCE_EXHAUSTED) while max_queued messages wait.
  absl::Status send(protocol::Bytes message);
  bool has_message() const { return !inbox_.empty(); }
  // The next whole message, if any.
  std::optional<protocol::Bytes> receive();
  // Takes in what arrived, acknowledges, sends what is due. `now_ms` never goes back.
  void tick(uint64_t now_ms);
  // Says goodbye (best effort) and closes.
  void hang_up();

  LinkState state() const { return state_; }
  bool up() const { return state_ == LinkState::kOpening || state_ == LinkState::kOpen; }
  // Everything queued was acknowledged by the other side.
  bool all_delivered() const { return outbox_.empty() && !in_flight_; }
  uint64_t retransmissions() const { return retransmissions_; }

 private:
  Endpoint(Medium& medium, bool caller, uint32_t session, const LinkOptions& options)
      : medium_(&medium), caller_(caller), session_(session), options_(options) {}
  void take(const LinkFrame& frame);
  void take_data(const LinkFrame& frame);
  void take_ack(uint32_t sequence);
  void acknowledge(uint32_t sequence);
  void send_next();
  void transmit_in_flight();

  Medium* medium_;
  bool caller_;
  uint32_t session_;
  LinkOptions options_;
  LinkState state_ = LinkState::kOpening;
  uint64_t now_ms_ = 0;
  uint64_t heard_ms_ = 0;
  bool started_ = false;
  FrameDecoder decoder_;
  // Sending.
  std::deque<protocol::Bytes> outbox_;
  size_t sent_of_front_ = 0;  // bytes of outbox_.front() already acknowledged
  std::optional<LinkFrame> in_flight_;
  uint32_t send_sequence_ = 0;
  uint64_t sent_ms_ = 0;
  uint32_t retries_ = 0;
  uint64_t retransmissions_ = 0;
  // Receiving.
  uint32_t receive_sequence_ = 0;  // the next one expected
  protocol::Bytes partial_;
  std::deque<protocol::Bytes> inbox_;
};

}  // namespace cafe::link
