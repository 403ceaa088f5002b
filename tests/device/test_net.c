/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Networks without a guest: checksums and segmentation, and backends' options. */
#include <string.h>

#include "backend/net.h"
#include "backend/net/fragments.h"
#include "hw/net/offload.h"
#include "softmmu/run.h"
#include "util/bits.h"

static uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

/* The sum over everything that a right checksum covers, by the rule itself: 0xffff. */
static uint16_t plain_sum(const uint8_t *p, size_t len, uint32_t start)
{
    uint32_t s = start;
    for (size_t i = 0; i < len; i++)
        s += i & 1 ? p[i] : p[i] << 8;
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    return (uint16_t)s;
}

static void test_checksum(void)
{
    for (unsigned len = 2; len < 200; len++) {
        uint8_t f[256];
        for (unsigned i = 0; i < len; i++)
            f[i] = g_test_rand_int();
        unsigned start = g_test_rand_int_range(0, len - 1);
        unsigned offset = g_test_rand_int_range(0, len - start - 1) & ~1u;
        memset(f + start + offset, 0, 2);
        g_assert_true(offload_checksum(f, len, start, offset));
        g_assert_cmphex(plain_sum(f + start, len - start, 0), ==, 0xffff);
    }
    uint8_t f[64] = { 0 };
    g_assert_false(offload_checksum(f, 64, 65, 0));
    g_assert_false(offload_checksum(f, 64, 60, 3));
    g_assert_false(offload_checksum(f, 64, 64, 0));
}

typedef struct Seen {
    bool v6;
    unsigned n, bytes, fins;
    uint32_t next_seq;
    uint8_t payload[4000];
} Seen;

static void check_segment(void *opaque, const uint8_t *f, size_t len)
{
    Seen *s = opaque;
    size_t tcp = s->v6 ? 54 : 34, data = tcp + 20;
    uint32_t pseudo = 6 + (uint32_t)(len - tcp);
    if (!s->v6) {
        g_assert_cmpuint(get16(f + 16), ==, len - 14);
        g_assert_cmpuint(get16(f + 18), ==, 100 + s->n);
        g_assert_cmphex(plain_sum(f + 14, 20, 0), ==, 0xffff);
        pseudo += plain_sum(f + 26, 8, 0);
    } else {
        g_assert_cmpuint(get16(f + 18), ==, len - 54);
        pseudo += plain_sum(f + 22, 32, 0);
    }
    g_assert_cmphex(plain_sum(f + tcp, len - tcp, pseudo), ==, 0xffff);
    g_assert_cmpuint(load_be32(f + tcp + 4), ==, s->next_seq);
    s->next_seq += len - data;
    memcpy(s->payload + s->bytes, f + data, len - data);
    s->bytes += len - data;
    s->fins += f[tcp + 13] & 1;
    s->n++;
}

static void test_segments(void)
{
    for (int v6 = 0; v6 < 2; v6++) {
        size_t tcp = v6 ? 54 : 34, len = tcp + 20 + 3001;
        uint8_t f[4000];
        for (size_t i = 0; i < len; i++)
            f[i] = g_test_rand_int();
        store_u16(f + 12, v6 ? 0xdd86 : 0x0008);
        f[14] = v6 ? 0x60 : 0x45;
        if (!v6)
            store_u16(f + 18, 100 << 8);
        store_be32(f + tcp + 4, 0xfffffff0);
        f[tcp + 12] = 5 << 4;
        f[tcp + 13] = 0x19;
        Seen s = { .v6 = v6, .next_seq = 0xfffffff0 };
        uint8_t before[4000];
        memcpy(before, f, len);
        g_assert_true(offload_segment(f, len, tcp, 1000, check_segment, &s));
        g_assert_cmpuint(s.n, ==, 4);
        g_assert_cmpuint(s.fins, ==, 1);
        g_assert_cmpuint(s.bytes, ==, 3001);
        g_assert_cmpmem(s.payload, 3001, before + tcp + 20, 3001);
        /* nonsense is refused */
        g_assert_false(offload_segment(f, len, tcp, 0, check_segment, &s));
        g_assert_false(offload_segment(f, len, len - 3, 1000, check_segment, &s));
        g_assert_false(offload_segment(f, 20, tcp, 1000, check_segment, &s));
        f[tcp + 12] = 1 << 4;
        g_assert_false(offload_segment(f, len, tcp, 1000, check_segment, &s));
    }
}

/* A fragment of a datagram whose byte i is i / 8; `more`: others follow. */
static size_t fragment(uint8_t *f, unsigned id, unsigned at, unsigned n, bool more)
{
    static const uint8_t head[] = { 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2 };
    memset(f, 0xee, 14);
    store_be16(f + 12, 0x0800);
    memcpy(f + 14, head, 20);
    store_be16(f + 16, (uint16_t)(20 + n));
    store_be16(f + 18, (uint16_t)id);
    store_be16(f + 20, (uint16_t)(at / 8 | more << 13));
    store_be16(f + 24, (uint16_t)~plain_sum(f + 14, 20, 0));
    for (unsigned i = 0; i < n; i++)
        f[34 + i] = (uint8_t)((at + i) / 8);
    return 34 + n;
}

