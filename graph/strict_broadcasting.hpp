#pragma once

namespace xgrad {

/// While alive, elementwise operations of this thread refuse what NumPy's broadcasting is most often a mistake for: an
/// array of one axis beside one of several, (4,) + (4, 400), and a stretch in two ways, (m, 1) − (1, m). The ShapeError
/// shows the reshape that was probably meant. Numbers, scalars and (4, 1) + (4, 400) stay allowed, and so does what the
/// library's own functions and derivatives do inside. Scopes nest: the inner one decides, true or false.
///
///     const xgrad::StrictBroadcasting strict;
class StrictBroadcasting {
  public:
    explicit StrictBroadcasting(bool strict = true) noexcept;
    ~StrictBroadcasting();
    StrictBroadcasting(const StrictBroadcasting&) = delete;
    StrictBroadcasting& operator=(const StrictBroadcasting&) = delete;

    /// What the innermost scope of this thread says; false outside of any.
    static bool is_on() noexcept;

  private:
    bool previous_;
};

}  // namespace xgrad
