/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev tap and bridge: a TAP device of Linux (Documentation/networking/tuntap.rst), opened here
 * by its name, by a helper, or by whoever started the program.
 *
 * With vnet_hdr frames come and go with a virtio_net_hdr, so that neither side cuts segments or
 * computes checksums that the other does not need: what the guest takes is told to the device.
 *
 * Left out: several queues, vhost.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "backend/fdset.h"
#include "backend/net.h"
#include "backend/net/packets.h"
#include "backend/net/tap_helper.h"
#include "util/error.h"
#include "util/opts.h"

typedef enum OnOffAuto { AUTO, OFF, ON } OnOffAuto;

typedef struct Tap {
    NetBackend *n;
    int fd;
    bool vnet_hdr;
    char *ifname, *downscript, *info; /* downscript: NULL if there is nothing to run */
    Packets *packets;
} Tap;

/* ---- frames ---- */

static ssize_t read_frame(void *opaque, NetOffload *o, uint8_t *frame, size_t size)
{
    Tap *t = opaque;
    struct iovec iov[] = { { o, sizeof *o }, { frame, size } };
    ssize_t got = t->vnet_hdr ? readv(t->fd, iov, 2) : read(t->fd, frame, size);
    return t->vnet_hdr && got >= 0 ? MAX(got - (ssize_t)sizeof *o, 0) : got;
}

static ssize_t write_frame(void *opaque, const NetOffload *o, const uint8_t *frame, size_t len)
{
    Tap *t = opaque;
    NetOffload asked = *o;
    struct iovec iov[] = { { &asked, sizeof asked }, { (void *)frame, len } };
    asked.flags &= NET_CSUM_NEEDED;
    return t->vnet_hdr ? writev(t->fd, iov, 2) : write(t->fd, frame, len);
}

/* An interface that is down gives nothing; one that was deleted (EBADFD) never will again. */
static bool is_gone(void *opaque, int err)
{
    Tap *t = opaque;
    if (err == EINTR)
        return false;
    g_printerr("-netdev %s: the interface %s is gone: %s; the guest's network leads nowhere now\n",
               t->n->id, t->ifname, g_strerror(err));
    return true;
}

static const PacketOps packet_ops = { .read = read_frame, .write = write_frame,
                                      .is_gone = is_gone };

static void tap_room(NetBackend *n)
{
    packets_room(((Tap *)n->state)->packets);
}

static void tap_send(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len)
{
    packets_send(((Tap *)n->state)->packets, o, frame, len);
}

static void tap_set_offloads(NetBackend *n, unsigned taken)
{
    static const struct { unsigned taken, flag; } table[] = {
        { NET_TAKES_TSO4, TUN_F_TSO4 }, { NET_TAKES_TSO6, TUN_F_TSO6 },
        { NET_TAKES_ECN, TUN_F_TSO_ECN },
    };
    Tap *t = n->state;
    unsigned long flags = 0;
    if (!t->vnet_hdr)
        return;
    if (taken & NET_TAKES_CSUM) { /* segments need it */
        flags = TUN_F_CSUM;
        for (size_t i = 0; i < G_N_ELEMENTS(table); i++)
            flags |= taken & table[i].taken ? table[i].flag : 0;
    }
    if (ioctl(t->fd, TUNSETOFFLOAD, flags) && flags)
        ioctl(t->fd, TUNSETOFFLOAD, flags & TUN_F_CSUM); /* a device without segments */
}

/* ---- the device ---- */

/* On an open device: its header and buffer. */
static bool configure(Tap *t, int fd, const char *sndbuf, GError **error)
{
    int size = sizeof(NetOffload), buffer = INT32_MAX;
    uint64_t asked = 0;
    if (sndbuf && !parse_size(sndbuf, 1, &asked, error))
        return false;
    if (t->vnet_hdr && ioctl(fd, TUNSETVNETHDRSZ, &size))
        return error_set_errno(error, errno, "the TAP device takes no header of %d bytes", size);
    if (asked)
        buffer = (int)MIN(asked, INT32_MAX);
    if (ioctl(fd, TUNSETSNDBUF, &buffer) && asked)
        return error_set_errno(error, errno, "TUNSETSNDBUF ioctl failed");
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return true;
}

/* One that somebody else opened: it says itself what it is. */
static bool adopt(Tap *t, int fd, GError **error)
{
    struct ifreq r = { 0 };
    if (ioctl(fd, TUNGETIFF, &r))
        return error_set_errno(error, errno, "fd %d is no TAP device: unable to query TUNGETIFF",
                               fd);
    if (!(r.ifr_flags & IFF_TAP))
        return error_set(error, "fd %d is a TUN device: without Ethernet; make it a TAP", fd);
    t->vnet_hdr = r.ifr_flags & IFF_VNET_HDR;
    t->ifname = g_strndup(r.ifr_name, IFNAMSIZ);
    return true;
}

