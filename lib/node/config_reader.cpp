#include "node/config_reader.hpp"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fmt/format.h>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>
#include "base/text.hpp"
#include "node/config_section.hpp"
#include "node/config_sections.hpp"
#include "node/toml_document.hpp"

namespace tandem {
namespace {

constexpr std::size_t file_size_max = 1 << 20;

using SectionReader = std::function<void(ConfigSection &)>;

Result<std::string, Failure> read_file(const std::string &path) {
    const auto failure = [&](std::string_view why) {
        return Failure{Error::config_invalid, fmt::format("{}:0:0: cannot read: {}", path, why)};
    };
    const std::unique_ptr<std::FILE, int (*)(std::FILE *)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
    if (!file) return failure(std::strerror(errno));
    std::string text(file_size_max + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get())) return failure(std::strerror(errno));
    if (text.size() > file_size_max) return failure(fmt::format("larger than {} bytes", file_size_max));
    return text;
}

class Reader {
public:
    explicit Reader(const TomlValue &root) : root_(root) {}

    void read() {
        config_.sip.listen.push_back(parse_address_port("127.0.0.1:5060").value());
        one("sip", [this](ConfigSection &section) { read_sip(section, config_); });
        one("tls", [this](ConfigSection &section) { read_tls(section, config_); });
        check_certificate();
        one("dns", [this](ConfigSection &section) { read_dns(section, config_); });
        one("store", [this](ConfigSection &section) { read_store(section, config_); });
        one("redis", [this](ConfigSection &section) { read_redis(section, config_); });
        if (config_.redis.url) config_.redis.url->name_servers = config_.dns.servers;
        one("limits", [this](ConfigSection &section) { read_limits(section, config_); });
        one("timers", [this](ConfigSection &section) { read_timers(section, config_); });
        one("audit", [this](ConfigSection &section) { read_audit(section, config_); });
        several("profile", [this](ConfigSection &section) { read_profile(section, config_); });
        several("trunk", [this](ConfigSection &section) { read_trunk(section, config_, trunks_); });
        for (const TrunkTarget &trunk : trunks_) {
            if (trunk.target) config_.trunks.push_back(*trunk.target);
            if (trunk.registration) config_.registrations.push_back(*trunk.registration);
        }
        one("control", [this](ConfigSection &section) { read_control(section, config_); });
        several("route", [this](ConfigSection &section) { read_route(section, trunks_, config_); });
        one("registrar", [this](ConfigSection &section) { read_registrar(section, config_); });
        one("call_api", [this](ConfigSection &section) { read_api(section, config_.tls, config_.call_api); });
        use_default_admin();
        one("admin", [this](ConfigSection &section) { read_api(section, config_.tls, config_.admin); });
        one("rtpengine", read_rtpengine);
        one("capture", [this](ConfigSection &section) { read_capture(section, config_); });
        one("log", [this](ConfigSection &section) { read_log(section, config_); });
        find_unknown();
    }

    Config &config() { return config_; }
    const ConfigProblems &problems() const { return problems_; }

private:
    const TomlMember *find(const char *name) {
        known_.push_back(name);
        return root_.find(name);
    }

    void one(const char *name, const SectionReader &reader) {
        const TomlMember *member = find(name);
        if (!member) return;
        if (member->value.kind != TomlValue::Kind::table) {
            problems_.add(member->at, fmt::format("\"{0}\" must be one table; write [{0}]", name));
            return;
        }
        ConfigSection section(member->value, fmt::format("[{}]", name), problems_);
        reader(section);
    }

    void several(const char *name, const SectionReader &reader) {
        const TomlMember *member = find(name);
        if (!member) return;
        const auto wrong = [&](SourcePosition at) {
            problems_.add(at, fmt::format("\"{0}\" may be there several times; write [[{0}]]", name));
        };
        if (member->value.kind != TomlValue::Kind::array) return wrong(member->at);
        for (const TomlValue &item : member->value.items) {
            if (item.kind != TomlValue::Kind::table) return wrong(item.at);
            ConfigSection section(item, fmt::format("[[{}]]", name), problems_);
            reader(section);
        }
    }

    void use_default_admin() {
        config_.admin.listen = parse_address_port("127.0.0.1:8080");
        config_.admin.listen->transport = Transport::tcp;
        config_.admin.is_default = true;
    }

    // Without one nobody can be answered over TLS.
    void check_certificate() {
        const TomlMember *sip = root_.find("sip");
        const TomlMember *listen = sip ? sip->value.find("listen") : nullptr;
        if (!listen || !config_.tls.certificate.empty()) return;
        for (const TomlValue &item : listen->value.items) {
            if (!equals_ignoring_case(std::string_view(item.text).substr(0, 4), "tls:")) continue;
            problems_.add(
                item.at,
                fmt::format("\"{}\" in \"listen\" of [sip] needs \"certificate\" and \"key\" in [tls]", item.text));
        }
    }

    void find_unknown() {
        for (const TomlMember &member : root_.members) {
            if (std::find(known_.begin(), known_.end(), member.key) != known_.end()) continue;
            const bool is_section = member.value.kind == TomlValue::Kind::table;
            const std::string_view nearest = nearest_word(member.key, known_);
            const std::string right = nearest.empty() ? fmt::format("known sections are {}", fmt::join(known_, ", "))
                                                      : fmt::format("did you mean [{}]?", nearest);
            problems_.add(member.at, is_section ? fmt::format("unknown section [{}]; {}", member.key, right)
                                                : fmt::format("unknown key \"{}\" outside of every section; {}",
                                                              member.key, right));
        }
    }

    const TomlValue &root_;
    ConfigProblems problems_;
    Config config_;
    std::vector<TrunkTarget> trunks_;
    std::vector<std::string_view> known_;
};

std::string line(std::string_view name, const SourceError &error) {
    return fmt::format("{}:{}:{}: {}", name, error.at.line, error.at.column, error.text);
}

} // namespace

Result<Config, Failure> parse_config(std::string_view text, std::string_view name) {
    ConfigProblems syntax;
    const auto root = parse_toml(text);
    if (!root) {
        syntax.add(root.error().at, root.error().text);
        return Failure{Error::config_invalid, line(name, *syntax.first())};
    }
    Reader reader(*root);
    reader.read();
    if (const auto &problem = reader.problems().first()) {
        return Failure{Error::config_invalid, line(name, *problem)};
    }
    for (const SourceError &warning : reader.problems().warnings()) {
        reader.config().warnings.push_back(line(name, warning));
    }
    return std::move(reader.config());
}

Result<Config, Failure> read_config(const std::string &path) {
    auto text = read_file(path);
    if (!text) return text.error();
    return parse_config(*text, path);
}

} // namespace tandem
