/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Socket addresses as users write them: host=,port=,to=,ipv4=,ipv6= or path=,abstract= or fd=. */
#ifndef SOCKADDR_H
#define SOCKADDR_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

typedef struct SockSpec {
    char *host, *port;   /* TCP */
    uint64_t to;         /* last port to try when listening; 0: only port */
    bool ipv4, ipv6;     /* which families; both at first */
    char *path;          /* Unix */
    bool abstract, tight;
    char *fd_text;       /* a descriptor that was handed to us */
} SockSpec;

typedef struct SockAddr {
    int family;
    socklen_t len;
    struct sockaddr_storage ss;
} SockAddr;

/* Takes the keys out of opts. */
bool sock_spec_take(SockSpec *s, GHashTable *opts, GError **error);
/* A number must fit; what is none is a service's name. NULL is no port. */
bool sock_port_check(const char *port, GError **error);
void sock_spec_clear(SockSpec *s);
/* Number of addresses, at most max; -1 with a reason. */
int sock_resolve(const SockSpec *s, bool passive, SockAddr *addrs, unsigned max, GError **error);
/* Listening sockets, one per address family; returns how many, or -1. */
int sock_listen(const SockSpec *s, int *fds, unsigned max, GError **error);
/* Waits for the connection. */
int sock_connect(const SockSpec *s, const SockAddr *addrs, unsigned n, GError **error);
/* A number, checked to be an open socket. */
int sock_take_fd(const char *text, GError **error);
char *sock_name(int fd, bool peer); /* "127.0.0.1:4444", "[::1]:4444" or "" */
void sock_set_nodelay(int fd);

#endif
