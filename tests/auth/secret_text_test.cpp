#include <cstring>
#include <doctest/doctest.h>
#include <memory>
#include <string>
#include <utility>
#include "auth/secret_text.hpp"

using namespace tandem;

namespace {

constexpr std::string_view secret = "wonderland"; // short enough to stand in the object itself

bool holds(const unsigned char *bytes, std::size_t size) {
    return std::string_view(reinterpret_cast<const char *>(bytes), size).find(secret.substr(1)) !=
           std::string_view::npos; // an empty string begins with a zero
}

} // namespace

TEST_CASE("secret: nothing of it stays where it was") {
    alignas(SecretText) unsigned char bytes[sizeof(SecretText)] = {};
    auto *text = new (bytes) SecretText(secret);
    CHECK(text->view() == secret);
    CHECK(holds(bytes, sizeof bytes));
    SecretText moved(std::move(*text));
    CHECK(moved.view() == secret);
    CHECK_FALSE(holds(bytes, sizeof bytes));
    *text = moved;
    CHECK(holds(bytes, sizeof bytes));
    CHECK(*text == moved);
    std::destroy_at(text);
    CHECK_FALSE(holds(bytes, sizeof bytes));
}

TEST_CASE("secret: another value overwrites the one before") {
    SecretText text("something else that is longer than a string object has room for");
    CHECK_FALSE(text.empty());
    text = "x";
    CHECK(text.view() == "x");
    text = SecretText();
    CHECK(text.empty());
}

TEST_CASE("secret: a string is overwritten to the end of its memory") {
    std::string text(secret);
    const char *bytes = text.data();
    cleanse(text);
    CHECK(text.empty());
    CHECK_FALSE(holds(reinterpret_cast<const unsigned char *>(bytes), secret.size()));
}
