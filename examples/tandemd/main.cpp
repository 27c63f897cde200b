// The server: reads its options and its configuration, and runs a node until a signal ends it.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>
#include <sys/resource.h>
#include <tandem/version.h>
#include "node/config_reader.hpp"
#include "node/log.hpp"
#include "node/server.hpp"

namespace {

constexpr int exit_bad_start = 2;

// A connection is a descriptor: as many as we may have. The lower limit is for programs that use select().
void raise_descriptor_limit() {
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return;
    descriptors.rlim_cur = descriptors.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
}

struct Options {
    std::string config;
    bool is_check = false;
};

int fail(const std::string &line) {
    std::fprintf(stderr, "%s\n", line.c_str());
    return exit_bad_start;
}

int run(const Options &options) {
    auto config = options.config.empty() ? tandem::parse_config("", "") : tandem::read_config(options.config);
    if (!config) return fail(config.error().detail);
    if (options.is_check) {
        std::printf("%s: ok\n", options.config.empty() ? "defaults" : options.config.c_str());
        return 0;
    }
    raise_descriptor_limit();
    std::signal(SIGPIPE, SIG_IGN); // who reads the log may go away
    tandem::Log log(config->log);
    auto server = tandem::Server::open(*config, options.config, log);
    if (!server) return fail("tandemd: " + server.error().detail);
    (*server)->run([] {
        std::puts("tandemd ready");
        std::fflush(stdout);
    });
    return 0;
}

} // namespace

int main(int argc, char **argv) {
    Options options;
    CLI::App app("tandemd: a SIP B2BUA that tracks and records its calls", "tandemd");
    app.add_option("--config", options.config, "Configuration file (TOML); without one: all defaults, and no route");
    app.add_flag("--check", options.is_check, "Check the configuration, open nothing");
    app.set_version_flag("--version", std::string("tandemd ") + tandem_version());
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success &wanted) {
        return app.exit(wanted); // --help, --version
    } catch (const CLI::ParseError &error) {
        return fail(std::string("tandemd: ") + error.what() + "; see tandemd --help");
    }
    try {
        return run(options);
    } catch (const std::exception &error) {
        return fail(std::string("tandemd: ") + error.what());
    }
}
