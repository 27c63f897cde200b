#include "node/log_writer.hpp"
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <poll.h>
#include <pthread.h>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>

namespace tandem {
namespace {

constexpr auto end_patience = std::chrono::seconds(1);

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t size = ::write(fd, text.data(), text.size());
        if (size >= 0) {
            text.remove_prefix(static_cast<std::size_t>(size));
        } else if (errno == EAGAIN) { // somebody else has made it so
            pollfd room{fd, POLLOUT, 0};
            ::poll(&room, 1, -1);
        } else if (errno != EINTR) {
            return; // nobody reads it any more
        }
    }
}

} // namespace

struct LogWriter::State {
    void run();

    int fd = -1;
    std::size_t waiting_max = 0;
    std::atomic<std::uint64_t> lost = 0;

    std::mutex mutex;
    std::condition_variable wake;
    std::condition_variable idle;
    std::string waiting; // guarded by mutex, like those below
    bool is_writing = false;
    bool is_ending = false;
};

void LogWriter::State::run() {
    std::string text;
    std::unique_lock lock(mutex);
    for (;;) {
        wake.wait(lock, [this] { return !waiting.empty() || is_ending; });
        if (waiting.empty()) return;
        text.swap(waiting);
        is_writing = true;
        lock.unlock();
        write_all(fd, text);
        text.clear();
        lock.lock();
        is_writing = false;
        idle.notify_all();
    }
}

LogWriter::LogWriter(int fd, std::size_t waiting_max) : state_(std::make_shared<State>()) {
    state_->fd = fd;
    state_->waiting_max = waiting_max;
    std::thread thread([state = state_] { state->run(); });
    ::pthread_setname_np(thread.native_handle(), "log");
    thread.detach();
}

LogWriter::~LogWriter() {
    std::unique_lock lock(state_->mutex);
    state_->is_ending = true;
    state_->wake.notify_one();
    state_->idle.wait_for(lock, end_patience, [this] { return state_->waiting.empty() && !state_->is_writing; });
}

void LogWriter::write(std::string line) {
    {
        const std::lock_guard lock(state_->mutex);
        if (state_->waiting.size() + line.size() > state_->waiting_max) {
            state_->lost.fetch_add(1, std::memory_order_relaxed);
            return;
        }
        state_->waiting += line;
    }
    state_->wake.notify_one();
}

std::uint64_t LogWriter::lost() const { return state_->lost.load(std::memory_order_relaxed); }

} // namespace tandem
