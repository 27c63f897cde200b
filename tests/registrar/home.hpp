// A registrar with two users, and their phones.
#pragma once
#include <string>
#include <vector>
#include "auth/digest_server.hpp"
#include "registrar/registrar.hpp"

namespace tandem::test {

extern const std::string aor;            // alice's
extern const Endpoint flow;              // what she registers over
extern const std::string by_edge_line;   // a second Via: the phone came through a proxy
extern const std::string supported_line; // in every answer that is a 200

struct Home {
    explicit Home(RegistrarOptions options = {});

    // A REGISTER of the phone at `source` as it stands: `lines` are whole header lines. The CSeq rises.
    RegisterAnswer send(const std::string &lines, const std::string &authorization = "",
                        const std::string &to = "sip:alice@example.com");

    // The same by a phone that answers the challenge as alice.
    RegisterAnswer put(const std::string &lines, const std::string &to = "sip:alice@example.com",
                       const std::string &password = "wonderland");

    std::string authorization(const std::string &user, const std::string &password);

    std::vector<BindingEventKind> events();      // that wait
    std::vector<BindingRecord> changes();        // that wait for the store
    std::vector<BindingRecord> bindings() const; // of alice

    SeededRandom random{1};
    SeededRandom ids{2};
    DigestServer digest{{.realm = "example.com"}, random};
    Registrar registrar;
    Instant now = at_ms(1000);
    Endpoint source = flow;
    std::string call_id = "c1";
    std::uint32_t cseq = 1;
};

} // namespace tandem::test
