/* A SIP message as text: where a header stands, and what is put in its place. Header names are in their long form. */
#ifndef LIMIT_PROXY_TEXT_H
#define LIMIT_PROXY_TEXT_H

#include <netinet/in.h>
#include <stddef.h>

typedef struct sockaddr_in address;
typedef struct datagram { char data[66560]; size_t size; } datagram; /* with a zero, and room for what is added */

/* Puts text in place of `removed` bytes; what does not fit is left out. */
void splice(datagram *message, char *at, size_t removed, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The value of the next header of this name, "\r\nVia:" say, or NULL. */
char *find(char *from, const char *name);

/* What follows `name` in the first value of a header, or NULL. */
char *param(char *value, const char *name);

/* Takes away the first value of a header, with the last one the line. */
void remove_value(datagram *message, char *value);

/* Adds all headers of this name, as they stand in `from`, at the end. */
void copy_headers(datagram *message, datagram *from, const char *name);

/* The address in "sip:user@host:port", inside <> or not, or in "host:port". */
int read_address(const char *text, address *to);

#endif
