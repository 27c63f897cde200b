// Where a part tells what happens; who builds the parts says where that is.
#pragma once
#include "base/instant.hpp"
#include "event/event.hpp"

namespace tandem {

class EventSink {
public:
    virtual ~EventSink() = default;

    // Whether anybody listens: who asks before he makes an event pays nothing else.
    virtual bool is_wanted() const = 0;

    // `at`: when it happened; EventDraft::time_us is the sink's to say.
    virtual void tell(EventDraft draft, Instant at) = 0;
};

} // namespace tandem
