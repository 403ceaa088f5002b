/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev stream, dgram and socket over socket pairs: framing, back-pressure, hostile peers; and
 * tap, where the host lets us make an interface.
 */
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "backend/net.h"
#include "softmmu/run.h"
#include "util/bits.h"

/* A card that counts. */
typedef struct Card {
    NetNic nic;
    bool full;
    unsigned frames, writable;
    size_t bytes;
    uint8_t last[NET_MAX_FRAME];
    size_t last_len;
} Card;

static bool receive(void *opaque, const NetOffload *o, const uint8_t *frame, size_t len)
{
    Card *c = opaque;
    if (c->full)
        return false;
    g_assert_cmphex(o->flags & NET_CSUM_VALID, ==, 0); /* nobody checked these sums */
    c->frames++;
    c->bytes += len;
    c->last_len = len;
    memcpy(c->last, frame, len);
    return true;
}

static void link_changed(void *opaque, bool up)
{
}

static void writable(void *opaque)
{
    ((Card *)opaque)->writable++;
}

static Card card;

static NetBackend *make(const char *format, int fd)
{
    GError *error = NULL;
    g_autofree char *text = g_strdup_printf(format, fd);
    NetBackend *n = net_new(text, &error);
    g_assert_no_error(error);
    memset(&card, 0, sizeof card);
    card.nic = (NetNic){ .model = "card", .mac = { 2, 0, 0, 0, 0, 1 }, .receive = receive,
                         .link_changed = link_changed, .writable = writable, .opaque = &card };
    g_assert_true(net_attach(n, &card.nic, &error));
    return n;
}

static void drop(NetBackend *n)
{
    g_autofree char *id = g_strdup(n->id);
    net_detach(n);
    g_assert_true(net_delete(id, NULL));
}

static void settle(void)
{
    for (int idle = 0; idle < 3;)
        idle = g_main_context_iteration(NULL, FALSE) ? 0 : idle + 1;
}

static void put(int fd, uint32_t said, size_t len)
{
    static uint8_t buf[4 + NET_MAX_FRAME];
    store_be32(buf, said);
    for (size_t i = 0; i < len; i++)
        buf[4 + i] = i;
    g_assert_cmpint(write(fd, buf, 4 + len), ==, 4 + len);
}

static void test_framing(void)
{
    int fd[2];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), ==, 0);
    NetBackend *n = make("stream,id=n,addr.type=fd,addr.str=%d", fd[0]);
    put(fd[1], 60, 60);
    put(fd[1], 1514, 1514);
    settle();
    g_assert_cmpuint(card.frames, ==, 2);
    g_assert_cmpuint(card.last_len, ==, 1514);
    /* byte by byte */
    for (int i = 0; i < 68; i++) {
        uint8_t b = i == 3 ? 64 : i < 4 ? 0 : i;
        g_assert_cmpint(write(fd[1], &b, 1), ==, 1);
        settle();
    }
    g_assert_cmpuint(card.frames, ==, 3);
    g_assert_cmpuint(card.last_len, ==, 64);
    g_assert_cmphex(card.last[63], ==, 67);
    /* to the peer */
    uint8_t frame[100] = { 1, 2, 3 }, got[200];
    net_send(n, NULL, frame, sizeof frame);
    g_assert_cmpint(read(fd[1], got, sizeof got), ==, 104);
    g_assert_cmphex(load_be32(got), ==, 100);
    g_assert_cmpint(memcmp(got + 4, frame, sizeof frame), ==, 0);
    drop(n);
    g_assert_cmpint(read(fd[1], got, sizeof got), ==, 0);
    close(fd[1]);
}

/* Frames stay in the socket while the guest has no room, none is lost, and order is kept. */
static void test_guest_full(void)
{
    int fd[2];
    unsigned sent = 0;
    uint8_t buf[4 + 200] = { 0, 0, 0, 200 };
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), ==, 0);
    NetBackend *n = make("socket,id=n,fd=%d", fd[0]);
    card.full = true;
    for (int still = 0; still < 3;) {
        store_be32(buf + 4, sent);
        if (write(fd[1], buf, sizeof buf) == sizeof buf) {
            sent++;
            continue;
        }
        settle();
        still++;
    }
    g_assert_cmpuint(g_queue_get_length(n->pending), ==, 1);
    card.full = false;
    net_resume(n);
    settle();
    g_assert_cmpuint(card.frames, ==, sent);
    g_assert_cmpuint(load_be32(card.last), ==, sent - 1);
    drop(n);
    close(fd[1]);
}

