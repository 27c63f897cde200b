// A mutex for what takes less time than to put a thread to sleep and wake it: whoever finds it taken looks again for a
// moment before he sleeps. For std::lock_guard and std::unique_lock.
#pragma once
#include <mutex>

namespace tandem {

class BriefMutex {
public:
    void lock() {
        for (int i = 0; i < turns; ++i) {
            if (mutex_.try_lock()) return;
            pause();
        }
        mutex_.lock();
    }
    bool try_lock() { return mutex_.try_lock(); }
    void unlock() { mutex_.unlock(); }

private:
    static constexpr int turns = 200; // a few microseconds

    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        asm volatile("yield");
#endif
    }

    std::mutex mutex_;
};

} // namespace tandem
