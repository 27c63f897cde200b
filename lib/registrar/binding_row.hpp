// A binding as the table keeps it: its texts in one block, 120 bytes beside them. Private to this folder.
#pragma once
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string_view>
#include "base/endpoint.hpp"
#include "base/id.hpp"
#include "base/instant.hpp"
#include "base/packed_text.hpp"
#include "base/timer_wheel.hpp"
#include "registrar/binding.hpp"

namespace tandem {

struct BindingRowTag;
using BindingRowId = Id<BindingRowTag>;

class BindingRow {
public:
    static constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();

    explicit BindingRow(const BindingRecord &record); // one that is alive
    BindingRecord record() const;

    std::string_view aor() const { return texts_.get(aor_text); }
    const Endpoint &flow() const { return flow_; }
    Instant registered() const { return registered_; }
    Instant expires() const { return expires_; }
    bool is_direct() const { return is_direct_; }

    // Its flow is a connection to us that lives, as far as we know.
    bool is_connected() const { return is_connected_; }

    // A flow of outbound ends with its connection (RFC 5626 section 4.2.2).
    bool is_outbound() const { return reg_id_ != 0; }

    // The connection is gone. Whoever has its address next is somebody else.
    void forget_flow();

    std::uint32_t next = none; // slot of the user's next binding
    TimerId timer;             // of its expiry

private:
    enum : std::size_t { aor_text, contact_text, instance_text, path_text, call_id_text, user_agent_text, text_count };

    PackedText<text_count> texts_;
    std::uint64_t id_;
    std::uint64_t version_;
    Instant registered_;
    Instant expires_;
    std::uint32_t reg_id_;
    std::uint32_t cseq_;
    Endpoint flow_;
    std::uint16_t q_;
    bool is_direct_;
    bool is_connected_;
};

// Behind an edge proxy the connection is the proxy's, and says nothing of the phone's.
bool is_connected(const BindingRecord &binding);

} // namespace tandem