static void test_fragments(void)
{
    Fragments *fragments = fragments_new();
    uint8_t *f = g_malloc0(NET_MAX_FRAME);
    const uint8_t *whole;
    size_t len;
#define GIVE(...) (len = fragment(f, __VA_ARGS__), fragments_take(fragments, f, &len))
    g_assert_true(GIVE(1, 0, 100, false) == f);
    /* Two datagrams at once, in any order, with a repetition. */
    g_assert_null(GIVE(2, 800, 55, false));
    g_assert_null(GIVE(3, 0, 400, true));
    g_assert_null(GIVE(2, 400, 400, true));
    g_assert_null(GIVE(2, 400, 400, true));
    whole = GIVE(2, 0, 400, true);
    g_assert_nonnull(whole);
    g_assert_cmpuint(len, ==, 34 + 855);
    g_assert_cmpuint(load_be16(whole + 16), ==, 20 + 855);
    g_assert_cmpuint(load_be16(whole + 20), ==, 0);
    g_assert_cmphex(plain_sum(whole + 14, 20, 0), ==, 0xffff);
    for (unsigned i = 0; i < 855; i++)
        g_assert_cmpuint(whole[34 + i], ==, (uint8_t)(i / 8));
    g_assert_nonnull(GIVE(3, 400, 1, false));
    /* An overlap drops all of it; a hole, an end before the end, too much. */
    g_assert_null(GIVE(4, 0, 400, true));
    g_assert_null(GIVE(4, 392, 400, true));
    g_assert_null(GIVE(4, 400, 8, false));
    g_assert_null(GIVE(5, 800, 8, true));
    g_assert_null(GIVE(5, 8, 8, false));
    g_assert_null(GIVE(6, 0, 12, true));
    g_assert_null(GIVE(7, 65528, 1000, false));
    for (unsigned at = 0; at < 65512; at += 8)
        g_assert_null(GIVE(8, at, 8, true));
    g_assert_nonnull(GIVE(8, 65512, 3, false));
    g_assert_cmpuint(len, ==, 14 + 65535);
    /* Any bytes. */
    for (unsigned i = 0; i < 20000; i++) {
        len = fragment(f, g_test_rand_int_range(0, 30), g_test_rand_int_range(0, 80) * 8,
                       g_test_rand_int_range(1, 300), g_test_rand_bit());
        if (g_test_rand_bit()) {
            f[14 + g_test_rand_int_range(0, 20)] = g_test_rand_int();
            store_be16(f + 24, 0);
            store_be16(f + 24, (uint16_t)~plain_sum(f + 14, 20, 0));
        }
        len = g_test_rand_int_range(0, len + 1);
        whole = fragments_take(fragments, f, &len);
        g_assert_cmpuint(len, <=, 14 + 65535);
    }
    g_free(f);
    fragments_free(fragments);
}

static void refused(const char *text, const char *why)
{
    GError *error = NULL;
    g_assert_null(net_new(text, &error));
    g_assert_nonnull(error);
    if (!strstr(error->message, why))
        g_error("%s: says '%s', not '%s'", text, error->message, why);
    g_clear_error(&error);
}

static void test_options(void)
{
    refused("user", "id=");
    refused("usr,id=a", "it has: bridge, dgram");
    refused("user,id=a,hostfwd=foo", "Bad protocol");
    refused("user,id=a,hostfwd=tcp:1.2.3:22-:22", "Bad host address");
    refused("user,id=a,hostfwd=tcp::22", "Bad guest address");
    refused("user,id=a,net=10.0.2.0/40", "net=");
    refused("user,id=a,dns=192.168.1.1", "must lie in net=");
    refused("user,id=a,hostname=x,colour=red", "colour");
    refused("user,id=a,tftp=/nonexistent", "no such folder");
    refused("user,id=a,guestfwd=tcp:10.0.2.100:80-nobody", "no chardev");
    GError *error = NULL;
    NetBackend *n = net_new("user,id=a,net=192.168.76.0/24,restrict=on,dnssearch=a,dnssearch=b",
                            &error);
    g_assert_no_error(error);
    g_autofree char *about = n->type->describe(n);
    g_assert_cmpstr(about, ==, "net=192.168.76.0,restrict=on");
    refused("user,id=a", "already");
    bool found = true;
    g_assert_true(net_user_hostfwd_add(n, "tcp:127.0.0.1:0-:22", &error));
    g_assert_true(net_user_hostfwd_remove(n, "udp:127.0.0.1:9", &found, &error));
    g_assert_false(found);
    g_assert_true(net_delete("a", &error));
    g_assert_false(net_delete("a", &error));
    g_clear_error(&error);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    main_loop_init();
    g_test_add_func("/net/checksum", test_checksum);
    g_test_add_func("/net/segments", test_segments);
    g_test_add_func("/net/fragments", test_fragments);
    g_test_add_func("/net/options", test_options);
    return g_test_run();
}
