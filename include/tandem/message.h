/**
 * @file tandem/message.h  What the tracker wants to know of a SIP message, from whatever parsed it.
 *
 * A host with a parser fills a tandem_message itself and needs libtandem-core alone. libtandem also parses bytes, with
 * sofia-sip: see tandem_message_parse().
 *
 * Threads: every function may be called from any thread; a parsed message is used by one thread at a time.
 * Memory:  the text of a tandem_message is borrowed from whoever made it, for the call that takes it.
 */
#ifndef TANDEM_MESSAGE_H
#define TANDEM_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <tandem/export.h>
#include <tandem/status.h>
#include <tandem/str.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Methods, as numbers; one that is not among them is TANDEM_METHOD_OTHER. */
enum {
    TANDEM_METHOD_OTHER = 0,
    TANDEM_METHOD_INVITE = 1,
    TANDEM_METHOD_ACK = 2,
    TANDEM_METHOD_BYE = 3,
    TANDEM_METHOD_CANCEL = 4,
    TANDEM_METHOD_OPTIONS = 5,
    TANDEM_METHOD_REGISTER = 6,
    TANDEM_METHOD_PRACK = 7,
    TANDEM_METHOD_UPDATE = 8,
    TANDEM_METHOD_INFO = 9,
    TANDEM_METHOD_REFER = 10,
    TANDEM_METHOD_SUBSCRIBE = 11,
    TANDEM_METHOD_NOTIFY = 12,
    TANDEM_METHOD_MESSAGE = 13,
    TANDEM_METHOD_PUBLISH = 14
};

/** The number of a method's name, which is compared with its case (RFC 3261 section 7.1). */
TANDEM_API uint32_t tandem_method_of(tandem_str name);

/**
 * One message. No text may hold CR, LF or NUL. Bounds in bytes: Call-ID, tags and branch 256, URIs and Reason 2048,
 * Record-Route 16384; longer text is TANDEM_E_TOO_LARGE where the message is fed.
 */
typedef struct tandem_message {
    uint32_t size;            /* set by TANDEM_MESSAGE_INIT */
    uint32_t method;          /* TANDEM_METHOD_; of a response, the one in its CSeq */
    uint32_t status;          /* 0: a request; else 100 to 699 */
    uint32_t cseq;            /* the number of the CSeq header; below 2^31 (RFC 3261 section 8.1.1.5) */
    tandem_str call_id;       /* never empty */
    tandem_str from_tag;      /* empty: none (RFC 2543) */
    tandem_str to_tag;        /* empty: none */
    tandem_str from_uri;      /* addr-spec of From; it and the next two are read of the first INVITE only */
    tandem_str to_uri;        /* addr-spec of To */
    tandem_str request_uri;   /* of a request */
    tandem_str contact_uri;   /* addr-spec of the first Contact; empty: none */
    tandem_str record_route;  /* every value in the order of the message, separated by commas; empty: none */
    tandem_str reason;        /* value of Reason (RFC 3326), several separated by commas; empty: none */
    tandem_str branch;        /* of the topmost Via of an INVITE, its CANCEL and the responses to it, as it stands on
                                 the caller's side; empty: not known. In a response that of the host itself does no
                                 harm. See tandem/tracker.h */
    uint32_t is_ours;         /* on a leg that is the host's own (tandem_leg): 1 for what the host sends there. Of a
                                 request on a dialog seen from the middle: 1 for one of the host's own, with a number of
                                 tandem_dialog_cseq_take() */
} tandem_message;
#define TANDEM_MESSAGE_INIT { sizeof(tandem_message), 0, 0, 0, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, {0, 0}, \
                              {0, 0}, {0, 0}, {0, 0}, 0 }

/** A message that the library has parsed. The host owns it: tandem_parsed_free(). */
typedef struct tandem_parsed tandem_parsed;

/**
 * Parses one message, as it came in a datagram. Only in libtandem. A host that has to add something, is_ours say, feeds
 * a copy of tandem_parsed_message().
 *
 * @param data    the bytes, borrowed for the call
 * @param parsed  receives the message, on success only; free it with tandem_parsed_free()
 * @return TANDEM_OK, or
 *         TANDEM_E_NOT_SIP    no SIP message: drop it;
 *         TANDEM_E_TOO_LARGE  over 65507 bytes, or over a bound of its lines: drop it;
 *         TANDEM_E_INVALID    SIP, but malformed where it matters (tandem_last_error() says where): a request can be
 *                             answered 400 from its own bytes, a response is dropped;
 *         TANDEM_E_NOMEM.
 */
TANDEM_SIP_API tandem_status tandem_message_parse(const char *data, size_t size, tandem_parsed **parsed);

/** The fields of a parsed message; they hold until tandem_parsed_free(). NULL for NULL. */
TANDEM_SIP_API const tandem_message *tandem_parsed_message(const tandem_parsed *parsed);

/** Frees a parsed message; NULL is allowed. */
TANDEM_SIP_API void tandem_parsed_free(tandem_parsed *parsed);

#ifdef __cplusplus
}
#endif

#endif