static int open_named(Tap *t, const char *ifname, OnOffAuto vnet_hdr, GError **error)
{
    static const char device[] = "/dev/net/tun";
    unsigned features = 0;
    struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    int fd = open(device, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        error_set_errno(error, errno, "could not open %s", device);
        return -1;
    }
    if (ifname && strlen(ifname) >= IFNAMSIZ) {
        error_set(error, "ifname=%s: must be at most %d characters", ifname, IFNAMSIZ - 1);
        goto failed;
    }
    if (ioctl(fd, TUNGETFEATURES, &features))
        features = 0;
    t->vnet_hdr = vnet_hdr != OFF && features & IFF_VNET_HDR;
    if (vnet_hdr == ON && !t->vnet_hdr) {
        error_set(error, "vnet_hdr=1 requested, but no kernel support for IFF_VNET_HDR available");
        goto failed;
    }
    if (t->vnet_hdr)
        r.ifr_flags |= IFF_VNET_HDR;
    g_strlcpy(r.ifr_name, ifname ? ifname : "tap%d", IFNAMSIZ);
    if (ioctl(fd, TUNSETIFF, &r)) {
        error_set_errno(error, errno, "could not configure %s (%s)", device,
                        ifname ? ifname : "a new interface");
        goto failed;
    }
    t->ifname = g_strndup(r.ifr_name, IFNAMSIZ);
    return fd;
failed:
    close(fd);
    return -1;
}

/* ---- life ---- */

static bool start(Tap *t, int fd, const char *sndbuf, GError **error)
{
    t->fd = fd;
    if (!configure(t, fd, sndbuf, error))
        return false;
    t->n->takes_offloads = t->vnet_hdr;
    tap_set_offloads(t->n, 0);
    t->packets = packets_new(t->n, fd, &packet_ops, t);
    return true;
}

static Tap *new_tap(NetBackend *n)
{
    Tap *t = n->state = g_new0(Tap, 1);
    t->n = n;
    t->fd = -1;
    return t;
}

static void tap_destroy(NetBackend *n)
{
    Tap *t = n->state;
    g_autoptr(GError) error = NULL;
    if (t->packets)
        packets_free(t->packets);
    if (t->downscript && !tap_run_script(t->downscript, t->ifname, &error))
        g_printerr("-netdev %s: %s\n", n->id, error->message);
    if (t->fd >= 0)
        close(t->fd);
    g_free(t->ifname);
    g_free(t->downscript);
    g_free(t->info);
    g_free(t);
    n->state = NULL;
}

static char *tap_describe(NetBackend *n)
{
    return g_strdup(((Tap *)n->state)->info);
}

/* ---- options ---- */

static bool with_fd(Tap *t, const char *text, const char *sndbuf, GError **error)
{
    uint64_t number = 0;
    int fd = g_ascii_isdigit(*text) ? -1 : fd_take(text);
    if (fd < 0 && (!parse_number(text, &number) || number > INT32_MAX))
        return error_set(error, "File descriptor named '%s' not found", text);
    fd = fd < 0 ? (int)number : fd;
    if (fcntl(fd, F_GETFD) < 0)
        return error_set_errno(error, errno, "%s: Can't use file descriptor %d", t->n->id, fd);
    if (!adopt(t, fd, error))
        return false;
    t->info = g_strdup_printf("fd=%d", fd);
    return start(t, fd, sndbuf, error);
}

static bool with_helper(Tap *t, const char *helper, const char *bridge, const char *sndbuf,
                        GError **error)
{
    int fd = tap_from_helper(helper, bridge, error);
    if (fd < 0)
        return false;
    if (!adopt(t, fd, error)) {
        close(fd);
        return false;
    }
    return start(t, fd, sndbuf, error);
}

/* The script that is meant: NULL for "no", and for a default that is not there. */
static char *take_script(GHashTable *opts, const char *key, const char *def)
{
    g_autofree char *given = opts_take(opts, key);
    if (!given)
        return access(def, X_OK) ? NULL : g_strdup(def);
    return *given && strcmp(given, "no") ? g_steal_pointer(&given) : NULL;
}

static bool with_name(Tap *t, GHashTable *opts, const char *sndbuf, GError **error)
{
    g_autofree char *ifname = opts_take(opts, "ifname");
    g_autofree char *script = take_script(opts, "script", "/etc/qemu-ifup");
    g_autofree char *down = take_script(opts, "downscript", "/etc/qemu-ifdown");
    OnOffAuto vnet_hdr = AUTO;
    bool on = false;
    if (g_hash_table_contains(opts, "vnet_hdr")) {
        if (!opts_take_bool(opts, "vnet_hdr", &on, error))
            return false;
        vnet_hdr = on ? ON : OFF;
    }
    if (!opts_check_empty(opts, t->n->type->name, t->n->type->keys, error))
        return false;
    int fd = open_named(t, ifname, vnet_hdr, error);
    if (fd < 0)
        return false;
    t->info = g_strdup_printf("ifname=%s,script=%s,downscript=%s", t->ifname,
                              script ? script : "no", down ? down : "no");
    if (!start(t, fd, sndbuf, error) || (script && !tap_run_script(script, t->ifname, error)))
        return false;
    t->downscript = g_steal_pointer(&down);
    return true;
}

