#include "base/random.hpp"

namespace tandem {

void append_token(Random &random, std::string &out) {
    static constexpr char alphabet[] = "0123456789abcdefghijklmnopqrstuv";
    char text[13];
    std::uint64_t bits = random.next();
    for (char &letter : text) {
        letter = alphabet[bits & 31];
        bits >>= 5;
    }
    out.append(text, sizeof text);
}

std::string make_token(Random &random) {
    std::string out;
    append_token(random, out);
    return out;
}

} // namespace tandem
