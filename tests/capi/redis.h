/* A real redis-server on a free port, with nothing on disk. What goes wrong in here ends the program. */
#ifndef TANDEM_TESTS_CAPI_REDIS_H
#define TANDEM_TESTS_CAPI_REDIS_H

#include <sys/types.h>

typedef struct redis {
    pid_t process;
    unsigned port;
    char url[64];
} redis;

void redis_begin(redis *server); /* returns when it answers */
void redis_start(redis *server); /* once more, on the same port, empty */
void redis_kill(redis *server);
void redis_pause(redis *server); /* it keeps its connections, and answers nothing */
void redis_resume(redis *server);

/* A command whose answer is a number, by a connection of its own. */
long long redis_ask(const redis *server, const char *command);

/* Waits until a command has this answer. 0: it does not within 10 seconds. */
int redis_comes_to(const redis *server, const char *command, long long wanted);

void wait_a_moment(void); /* between two looks at what is waited for */
double seconds_now(void);

#endif
