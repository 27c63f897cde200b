#include "net/dns/dns_message.hpp"
#include <algorithm>
#include <ares.h>
#include <memory>

namespace tandem {
namespace {

constexpr std::uint16_t type_cname = 5;
constexpr std::uint16_t type_soa = 6;
constexpr std::uint16_t class_internet = 1;
constexpr std::size_t header_size = 12;
constexpr std::size_t record_head_size = 10; // type, class, TTL and size of the data, behind the name
constexpr int rcode_no_error = 0;
constexpr int rcode_no_name = 3;

constexpr std::size_t walk_max = 512; // records looked at in one response
constexpr std::size_t cname_max = 8;  // steps from the name asked for to the one that has the records

using Bytes = std::span<const std::uint8_t>;

std::uint16_t get16(Bytes bytes, std::size_t at) { return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]); }

std::uint32_t get32(Bytes bytes, std::size_t at) {
    return static_cast<std::uint32_t>(get16(bytes, at)) << 16 | get16(bytes, at + 2);
}

// RFC 2181 section 8: a number with its highest bit set is none.
Duration ttl_of(std::uint32_t seconds) { return std::chrono::seconds(seconds > 0x7fffffff ? 0 : seconds); }

// The name at `at`, which moves behind it. None if it breaks off or its compression runs in circles.
std::optional<std::string> read_name(Bytes message, std::size_t &at) {
    if (at >= message.size()) return std::nullopt;
    char *text = nullptr;
    long size = 0;
    if (ares_expand_name(message.data() + at, message.data(), static_cast<int>(message.size()), &text, &size) !=
        ARES_SUCCESS)
        return std::nullopt;
    const std::unique_ptr<char, void (*)(void *)> owner(text, &ares_free_string);
    at += static_cast<std::size_t>(size);
    return std::string(text);
}

struct Record {
    std::string owner; // canonical; empty: it is no name that we ask for
    std::uint16_t type = 0;
    Duration ttl{};
    std::size_t data = 0; // where it begins
    std::size_t size = 0;
};

// The records of a response one after the other.
class Walk {
public:
    Walk(Bytes message, std::size_t at) : message_(message), at_(at) {}

    bool skip_question() {
        const bool is_read = read_name(message_, at_).has_value();
        at_ += 4;
        return is_read && at_ <= message_.size();
    }

    std::optional<Record> next() {
        const auto owner = read_name(message_, at_);
        if (!owner || message_.size() - at_ < record_head_size) return std::nullopt;
        Record record;
        record.owner = canonical_dns_name(*owner).value_or("");
        record.type = get16(message_, at_);
        const bool is_internet = get16(message_, at_ + 2) == class_internet;
        record.ttl = ttl_of(get32(message_, at_ + 4));
        record.size = get16(message_, at_ + 8);
        record.data = at_ + record_head_size;
        if (message_.size() - record.data < record.size) return std::nullopt;
        at_ = record.data + record.size;
        if (!is_internet) record.type = 0;
        return record;
    }

private:
    Bytes message_;
    std::size_t at_;
};

// A name in the data of a record, which has to end with it.
std::optional<std::string> read_last_name(Bytes message, const Record &record, std::size_t at) {
    auto name = read_name(message, at);
    return at == record.data + record.size ? name : std::nullopt;
}

std::optional<std::string> read_text(Bytes message, const Record &record, std::size_t &at) {
    const std::size_t end = record.data + record.size;
    if (at >= end || end - at - 1 < message[at]) return std::nullopt;
    const Bytes text = message.subspan(at + 1, message[at]);
    at += 1 + text.size();
    return std::string(text.begin(), text.end());
}

void read_address(Bytes message, const Record &record, bool is_v6, DnsAnswer &answer) {
    IpAddress ip;
    ip.is_v6 = is_v6;
    if (record.size != (is_v6 ? 16 : 4)) return;
    std::copy_n(message.begin() + static_cast<std::ptrdiff_t>(record.data), record.size, ip.bytes.begin());
    answer.addresses.push_back(ip);
}

void read_srv(Bytes message, const Record &record, DnsAnswer &answer) {
    constexpr std::size_t fixed = 6;
    if (record.size <= fixed) return;
    const auto target = read_last_name(message, record, record.data + fixed);
    if (!target) return;
    const auto host = canonical_dns_name(*target);
    if (!host && !target->empty()) return;
    answer.srv.push_back({get16(message, record.data), get16(message, record.data + 2), get16(message, record.data + 4),
                          host.value_or("")});
}

