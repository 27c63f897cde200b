#include "net/certificates.hpp"
#include <cstdlib>
#include <doctest/doctest.h>

namespace tandem::test {

Certificates::Certificates() {
    std::string name = std::filesystem::temp_directory_path() / "tandem-tls-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
    make_ca("ca");
}

Certificates::~Certificates() { std::filesystem::remove_all(folder_); }

void Certificates::run(const std::string &arguments) const {
    const std::string command = "cd '" + folder_.string() + "' && openssl " + arguments + " 2>openssl.log";
    REQUIRE_MESSAGE(std::system(command.c_str()) == 0, command);
}

void Certificates::make_ca(const std::string &name) const {
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 10 -subj /CN=" + name + " -keyout " +
        name + ".key -out " + name + ".pem -addext basicConstraints=critical,CA:TRUE");
}

void Certificates::make(const std::string &name, const std::string &names, const std::string &ca) const {
    run("req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 10 -subj /CN=" + name + " -keyout " +
        name + ".key -out " + name + ".pem -CA " + ca + ".pem -CAkey " + ca + ".key -addext subjectAltName=" + names +
        " -addext basicConstraints=critical,CA:FALSE");
}

std::shared_ptr<const TlsContext> load(const TlsFiles &files) {
    auto context = TlsContext::load(files);
    REQUIRE_MESSAGE(context.ok(), context.error().detail);
    return *context;
}

} // namespace tandem::test
