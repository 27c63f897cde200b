#include "fuzz/phone.hpp"
#include <utility>

namespace tandem::test {
namespace {

constexpr std::size_t kept_max = 48;

template <class Kept>
void keep(std::vector<Kept> &list, Kept kept) {
    if (list.size() >= kept_max) list.erase(list.begin());
    list.push_back(std::move(kept));
}

// The newest one that fits, or the one `back` before it.
template <class Kept, class Predicate>
const Kept *find_back(const std::vector<Kept> &list, std::uint32_t back, Predicate fits) {
    for (auto kept = list.rbegin(); kept != list.rend(); ++kept) {
        if (fits(*kept) && back-- == 0) return &*kept;
    }
    return nullptr;
}

std::string_view method_of(char letter) {
    switch (letter) {
    case 'I': return "INVITE";
    case 'B': return "BYE";
    case 'U': return "UPDATE";
    case 'N': return "INFO";
    case 'M': return "MESSAGE";
    case 'O': return "OPTIONS";
    case 'P': return "PRACK";
    case 'F': return "REFER";
    case 'G': return "REGISTER";
    case 'A': return "ACK";
    case 'C': return "CANCEL";
    default: return "PUZZLE";
    }
}

std::string line(std::string_view name, std::string_view value) {
    return std::string(name).append(": ").append(value).append("\r\n");
}

// [r] [q] [pN] [u] [xN] [yN]: 100rel supported, required; RSeq N; Allow with UPDATE; Session-Expires N, refresher uac
// or uas.
std::string extensions(Line &step) {
    std::string out;
    if (step.take('r')) out += line("Supported", "100rel");
    if (step.take('q')) out += line("Require", "100rel");
    if (step.take('p')) out += line("RSeq", std::to_string(step.number(0xffffffff)));
    if (step.take('u')) out += line("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE, PRACK");
    for (char refresher : {'x', 'y'}) {
        if (!step.take(refresher)) continue;
        out += line("Session-Expires", std::to_string(step.number(0xffffffff))) + line("k", "timer");
        out.insert(out.find("\r\nk: timer"), refresher == 'x' ? ";refresher=uac" : ";refresher=uas");
    }
    return out;
}

std::string ending(bool has_body) {
    return has_body ? "Content-Type: application/sdp\r\nContent-Length: 8\r\n\r\nv=0 text"
                    : "Content-Length: 0\r\n\r\n";
}

} // namespace

bool Phone::has_got(std::string_view bytes) const {
    return find_back(got_, 0, [&](const Kept &kept) { return kept.bytes == bytes; }) != nullptr;
}

void Phone::keep_got(const Message &message, std::string_view bytes) { keep(got_, Kept{message, std::string(bytes)}); }

void Phone::keep_sent(std::string_view bytes) {
    auto message = Message::parse(bytes);
    keep(sent_, Kept{message ? *message : Message(), std::string(bytes)});
}

const Message *Phone::got(std::uint32_t back) const {
    const Kept *kept = find_back(got_, back, [](const Kept &) { return true; });
    return kept ? &kept->message : nullptr;
}

std::string Phone::write(Line step) {
    const char what = step.letter();
    const auto any = [](const Kept &) { return true; };
    switch (what) {
    case 'I': return write_invite(step);
    case 'R': return write_response(step);
    case 'Q': return write_request(step);
    case 'A': return write_ack(step);
    case 'C': return write_cancel(step);
    case 'S':   // what it sent once more
    case 'E': { // what it got, back
        const Kept *kept = find_back(what == 'S' ? sent_ : got_, step.number(kept_max), any);
        return kept ? kept->bytes : std::string();
    }
    default: return {};
    }
}

// I number [d] [extensions]: the number makes the Call-ID; d: with an offer.
std::string Phone::write_invite(Line step) {
    const std::string call = name_ + std::to_string(step.number(9));
    std::string out = start("INVITE", "sip:" + call + "@192.0.2.9", next_branch());
    out += "From: \"A, B\" <sip:" + name_ + "@example.com>;tag=" + call + "\r\nTo: <sip:other@example.com>\r\n";
    out += line("Call-ID", call) + "CSeq: " + std::to_string(++cseq_) + " INVITE\r\n";
    const bool has_body = step.take('d');
    return out + extensions(step) + ending(has_body);
}

// R status back [t number | -] [d] [c | h number | n number] [extensions]: to the request that it got; tag, none; with
// a description; without a Contact, with that of another phone here, with one at a host that has a name.
std::string Phone::write_response(Line step) {
    const std::uint32_t status = step.number(999);
    const Kept *asked = find_back(got_, step.number(kept_max), [](const Kept &kept) {
        return kept.message.is_request() && kept.message.method() != Method::ack;
    });
    if (!asked) return {};
    const Message &request = asked->message;
    std::string out = "SIP/2.0 " + std::to_string(status) + " Words\r\n";
    request.append_vias(out);
    out += line("From", request.value(Header::from)) + "To: " + std::string(request.value(Header::to));
    const std::string own = tag(step);
    if (!step.take('-') && request.to_tag().empty()) out += ";tag=" + own;
    out += "\r\n" + line("Call-ID", request.call_id()) + line("CSeq", request.value(Header::cseq));
    const bool has_body = step.take('d');
    if (step.take('h')) {
        out += "Contact: <sip:" + std::to_string(step.number(9)) + "@" + endpoint_.to_string() + ">;q=0.5\r\n";
    } else if (step.take('n')) {
        out += "Contact: <sip:" + name_ + "@" + std::to_string(step.number(9)) + ".example>;q=0.7\r\n";
    } else if (!step.take('c')) {
        out += "Contact: <sip:" + name_ + "@" + endpoint_.to_string() + ">\r\n";
    }
    return out + extensions(step) + ending(has_body);
}

// Q method back [t number] [+] [=] [o] [d] [extensions]: in the dialog of the message that it got; tag; a great CSeq,
// the last one once more; no To-tag; with a body. A PRACK is for that message.
std::string Phone::write_request(Line step) {
    const std::string_view method = method_of(step.letter());
    const Kept *met = find_back(got_, step.number(kept_max), [](const Kept &) { return true; });
    if (!met) return {};
    const Message &message = met->message;
    const bool was_asked = message.is_request();
    std::string local(message.value(was_asked ? Header::to : Header::from));
    if (was_asked && message.to_tag().empty()) local += ";tag=" + tag(step);
    std::string remote(message.value(was_asked ? Header::from : Header::to));
    if (step.take('+')) cseq_ += 1'000'000;
    if (!step.take('=')) ++cseq_;
    if (step.take('o')) remote = "<sip:other@example.com>";
    std::string out = start(method, "sip:192.0.2.9", next_branch());
    out += line("From", local) + line("To", remote) + line("Call-ID", message.call_id());
    out += "CSeq: " + std::to_string(cseq_) + " " + std::string(method) + "\r\n";
    if (method == "PRACK") {
        out += "RAck: " + std::string(message.value(Header::rseq)) + " " + std::string(message.value(Header::cseq)) +
               "\r\n";
    }
    const bool has_body = step.take('d');
    return out + extensions(step) + ending(has_body);
}

// A back [d]: for the final response to an INVITE; with an answer.
std::string Phone::write_ack(Line step) {
    const Kept *met = find_back(got_, step.number(kept_max), [](const Kept &kept) {
        return kept.message.status() >= 200 && kept.message.method() == Method::invite;
    });
    if (!met) return {};
    const Message &answer = met->message;
    const bool is_refusal = answer.status() >= 300;
    std::string out = start("ACK", "sip:192.0.2.9", is_refusal ? std::string(answer.top_via().branch) : next_branch());
    out += line("From", answer.value(Header::from)) + line("To", answer.value(Header::to));
    out += line("Call-ID", answer.call_id()) + "CSeq: " + std::to_string(answer.cseq()) + " ACK\r\n";
    return out + ending(step.take('d'));
}

// C back: of the INVITE that it sent.
std::string Phone::write_cancel(Line step) const {
    const Kept *met = find_back(sent_, step.number(kept_max), [](const Kept &kept) {
        return kept.message && kept.message.is_request() && kept.message.method() == Method::invite;
    });
    if (!met) return {};
    const Message &invite = met->message;
    std::string out = start("CANCEL", invite.request_uri(), invite.top_via().branch);
    out += line("From", invite.value(Header::from)) + line("To", invite.value(Header::to));
    out += line("Call-ID", invite.call_id()) + "CSeq: " + std::to_string(invite.cseq()) + " CANCEL\r\n";
    return out + ending(false);
}

std::string Phone::tag(Line &step) const { return step.take('t') ? name_ + std::to_string(step.number(99)) : name_; }

// Everything above From.
std::string Phone::start(std::string_view method, std::string_view uri, std::string_view branch) const {
    std::string out = std::string(method).append(" ").append(uri).append(" SIP/2.0\r\n");
    out += "Via: SIP/2.0/" + std::string(to_string(endpoint_.transport)) + " " + endpoint_.to_string() + ";branch=";
    out.append(branch).append("\r\nMax-Forwards: 70\r\n");
    return out + "Contact: <sip:" + name_ + "@" + endpoint_.to_string() + ">\r\n";
}

std::string Phone::next_branch() { return "z9hG4bK-" + name_ + std::to_string(++branches_); }

} // namespace tandem::test