/* What the peer does not read is bounded, and the card learns when it may go on. */
static void test_peer_full(void)
{
    int fd[2];
    static uint8_t frame[1500], got[1 << 20];
    size_t sent = 0, back = 0;
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd), ==, 0);
    NetBackend *n = make("stream,id=n,addr.type=fd,addr.str=%d", fd[0]);
    while (!net_blocked(n) && sent < 64 << 20) {
        net_send(n, NULL, frame, sizeof frame);
        sent += 4 + sizeof frame;
    }
    g_assert_true(net_blocked(n));
    for (int i = 0; i < 100000; i++) /* a card that does not listen: lost, not kept */
        net_send(n, NULL, frame, sizeof frame);
    for (ssize_t r; (r = read(fd[1], got, sizeof got)) > 0; settle())
        back += r;
    g_assert_cmpuint(back, >=, sent);
    g_assert_cmpuint(back, <, sent + (1 << 20));
    g_assert_cmpuint(back % (4 + sizeof frame), ==, 0); /* whole frames only */
    g_assert_cmpuint(card.writable, >=, 1);
    g_assert_false(net_blocked(n));
    /* A link that is down takes everything. */
    while (!net_blocked(n))
        net_send(n, NULL, frame, sizeof frame);
    net_set_link(n, false);
    g_assert_false(net_blocked(n));
    drop(n);
    close(fd[1]);
}

static void test_hostile(void)
{
    int fd[2];
    uint8_t frame[60] = { 0 }, b;
    /* a length out of range: the connection is closed */
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), ==, 0);
    NetBackend *n = make("stream,id=n,addr.type=fd,addr.str=%d", fd[0]);
    put(fd[1], 60, 60);
    put(fd[1], NET_MAX_FRAME + 1, 60);
    settle();
    g_assert_cmpuint(card.frames, ==, 1);
    net_send(n, NULL, frame, sizeof frame);
    g_assert_cmpint(read(fd[1], &b, 1), ==, 0);
    drop(n);
    close(fd[1]);
    /* half a frame, and gone, while the guest sends */
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), ==, 0);
    n = make("stream,id=n,addr.type=fd,addr.str=%d", fd[0]);
    put(fd[1], 60, 60);
    put(fd[1], 60, 30);
    close(fd[1]);
    net_send(n, NULL, frame, sizeof frame);
    net_send(n, NULL, frame, sizeof frame);
    settle();
    net_send(n, NULL, frame, sizeof frame);
    g_autofree char *about = n->type->describe(n);
    g_assert_cmpstr(about, ==, "");
    drop(n);
}

static void test_datagrams(void)
{
    int fd[2];
    uint8_t frame[1514] = { 7 }, got[2000];
    g_assert_cmpint(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fd), ==, 0);
    NetBackend *n = make("dgram,id=n,local.type=fd,local.str=%d", fd[0]);
    g_assert_cmpint(write(fd[1], frame, 60), ==, 60);
    g_assert_cmpint(write(fd[1], frame, sizeof frame), ==, sizeof frame);
    settle();
    g_assert_cmpuint(card.frames, ==, 2);
    g_assert_cmpuint(card.last_len, ==, sizeof frame);
    net_send(n, NULL, frame, 100);
    g_assert_cmpint(read(fd[1], got, sizeof got), ==, 100);
    /* the peer's queue is full: the card waits, and nothing is lost */
    unsigned sent = 0, back = 0;
    for (; !net_blocked(n); sent++)
        net_send(n, NULL, frame, sizeof frame);
    for (; read(fd[1], got, sizeof got) > 0; settle())
        back++;
    g_assert_cmpuint(back, ==, sent);
    g_assert_false(net_blocked(n));
    g_assert_cmpuint(card.writable, ==, 1);
    /* the guest is full: they stay in the socket */
    card.full = true;
    for (sent = card.frames; write(fd[1], frame, 60) == 60; sent++)
        settle();
    g_assert_cmpuint(g_queue_get_length(n->pending), ==, 1);
    card.full = false;
    net_resume(n);
    settle();
    g_assert_cmpuint(card.frames, ==, sent);
    /* a datagram too big for a frame, and a peer that is gone */
    close(fd[1]);
    settle();
    net_send(n, NULL, frame, 100);
    g_assert_false(net_blocked(n));
    drop(n);
}

/* A socket that sees what goes through an interface, which is brought up; -1: not allowed. */
static int listen_on(const char *ifname)
{
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, g_htons(ETH_P_ALL));
    struct ifreq r = { .ifr_flags = IFF_UP };
    struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = g_htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(ifname) };
    g_strlcpy(r.ifr_name, ifname, IFNAMSIZ);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) || bind(fd, (struct sockaddr *)&a, sizeof a)) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

