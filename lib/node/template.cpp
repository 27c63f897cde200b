#include "node/template.hpp"
#include <algorithm>
#include <array>
#include <utility>
#include "base/text.hpp"
#include "sip/uri.hpp"

namespace tandem {
namespace {

constexpr std::string_view names = "from.user from.uri to.user to.uri request.user request.uri source.ip trunk "
                                   "header.NAME var.NAME";

std::string_view header_value(const Message &message, Header id, std::string_view name) {
    if (id != Header::other) return message.value(id);
    for (const HeaderLine &line : message.headers()) {
        if (equals_ignoring_case(line.name, name)) return line.value;
    }
    return {};
}

} // namespace

std::string uri_user(std::string_view uri) {
    auto parsed = Uri::parse(uri);
    if (!parsed) return {};
    return parsed->user.substr(0, parsed->user.find(':'));
}

Template Template::literal(std::string_view text) {
    Template made;
    made.add_text(text);
    return made;
}

Result<Template, std::string> Template::parse(std::string_view text, Groups groups) {
    Template made;
    while (!text.empty()) {
        const std::size_t plain = text.find_first_of(groups == Groups::allowed ? "{$" : "{");
        made.add_text(text.substr(0, plain));
        if (plain == std::string_view::npos) break;
        text.remove_prefix(plain);

        const char next = text.size() > 1 ? text[1] : '\0';
        if (next == text[0]) {
            made.add_text(text.substr(0, 1));
            text.remove_prefix(2);
        } else if (text[0] == '$') {
            if (next < '0' || next > '9') return std::string("$ without a digit; write $1, or $$ for one dollar");
            const auto group = static_cast<unsigned>(next - '0');
            made.parts_.push_back({Kind::group, {}, Header::other, group});
            made.group_max_ = std::max(made.group_max_, group);
            text.remove_prefix(2);
        } else {
            const std::size_t end = text.find('}');
            if (end == std::string_view::npos) return std::string("{ without }; write {{ for one brace");
            if (auto added = made.add_name(text.substr(1, end - 1)); !added) return added.error();
            text.remove_prefix(end + 1);
        }
    }
    return made;
}

void Template::add_text(std::string_view text) {
    if (text.empty()) return;
    if (parts_.empty() || parts_.back().kind != Kind::text) parts_.push_back({});
    parts_.back().text.append(text);
}

Result<void, std::string> Template::add_name(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, Kind>, 8> plain = {{
        {"from.user", Kind::from_user},
        {"from.uri", Kind::from_uri},
        {"to.user", Kind::to_user},
        {"to.uri", Kind::to_uri},
        {"request.user", Kind::request_user},
        {"request.uri", Kind::request_uri},
        {"source.ip", Kind::source_ip},
        {"trunk", Kind::trunk},
    }};
    for (const auto &[known, kind] : plain) {
        if (name == known) {
            parts_.push_back({kind, {}, Header::other, 0});
            return {};
        }
    }
    static constexpr std::array<std::pair<std::string_view, Kind>, 2> prefixes = {{
        {"header.", Kind::header},
        {"var.", Kind::variable},
    }};
    for (const auto &[prefix, kind] : prefixes) {
        if (name.size() <= prefix.size() || name.substr(0, prefix.size()) != prefix) continue;
        const std::string_view rest = name.substr(prefix.size());
        parts_.push_back({kind, std::string(rest), parse_header_name(rest), 0});
        return {};
    }
    return "unknown name {" + std::string(name) + "}; known are " + std::string(names);
}

void Template::render(const TemplateInput &input, std::string &out) const {
    for (const Part &part : parts_) render_part(part, input, out);
}

void Template::render_part(const Part &part, const TemplateInput &input, std::string &out) {
    const Message &invite = *input.invite;
    switch (part.kind) {
    case Kind::text: out.append(part.text); return;
    case Kind::group:
        if (input.groups && part.group < input.groups->size()) out.append((*input.groups)[part.group]);
        return;
    case Kind::from_user: out.append(uri_user(invite.from_uri())); return;
    case Kind::from_uri: out.append(invite.from_uri()); return;
    case Kind::to_user: out.append(uri_user(invite.to_uri())); return;
    case Kind::to_uri: out.append(invite.to_uri()); return;
    case Kind::request_user: out.append(uri_user(invite.request_uri())); return;
    case Kind::request_uri: out.append(invite.request_uri()); return;
    case Kind::source_ip: out.append(input.source->ip.to_string()); return;
    case Kind::trunk: out.append(input.trunk); return;
    case Kind::header: out.append(header_value(invite, part.header, part.text)); return;
    case Kind::variable: return; // none is ever set in this version
    }
}

} // namespace tandem