static bool take_vhost(NetBackend *n, GHashTable *opts, GError **error)
{
    bool vhost = false, force = false;
    g_autofree char *fd = opts_take(opts, "vhostfd"), *fds = opts_take(opts, "vhostfds");
    g_free(opts_take(opts, "poll-us")); /* how vhost waits */
    if (!opts_take_bool(opts, "vhost", &vhost, error) ||
        !opts_take_bool(opts, "vhostforce", &force, error))
        return false;
    if (force)
        return error_set(error, "vhostforce=on: vhost is not supported; leave it out");
    if (vhost || fd || fds)
        warn_report("-netdev %s: vhost is not supported: frames go through this program", n->id);
    return true;
}

static bool take_queues(GHashTable *opts, char **fd, GError **error)
{
    uint64_t queues = 1;
    g_autofree char *fds = opts_take(opts, "fds");
    if (!opts_take_number(opts, "queues", &queues, error))
        return false;
    if (queues > 1 || (fds && strchr(fds, ':')))
        return error_set(error, "several queues are not supported: network cards have one pair; "
                         "give queues=1 or one fd");
    if (fds && *fd)
        return error_set(error, "fd= and fds= exclude one another");
    if (fds)
        *fd = g_steal_pointer(&fds);
    return true;
}

static bool tap_create(NetBackend *n, GHashTable *opts, GPtrArray *repeated, GError **error)
{
    static const char *const of_names[] = { "ifname", "script", "downscript", "vnet_hdr" };
    Tap *t = new_tap(n);
    g_autofree char *fd = opts_take(opts, "fd"), *helper = opts_take(opts, "helper");
    g_autofree char *bridge = opts_take(opts, "br"), *sndbuf = opts_take(opts, "sndbuf");
    if (!take_vhost(n, opts, error) || !take_queues(opts, &fd, error))
        return false;
    if (!fd && !helper)
        return with_name(t, opts, sndbuf, error);
    if (fd && helper)
        return error_set(error, "helper= is invalid with fd=");
    for (size_t i = 0; i < G_N_ELEMENTS(of_names); i++)
        if (g_hash_table_contains(opts, of_names[i]))
            return error_set(error, "ifname=, script=, downscript= and vnet_hdr= are invalid with "
                             "%s", fd ? "fd=" : "helper=");
    if (!opts_check_empty(opts, n->type->name, n->type->keys, error))
        return false;
    if (fd)
        return with_fd(t, fd, sndbuf, error);
    t->info = g_strdup_printf("helper=%s", helper);
    return with_helper(t, helper, bridge ? bridge : "br0", sndbuf, error);
}

static bool bridge_create(NetBackend *n, GHashTable *opts, GPtrArray *repeated, GError **error)
{
    Tap *t = new_tap(n);
    g_autofree char *bridge = opts_take(opts, "br"), *helper = opts_take(opts, "helper");
    if (!bridge)
        bridge = g_strdup("br0");
    if (!helper)
        helper = g_strdup(tap_default_helper());
    if (!opts_check_empty(opts, n->type->name, n->type->keys, error))
        return false;
    t->info = g_strdup_printf("helper=%s,br=%s", helper, bridge);
    return with_helper(t, helper, bridge, NULL, error);
}

static const char *const tap_keys[] = {
    "ifname", "script", "downscript", "fd", "fds", "br", "helper", "sndbuf", "vnet_hdr", "vhost",
    "vhostfd", "vhostfds", "vhostforce", "queues", "poll-us", NULL,
};
static const char *const bridge_keys[] = { "br", "helper", NULL };

const NetType net_tap_type = {
    .name = "tap", .doc = "a TAP device of the host", .keys = tap_keys, .leaves_traces = true,
    .create = tap_create, .destroy = tap_destroy, .send = tap_send, .room = tap_room,
    .set_offloads = tap_set_offloads, .describe = tap_describe,
};
const NetType net_bridge_type = {
    .name = "bridge", .doc = "a TAP device in a bridge of the host, by a helper",
    .keys = bridge_keys, .leaves_traces = true, .create = bridge_create, .destroy = tap_destroy,
    .send = tap_send, .room = tap_room, .set_offloads = tap_set_offloads,
    .describe = tap_describe,
};