static void test_tap(void)
{
    GError *error = NULL;
    NetBackend *n = net_new("tap,id=n,script=no,downscript=no", &error);
    if (!n) {
        g_test_skip(error->message);
        g_clear_error(&error);
        return;
    }
    g_autofree char *about = n->type->describe(n);
    g_assert_true(g_str_has_prefix(about, "ifname=tap"));
    g_assert_true(g_str_has_suffix(about, ",script=no,downscript=no"));
    g_autofree char *ifname = g_strndup(about + 7, strcspn(about + 7, ","));
    g_assert_true(net_delete("n", NULL));
    g_assert_cmpuint(if_nametoindex(ifname), ==, 0);
    for (int vnet = 0; vnet < 2; vnet++) {
        g_autofree char *text = g_strdup_printf("tap,id=n,script=no,downscript=no,ifname=%s,"
                                                "vnet_hdr=%s,sndbuf=100000", ifname,
                                                vnet ? "on" : "off");
        n = make(text, 0);
        g_assert_true(n->takes_offloads == vnet);
        net_set_offloads(n, NET_TAKES_CSUM | NET_TAKES_TSO4);
        int fd = listen_on(ifname);
        g_assert_cmpint(fd, >=, 0);
        uint8_t frame[100] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5 }, got[2000];
        NetOffload o = { 0 };
        net_send(n, vnet ? &o : NULL, frame, sizeof frame);
        ssize_t len = -1;
        /* The kernel has things of its own to say on a new interface. */
        for (int i = 0; i < 20000 && (len < 14 || got[12] != 0x88); i++) {
            len = read(fd, got, sizeof got);
            g_usleep(len < 0 ? 1000 : 0);
        }
        g_assert_cmpint(len, ==, sizeof frame);
        g_assert_cmpint(memcmp(got, frame, sizeof frame), ==, 0);
        frame[13] = 0xb6;
        g_assert_cmpint(write(fd, frame, sizeof frame), ==, sizeof frame);
        for (int i = 0; i < 20000 && card.last[13] != 0xb6; i++) {
            settle();
            g_usleep(1000);
        }
        g_assert_cmpuint(card.last_len, ==, sizeof frame);
        g_assert_cmpint(memcmp(card.last, frame, sizeof frame), ==, 0);
        close(fd);
        drop(n);
    }
}

static void refused(const char *text, const char *why)
{
    GError *error = NULL;
    g_assert_null(net_new(text, &error));
    if (!strstr(error->message, why))
        g_error("%s: says '%s', not '%s'", text, error->message, why);
    g_clear_error(&error);
}

static void test_options(void)
{
    refused("stream,id=a", "'addr' is missing");
    refused("stream,id=a,addr.host=x", "'addr.type' is missing");
    refused("stream,id=a,addr.type=unix", "'addr.path' is missing");
    refused("stream,id=a,addr.type=inet,addr.host=::1", "'addr.port' is missing");
    refused("stream,id=a,addr.type=vsock,addr.cid=1", "not supported");
    refused("stream,id=a,addr.type=unix,addr.path=x,addr.host=y", "'addr.host' is unexpected");
    refused("stream,id=a,addr.type=fd,addr.str=999", "not a socket");
    refused("stream,id=a,addr.type=unix,addr.path=x,server=on,reconnect=1", "server mode");
    refused("stream,id=a,addr.type=unix,addr.path=x,speed=1", "speed");
    refused("socket,id=a", "exactly one of");
    refused("socket,id=a,listen=:1,connect=:2", "exactly one of");
    refused("socket,id=a,listen=foo", "doesn't contain ':'");
    refused("socket,id=a,mcast=10.0.0.1:99", "multicast address");
    refused("socket,id=a,udp=127.0.0.1:9", "localaddr= is mandatory");
    refused("dgram,id=a", "requires local=");
    refused("dgram,id=a,local.type=inet,local.host=127.0.0.1,local.port=0", "requires remote");
    refused("dgram,id=a,local.type=fd,local.str=0,remote.type=unix,remote.path=x", "don't set remote");
    refused("tap,id=a,fd=999", "Can't use file descriptor");
    refused("tap,id=a,fd=0,ifname=x", "invalid with fd=");
    refused("tap,id=a,fd=0", "no TAP device");
    refused("tap,id=a,fds=3:4", "several queues");
    refused("tap,id=a,queues=2", "several queues");
    refused("tap,id=a,vhostforce=on", "vhost is not supported");
    refused("tap,id=a,ifname=x,colour=red", "colour");
    refused("tap,id=a,helper=/bin/false", "bridge helper failed");
    refused("bridge,id=a,br=x,helper=/bin/true -q", "bridge helper failed");
    refused("bridge,id=a,br=x,helper=/nonexistent", "can't run the bridge helper");
    refused("{\"type\": \"stream\", \"id\": \"a\", \"addr\": {\"type\": \"unix\"}}", "'addr.path'");
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    vm_start();
    g_test_add_func("/net_socket/framing", test_framing);
    g_test_add_func("/net_socket/guest_full", test_guest_full);
    g_test_add_func("/net_socket/peer_full", test_peer_full);
    g_test_add_func("/net_socket/hostile", test_hostile);
    g_test_add_func("/net_socket/datagrams", test_datagrams);
    g_test_add_func("/net_socket/tap", test_tap);
    g_test_add_func("/net_socket/options", test_options);
    return g_test_run();
}
