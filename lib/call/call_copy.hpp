// A call that is up as text: for another process, which goes on with it when this one is gone.
#pragma once
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/wall_clock.hpp"
#include "dialog/dialog_record.hpp"

namespace tandem {

// The records of its legs, with what is kept of each in `leg`. Times are UTC.
std::string call_to_text(std::span<const DialogRecord> legs, const WallClock &wall);

// The same read again.
class CallCopyReader {
public:
    CallCopyReader(CallCopyReader &&) = default;
    CallCopyReader &operator=(CallCopyReader &&) = default;
    CallCopyReader(const CallCopyReader &) = delete; // the views of a copy would be those of the original
    CallCopyReader &operator=(const CallCopyReader &) = delete;

    // None: nobody of us has written it. Deadlines are instants by the present offset of `wall`.
    static std::optional<CallCopyReader> parse(std::string_view text, const WallClock &wall);

    std::span<DialogRecord> legs() { return legs_; } // their views live as long as the object

private:
    friend class LegReader;
    CallCopyReader() = default;
    std::deque<std::string> texts_; // where they point to
    std::vector<DialogRecord> legs_;
};

} // namespace tandem
