#include "json/json.hpp"
#include <cstdint>
#include <fmt/format.h>
#include <utility>
#include <vector>

namespace tandem {

namespace {

// Builds the value as the parser goes. The parser itself does not recurse, and this stops it at a limit.
class Builder final : public Json::json_sax_t {
public:
    explicit Builder(const JsonLimits &limits) : limits_(limits) {}

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(std::int64_t value) override { return add(value); }
    bool number_unsigned(std::uint64_t value) override { return add(value); }
    bool number_float(double value, const std::string & /*text*/) override { return add(value); }
    bool string(std::string &value) override { return is_plain(value) && add(std::move(value)); }
    bool binary(Json::binary_t & /*value*/) override { return refuse(Error::invalid, "it is no JSON"); }
    bool start_object(std::size_t /*size*/) override { return open(Json::object()); }
    bool start_array(std::size_t /*size*/) override { return open(Json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }

    bool key(std::string &name) override {
        if (!is_plain(name)) return false;
        const auto [place, is_new] = open_.back()->emplace(std::move(name), nullptr);
        if (!is_new) return refuse(Error::invalid, "a key stands twice in an object");
        member_ = &*place;
        return true;
    }

    bool parse_error(std::size_t position, const std::string & /*token*/, const Json::exception &error) override {
        // 406: a number that no double can hold.
        const char *const what = error.id == 406 ? "a number is out of range" : "it is no JSON";
        return refuse(Error::invalid, fmt::format("{} at byte {}", what, position));
    }

    Json take() { return std::move(root_); }
    Failure failure() const { return failure_; }

private:
    bool refuse(Error error, std::string detail) {
        if (failure_.detail.empty()) failure_ = {error, std::move(detail)};
        return false;
    }

    // What is kept as a string of C somewhere ends there, and is not what was checked.
    bool is_plain(const std::string &text) {
        return text.find('\0') == std::string::npos || refuse(Error::invalid, "a string has U+0000");
    }

    bool add(Json value) { return place(std::move(value)) != nullptr; }

    bool open(Json value) {
        if (open_.size() == limits_.depth_max) {
            return refuse(Error::too_large, fmt::format("it is deeper than {}", limits_.depth_max));
        }
        Json *const placed = place(std::move(value));
        if (placed) open_.push_back(placed);
        return placed;
    }

    bool close() {
        open_.pop_back();
        return true;
    }

    // An element that grows moves what is in it, but never what is open: that is the last one.
    Json *place(Json value) {
        if (++values_ > limits_.values_max) {
            refuse(Error::too_large, fmt::format("it has more than {} values", limits_.values_max));
            return nullptr;
        }
        if (open_.empty()) {
            root_ = std::move(value);
            return &root_;
        }
        if (open_.back()->is_array()) {
            open_.back()->push_back(std::move(value));
            return &open_.back()->back();
        }
        *member_ = std::move(value);
        return member_;
    }

    const JsonLimits limits_;
    Json root_;
    std::vector<Json *> open_; // from the outermost one
    Json *member_ = nullptr;   // whose key was read
    std::size_t values_ = 0;
    Failure failure_{Error::invalid, {}};
};

} // namespace

Result<Json, Failure> parse_json(std::string_view text, const JsonLimits &limits) {
    if (text.size() > limits.bytes_max) {
        return Failure{Error::too_large, fmt::format("it is longer than {} bytes", limits.bytes_max)};
    }
    Builder builder(limits);
    if (!Json::sax_parse(text.begin(), text.end(), &builder)) return builder.failure();
    return builder.take();
}

std::string to_text(const Json &value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

} // namespace tandem
