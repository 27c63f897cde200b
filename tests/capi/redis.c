#include "redis.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "suite.h"

static struct sockaddr_in address_of(unsigned port) {
    struct sockaddr_in address;
    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t)port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static unsigned free_port(void) {
    struct sockaddr_in address = address_of(0);
    socklen_t size = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    require(fd >= 0 && bind(fd, (void *)&address, size) == 0 && getsockname(fd, (void *)&address, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

/* One line of an answer, without its end. 0: there is none. */
static int ask_line(const redis *server, const char *command, char *line, size_t max) {
    const struct sockaddr_in address = address_of(server->port);
    size_t size = 0;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    require(fd >= 0);
    if (connect(fd, (const void *)&address, sizeof(address)) == 0 &&
        send(fd, command, strlen(command), MSG_NOSIGNAL) > 0 && send(fd, "\r\n", 2, MSG_NOSIGNAL) == 2) {
        ssize_t got = 1;
        while (got > 0 && size < max - 1 && !(size > 0 && line[size - 1] == '\n')) {
            got = recv(fd, line + size, 1, 0);
            if (got > 0) size++;
        }
    }
    close(fd);
    line[size] = 0;
    return size > 0 && line[size - 1] == '\n';
}

double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void wait_a_moment(void) { poll(NULL, 0, 2); }

void redis_start(redis *server) {
    char port[16], line[64] = "";
    snprintf(port, sizeof(port), "%u", server->port);
    server->process = fork();
    require(server->process >= 0);
    if (server->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly",
               "no", "--logfile", "/dev/null", (char *)NULL);
        _exit(127);
    }
    const double end = seconds_now() + 10;
    while (strncmp(line, "+PONG", 5) != 0) {
        require(seconds_now() < end);
        if (!ask_line(server, "PING", line, sizeof(line))) wait_a_moment();
    }
}

void redis_begin(redis *server) {
    server->port = free_port();
    snprintf(server->url, sizeof(server->url), "redis://127.0.0.1:%u", server->port);
    redis_start(server);
}

void redis_kill(redis *server) {
    require(kill(server->process, SIGKILL) == 0);
    require(waitpid(server->process, NULL, 0) == server->process);
}

void redis_pause(redis *server) { require(kill(server->process, SIGSTOP) == 0); }
void redis_resume(redis *server) { require(kill(server->process, SIGCONT) == 0); }

long long redis_ask(const redis *server, const char *command) {
    char line[256];
    require(ask_line(server, command, line, sizeof(line)) && line[0] == ':');
    return atoll(line + 1);
}

int redis_comes_to(const redis *server, const char *command, long long wanted) {
    const double end = seconds_now() + 10;
    while (seconds_now() < end) {
        if (redis_ask(server, command) == wanted) return 1;
        wait_a_moment();
    }
    return 0;
}
