#include "device-sim/link/lossy_medium.h"

namespace cafe::link {

using protocol::Bytes;
using protocol::ByteView;

LossyMedium::LossyMedium(std::string_view seed, const Faults& faults)
    : rng_(seed), faults_(faults) {
  for (int i = 0; i < 2; ++i) {
    sides_[i].line = this;
    sides_[i].other = &sides_[1 - i];
  }
}

void LossyMedium::set_cut(bool cut) {
  cut_ = cut;
  cut_after_ = UINT64_MAX;
  for (Side& side : sides_) side.arrived.clear();
}

void LossyMedium::corrupt(Bytes& bytes) {
  for (uint64_t n = 1 + rng_.below(3); n > 0 && !bytes.empty(); --n) {
    const auto at = static_cast<ptrdiff_t>(rng_.below(bytes.size()));
    switch (rng_.below(3)) {
      case 0:
        bytes[at] ^= static_cast<uint8_t>(1 + rng_.below(255));
        break;
      case 1:
        bytes.erase(bytes.begin() + at);
        break;
      default:
        bytes.insert(bytes.begin() + at, static_cast<uint8_t>(rng_.below(256)));
    }
  }
}

void LossyMedium::Side::transmit(ByteView bytes) {
  LossyMedium& l = *line;
  if (l.transmissions_++ >= l.cut_after_) l.cut_ = true;
  if (l.cut_ || l.happens(l.faults_.drop)) return;
  const int copies = l.happens(l.faults_.duplicate) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    Bytes copy = protocol::to_bytes(bytes);
    if (l.happens(l.faults_.corrupt)) l.corrupt(copy);
    // Overtaking: the new one goes in front of what still waits.
    if (!other->arrived.empty() && l.happens(l.faults_.reorder)) {
      other->arrived.push_front(std::move(copy));
    } else {
      other->arrived.push_back(std::move(copy));
    }
  }
}

std::optional<Bytes> LossyMedium::Side::poll() {
  if (arrived.empty()) return std::nullopt;
  Bytes bytes = std::move(arrived.front());
  arrived.pop_front();
  return bytes;
}

}  // namespace cafe::link
