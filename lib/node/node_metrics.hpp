// What a node has counted, as a page for Prometheus.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>
#include "callapi/call_api.hpp"
#include "dialog/profile_table.hpp"
#include "event/bus.hpp"
#include "metrics/metric_page.hpp"
#include "net/http/http_server.hpp"
#include "node/audit.hpp"
#include "node/capture.hpp"
#include "node/cdr_stream.hpp"
#include "node/takeover.hpp"
#include "node/worker_statistics.hpp"
#include "registrar/registrar.hpp"
#include "trunk/trunk_status.hpp"

namespace tandem {

struct NodeNumbers {
    std::vector<WorkerStatistics> workers;
    RegistrarStatistics registrar;
    std::vector<TrunkStatus> trunks;
    AuditStatistics audit;
    std::optional<CdrStreamStatistics> cdr_stream; // none: records go to no stream
    std::optional<CaptureStatistics> capture;      // none: nobody sees the messages
    std::optional<TakeoverStatistics> takeover;    // none: nobody takes over
    bool has_store = false;
    bool has_cluster = false;
    bool is_draining = false;
    std::int64_t start_s = 0; // of the process, UTC
};

// Values of profiles that get a line of their own, of all profiles together; the rest is counted.
inline constexpr std::size_t metric_values_max = 1000;

void write_metrics(MetricPage &page, const NodeNumbers &numbers, const ProfileTable &profiles);

// The same of what runs on the API's thread.
struct ApiNumbers {
    std::vector<std::pair<std::string_view, HttpStatistics>> servers; // by section of the configuration
    std::optional<CallApiStatistics> call_api;                        // none: it is off
    BusStatistics events;
    std::uint64_t events_lost = 0; // before they came to the bus
};

void write_api_metrics(MetricPage &page, const ApiNumbers &numbers);

} // namespace tandem