void read_naptr(Bytes message, const Record &record, DnsAnswer &answer) {
    constexpr std::size_t fixed = 4;
    if (record.size <= fixed) return;
    std::size_t at = record.data + fixed;
    auto flags = read_text(message, record, at);
    auto services = flags ? read_text(message, record, at) : std::nullopt;
    const auto expression = services ? read_text(message, record, at) : std::nullopt;
    if (!expression || !expression->empty()) return;
    const auto name = read_last_name(message, record, at);
    auto replacement = name ? canonical_dns_name(*name) : std::nullopt;
    if (!replacement) return;
    answer.naptr.push_back({get16(message, record.data), get16(message, record.data + 2), std::move(*flags),
                            std::move(*services), std::move(*replacement)});
}

void read_data(Bytes message, const Record &record, DnsType type, DnsAnswer &answer) {
    switch (type) {
    case DnsType::a: return read_address(message, record, false, answer);
    case DnsType::aaaa: return read_address(message, record, true, answer);
    case DnsType::srv: return read_srv(message, record, answer);
    case DnsType::naptr: return read_naptr(message, record, answer);
    }
}

// How long it may be believed that there is nothing: RFC 2308 section 5. The SOA stands in the authority section.
Duration negative_ttl(Bytes message, Walk &walk, std::size_t count) {
    constexpr std::size_t numbers = 20; // of an SOA, behind its two names
    for (std::size_t i = 0; i < count; ++i) {
        const auto record = walk.next();
        if (!record) break;
        if (record->type != type_soa || record->size < numbers + 2) continue;
        return std::min(record->ttl, ttl_of(get32(message, record->data + record->size - 4)));
    }
    return {};
}

// Steps from alias to alias; false if there is no end to them. `name` becomes the last one, `ttl` the smallest.
bool follow_aliases(Bytes message, const std::vector<Record> &records, std::string &name, Duration &ttl) {
    for (std::size_t step = 0; step <= cname_max; ++step) {
        const auto alias = std::find_if(records.begin(), records.end(), [&name](const Record &record) {
            return record.type == type_cname && record.owner == name;
        });
        if (alias == records.end()) return true;
        const auto target = read_last_name(message, *alias, alias->data);
        const auto canonical = target ? canonical_dns_name(*target) : std::nullopt;
        if (!canonical) return false;
        name = *canonical;
        ttl = std::min(ttl, alias->ttl);
    }
    return false;
}

} // namespace

DnsAnswer read_dns_answer(Bytes message, const DnsQuestion &question) {
    DnsAnswer answer;
    constexpr std::uint8_t is_response = 0x80;
    constexpr std::size_t response_max = 65535; // what TCP carries
    if (message.size() < header_size || message.size() > response_max || !(message[2] & is_response)) return answer;
    const int rcode = message[3] & 0x0f;
    if (rcode != rcode_no_error && rcode != rcode_no_name) return answer;
    const std::size_t question_count = get16(message, 4);
    const std::size_t answer_count = get16(message, 6);
    const std::size_t authority_count = std::min<std::size_t>(get16(message, 8), walk_max);

    Walk walk(message, header_size);
    if (question_count > 1 || (question_count == 1 && !walk.skip_question())) return answer;
    std::vector<Record> records;
    for (std::size_t i = 0; i < std::min(answer_count, walk_max); ++i) {
        auto record = walk.next();
        if (!record) return answer;
        const bool is_wanted = record->type == type_cname || record->type == static_cast<std::uint16_t>(question.type);
        if (is_wanted && !record->owner.empty()) records.push_back(std::move(*record));
    }

    std::string name = question.name;
    Duration ttl = Duration::max();
    if (!follow_aliases(message, records, name, ttl)) return answer;
    std::size_t found = 0;
    for (const Record &record : records) {
        if (record.type == type_cname || record.owner != name || found == dns_record_max) continue;
        ++found;
        ttl = std::min(ttl, record.ttl);
        read_data(message, record, question.type, answer);
    }
    if (!answer.addresses.empty() || !answer.srv.empty() || !answer.naptr.empty()) {
        answer.status = DnsStatus::ok;
        answer.ttl = ttl;
        return answer;
    }
    answer.status = rcode == rcode_no_name ? DnsStatus::no_name : DnsStatus::no_data;
    if (answer_count <= walk_max) answer.ttl = std::min(ttl, negative_ttl(message, walk, authority_count));
    return answer;
}

} // namespace tandem
