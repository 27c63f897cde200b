// Certificates in a directory of their own, made by the openssl program.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include "net/tls_context.hpp"

namespace tandem::test {

class Certificates {
public:
    Certificates();
    ~Certificates();
    Certificates(const Certificates &) = delete;
    Certificates &operator=(const Certificates &) = delete;

    // NAME.pem and NAME.key: a certificate for these names ("DNS:a.example,IP:127.0.0.1"), signed by `ca`.
    void make(const std::string &name, const std::string &names, const std::string &ca = "ca") const;
    void make_ca(const std::string &name) const;

    std::string path(const std::string &name) const { return (folder_ / name).string(); }
    TlsFiles files(const std::string &name) const { return {path(name + ".pem"), path(name + ".key"), {}, false}; }
    // Who also looks at the other side's.
    TlsFiles strict(const std::string &name, const std::string &ca = "ca") const {
        return {path(name + ".pem"), path(name + ".key"), path(ca + ".pem"), true};
    }

private:
    void run(const std::string &arguments) const;
    std::filesystem::path folder_;
};

std::shared_ptr<const TlsContext> load(const TlsFiles &files);

} // namespace tandem::test
