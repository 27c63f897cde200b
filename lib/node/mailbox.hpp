// How one worker leaves messages for another: whole batches, each copied once, and one wake-up for a batch.
#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>
#include "base/brief_mutex.hpp"
#include "base/endpoint.hpp"
#include "base/instant.hpp"

namespace tandem {

enum class LetterKind : std::uint8_t {
    received,        // a message from the network that belongs to the reader
    to_send,         // one of another worker, for a listener of connections that the reader holds
    not_sent,        // the reader's own message could not be sent there
    connection_lost, // a connection there has ended or could not be made
};

struct Letter {
    LetterKind kind = LetterKind::received;
    std::uint8_t asked = 0;  // of a CANCEL: workers that had no INVITE for it
    Endpoint peer;           // where it came from, or goes
    std::uint64_t owner = 0; // OutDatagram::owner
    std::string host{};      // OutDatagram::host, as text of its own
    Instant at{};            // when it was received; ConnectionLoss::at
    bool is_made = true;     // SendFailure::is_made, ConnectionLoss::is_made
    std::size_t offset = 0;  // of its bytes in the mail
    std::size_t size = 0;
};

// Letters in order, with their bytes in one block. Memory stays.
class Mail {
public:
    void add(Letter letter, std::string_view bytes);
    void add(const Mail &more, std::size_t from, std::size_t end); // these letters of it
    void clear();

    bool empty() const { return letters_.empty(); }
    const std::vector<Letter> &letters() const { return letters_; }
    std::string_view bytes_of(const Letter &letter) const {
        return std::string_view(bytes_).substr(letter.offset, letter.size);
    }
    std::size_t bytes() const { return bytes_.size(); }
    Instant since() const { return since_; } // the first of it is in the box since then
    void set_since(Instant since) { since_ = since; }
    void swap(Mail &other) noexcept;

private:
    std::vector<Letter> letters_;
    std::string bytes_;
    Instant since_{};
};

struct MailboxOptions {
    std::size_t letter_max = 8192; // that wait; as many as wait in a socket
    std::size_t byte_max = 16 << 20;
};

// One reader, any number of writers, each from its own thread.
class Mailbox {
public:
    // `wake` is called on the writer's thread when the box is no longer empty: the reader is to come.
    explicit Mailbox(std::function<void()> wake, const MailboxOptions &options = {});

    // Takes the letters out of `mail`; those that find no room stay.
    void put(Mail &mail, Instant now);

    // All that has come, in the order of each writer; `mail` is empty before. False: nothing.
    bool take(Mail &mail);

private:
    std::size_t room_for(const Mail &mail) const; // letters of it

    const std::function<void()> wake_;
    const MailboxOptions options_;
    BriefMutex mutex_;
    Mail mail_; // guarded by mutex_
};

} // namespace tandem
