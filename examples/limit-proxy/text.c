#define _GNU_SOURCE
#include "text.h"
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void splice(datagram *message, char *at, size_t removed, const char *format, ...) {
    static char text[65536];
    va_list values;
    va_start(values, format);
    const size_t size = (size_t)vsnprintf(text, sizeof text, format, values);
    va_end(values);
    if (size >= sizeof text || message->size - removed + size >= sizeof message->data) return;
    memmove(at + size, at + removed, message->size + 1 - removed - (size_t)(at - message->data));
    memcpy(at, text, size);
    message->size += size - removed;
}

char *find(char *from, const char *name) {
    char *line = strcasestr(from, name), *end = strstr(from, "\r\n\r\n");
    if (!line || !end || line >= end) return NULL;
    return line + strlen(name) + strspn(line + strlen(name), " \t");
}

char *param(char *value, const char *name) {
    char *at = strcasestr(value, name);
    return at && at < value + strcspn(value, ",\r") ? at + strlen(name) : NULL;
}

void remove_value(datagram *message, char *value) {
    char *end = value;
    for (int is_uri = 0; *end != '\r' && (*end != ',' || is_uri); end++) is_uri += (*end == '<') - (*end == '>');
    if (*end == ',') end += 1 + strspn(end + 1, " \t");
    else while (*value != '\r') value--;
    splice(message, value, (size_t)(end - value), "%s", "");
}

void copy_headers(datagram *message, datagram *from, const char *name) {
    for (char *value = from->data; (value = find(value, name));) {
        splice(message, message->data + message->size, 0, "%s %.*s", name, (int)strcspn(value, "\r"), value);
    }
}

int read_address(const char *text, address *to) {
    char host[16] = "";
    unsigned port = 5060;
    if (*text < '0' || *text > '9') text += strcspn(text, ":\r");
    if (text[strcspn(text, "@> \r")] == '@') text += strcspn(text, "@");
    sscanf(text + (*text == ':' || *text == '@'), "%15[0-9.]:%5u", host, &port);
    *to = (address){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, host, &to->sin_addr) == 1;
}
