// A bad line between two devices, for tests and the simulation: the same faults for the same seed.
#pragma once

#include <array>
#include <deque>

#include "device-sim/link/medium.h"
#include "libs/protocol/rng.h"

namespace cafe::link {

// Chances in 1/1000 for each transmission.
struct Faults {
  uint32_t drop = 0;
  uint32_t duplicate = 0;
  uint32_t corrupt = 0;  // some bytes altered, lost or inserted
  uint32_t reorder = 0;  // overtaken by the next transmission
};

class LossyMedium {
 public:
  LossyMedium(std::string_view seed, const Faults& faults);
  LossyMedium(const LossyMedium&) = delete;
  LossyMedium& operator=(const LossyMedium&) = delete;

  Medium& a() { return sides_[0]; }
  Medium& b() { return sides_[1]; }

  // From the n-th transmission on (both directions counted together), nothing arrives any more.
  void cut_after(uint64_t transmissions) { cut_after_ = transmissions; }
  // The devices are apart (true) or together again; what was on the line is lost.
  void set_cut(bool cut);
  uint64_t transmissions() const { return transmissions_; }

 private:
  class Side : public Medium {
   public:
    void transmit(protocol::ByteView bytes) override;
    std::optional<protocol::Bytes> poll() override;
    LossyMedium* line = nullptr;
    std::deque<protocol::Bytes> arrived;
    Side* other = nullptr;
  };
  bool happens(uint32_t per_mille) { return rng_.below(1000) < per_mille; }
  void corrupt(protocol::Bytes& bytes);

  protocol::SeededRng rng_;
  Faults faults_;
  std::array<Side, 2> sides_;
  uint64_t cut_after_ = UINT64_MAX;
  uint64_t transmissions_ = 0;
  bool cut_ = false;
};

}  // namespace cafe::link
