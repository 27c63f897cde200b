// Two phones and an Engine between them, by a program of one step a line; programs.md lists the steps.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "fuzz/edit.hpp"
#include "fuzz/engine_run.hpp"
#include "fuzz/line.hpp"

using namespace tandem;
using namespace tandem::test;

namespace {

constexpr int step_max = 200;

// The lines up to one with a single dot, with the line ends that SIP has.
std::string take_text(std::string_view &program) {
    std::string text;
    while (!program.empty()) {
        const std::string_view line = take_line(program);
        if (line == ".") break;
        text.append(line).append("\r\n");
    }
    return text;
}

class Player {
public:
    explicit Player(const RunOptions &options) : run_(options) {}

    void play(std::string_view program) {
        for (int step = 0; step < step_max && !program.empty(); ++step) {
            Line line(take_line(program));
            const char what = line.letter();
            switch (what) {
            case 'a': speak(run_.alice(), line, program); break;
            case 'b': speak(run_.bob(), line, program); break;
            case 'm': edits_.emplace_back(line.rest()); break;
            case 's': is_stranger_ = true; break;
            case 'w': run_.wait(std::chrono::milliseconds(line.number(50'000'000))); break;
            case 'n': run_.wait_for_deadline(); break;
            case 'f': run_.fail(line.number(100)); break;
            case 'k': run_.lose(line.letter() == 'b' ? run_.bob() : run_.alice()); break;
            case 'l': resolve(line); break;
            case 'c': command(line); break;
            case 'v': run_.engine().set_overloaded(line.number(1) == 1); break;
            case 'x': run_.engine().refuse_new_calls(); break;
            default: break;
            }
        }
        run_.finish();
    }

private:
    void resolve(Line line) {
        const std::uint32_t back = line.number(100);
        run_.resolve(back, line.rest().substr(0, 20));
    }

    void command(Line line) {
        const Phone &who = line.letter() == 'b' ? run_.bob() : run_.alice();
        const char what = line.letter();
        if (const Message *message = who.got(line.number(48))) run_.command(what, Message(*message));
    }

    void speak(Phone &phone, Line line, std::string_view &program) {
        std::string bytes = Line(line).take(':') ? take_text(program) : phone.write(line);
        if (bytes.empty()) return;
        for (const std::string &what : edits_) edit(bytes, what);
        Endpoint source = phone.endpoint();
        if (is_stranger_) source.ip = *IpAddress::parse("203.0.113.9");
        edits_.clear();
        is_stranger_ = false;
        phone.keep_sent(bytes);
        run_.send(bytes, source);
    }

    EngineRun run_;
    std::vector<std::string> edits_; // of the next datagram
    bool is_stranger_ = false;       // the next datagram comes from an address that nobody knows
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    std::string_view program(reinterpret_cast<const char *>(data), size);
    Line options{{}};
    if (program.substr(0, 1) == "o") {
        options = Line(take_line(program));
        options.letter();
    }
    Player(read_options(options)).play(program);
    return 0;
}
