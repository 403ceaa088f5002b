/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -netdev user: a network of the guest's own behind address translation, by libslirp: DHCP, DNS,
 * TFTP, port forwards. Needs no privileges.
 *
 * Connections are not part of snapshots: after a load the stack is made anew, with its forwards,
 * and what was open in the guest gets a reset at its next packet.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>

#include "backend/char.h"
#include "backend/net.h"
#include "backend/net/fragments.h"
#include "softmmu/run.h"
#include "util/error.h"
#include "util/log.h"
#include "util/opts.h"

typedef struct User User;

/* One descriptor that slirp wants polled; watched by the event source as long as it asks. */
typedef struct Watch {
    int fd, events;
    gpointer tag;
} Watch;

typedef struct UserSource {
    GSource source;
    User *user;
} UserSource;

typedef struct Forward {
    bool udp;
    struct in_addr host, guest;
    int host_port, guest_port;
} Forward;

/* guestfwd: an address of the virtual network that leads to a chardev or a command. */
typedef struct GuestForward {
    User *user;
    struct in_addr addr;
    int port;
    char *command;  /* or: */
    Chardev *chardev;
} GuestForward;

struct User {
    NetBackend *backend;
    Slirp *slirp;
    Fragments *fragments;
    SlirpConfig config;
    struct in_addr net, mask;
    char *hostname, *tftp, *tftp_server, *bootfile, *domain;
    GPtrArray *search;     /* NULL-terminated, for SlirpConfig.vdnssearch */
    GArray *forwards;      /* of Forward */
    GPtrArray *guest_forwards;
    UserSource *source;
    GArray *watches, *asked; /* of Watch; asked: of the fill that is going on */
    int64_t deadline_us;     /* monotonic: when slirp wants to be called at the latest */
    bool kicked;             /* it has something to do now */
};

/* ---- what slirp calls ---- */

static ssize_t send_packet(const void *buf, size_t len, void *opaque)
{
    net_deliver(((User *)opaque)->backend, NULL, buf, len);
    return len;
}

static void guest_error(const char *msg, void *opaque)
{
    log_guest_error("user network", "%s", msg);
}

/* libslirp complains of odd packets by glib's log, which leads to the user's terminal. */
static void slirp_log(const gchar *domain, GLogLevelFlags level, const gchar *text, gpointer opaque)
{
    log_guest_error("user network", "%s", text);
}

static int64_t now_ns(void *opaque)
{
    return clock_ns(CLOCK_VIRTUAL);
}

typedef struct SlirpTimer {
    Timer *timer;
    User *user;
    SlirpTimerId id;
    void *arg;
} SlirpTimer;

static void timer_fired(void *opaque)
{
    SlirpTimer *t = opaque;
    slirp_handle_timer(t->user->slirp, t->id, t->arg);
}

static void *new_timer(SlirpTimerId id, void *arg, void *opaque)
{
    SlirpTimer *t = g_new0(SlirpTimer, 1);
    *t = (SlirpTimer){ timer_new(CLOCK_VIRTUAL, timer_fired, t), opaque, id, arg };
    return t;
}

static void free_timer(void *timer, void *opaque)
{
    timer_free(((SlirpTimer *)timer)->timer);
    g_free(timer);
}

static void mod_timer(void *timer, int64_t expire_ms, void *opaque)
{
    timer_mod(((SlirpTimer *)timer)->timer, expire_ms * 1000000);
}

static void ignore_fd(int fd, void *opaque)
{
}

static void wake(void *opaque)
{
    ((User *)opaque)->kicked = true;
    g_main_context_wakeup(NULL);
}

static const SlirpCb callbacks = {
    .send_packet = send_packet, .guest_error = guest_error, .clock_get_ns = now_ns,
    .timer_free = free_timer, .timer_mod = mod_timer, .register_poll_fd = ignore_fd,
    .unregister_poll_fd = ignore_fd, .notify = wake, .timer_new_opaque = new_timer,
};

/* ---- the event source ---- */

static int add_poll(int fd, int events, void *opaque)
{
    User *u = opaque;
    int wanted = (events & SLIRP_POLL_IN ? G_IO_IN : 0) | (events & SLIRP_POLL_OUT ? G_IO_OUT : 0) |
                 (events & SLIRP_POLL_PRI ? G_IO_PRI : 0) |
                 (events & SLIRP_POLL_ERR ? G_IO_ERR : 0) | (events & SLIRP_POLL_HUP ? G_IO_HUP : 0);
    Watch w = { fd, wanted, NULL };
    g_array_append_val(u->asked, w);
    return (int)u->asked->len - 1;
}

/* glib's list of descriptors is changed only where slirp's differs from the last time. */
static void update_watches(User *u)
{
    for (guint i = 0; i < MAX(u->asked->len, u->watches->len); i++) {
        Watch *old = i < u->watches->len ? &g_array_index(u->watches, Watch, i) : NULL;
        Watch *new = i < u->asked->len ? &g_array_index(u->asked, Watch, i) : NULL;
        if (old && new && old->fd == new->fd && old->events == new->events) {
            new->tag = old->tag;
            continue;
        }
        if (old)
            g_source_remove_unix_fd(&u->source->source, old->tag);
        if (new)
            new->tag = g_source_add_unix_fd(&u->source->source, new->fd, new->events);
    }
    GArray *swap = u->watches;
    u->watches = u->asked;
    u->asked = swap;
}

static gboolean source_prepare(GSource *source, gint *timeout)
{
    User *u = ((UserSource *)source)->user;
    uint32_t ms = UINT32_MAX;
    g_array_set_size(u->asked, 0);
    slirp_pollfds_fill(u->slirp, &ms, add_poll, u);
    update_watches(u);
    *timeout = ms > INT32_MAX ? -1 : (gint)ms;
    u->deadline_us = ms > INT32_MAX ? INT64_MAX : g_get_monotonic_time() + ms * 1000LL;
    return u->kicked;
}

/* Ready only if there is something to do: else sources of lower priority would never run. */
static gboolean source_check(GSource *source)
{
    User *u = ((UserSource *)source)->user;
    for (guint i = 0; i < u->watches->len; i++)
        if (g_source_query_unix_fd(source, g_array_index(u->watches, Watch, i).tag))
            return TRUE;
    return u->kicked || g_get_monotonic_time() >= u->deadline_us;
}

static int get_revents(int index, void *opaque)
{
    User *u = opaque;
    if (index < 0 || index >= (int)u->watches->len)
        return 0;
    GIOCondition c = g_source_query_unix_fd(&u->source->source,
                                            g_array_index(u->watches, Watch, index).tag);
    return (c & G_IO_IN ? SLIRP_POLL_IN : 0) | (c & G_IO_OUT ? SLIRP_POLL_OUT : 0) |
           (c & G_IO_PRI ? SLIRP_POLL_PRI : 0) | (c & G_IO_ERR ? SLIRP_POLL_ERR : 0) |
           (c & G_IO_HUP ? SLIRP_POLL_HUP : 0);
}

static gboolean source_dispatch(GSource *source, GSourceFunc callback, gpointer data)
{
    User *u = ((UserSource *)source)->user;
    u->kicked = false;
    slirp_pollfds_poll(u->slirp, 0, get_revents, u);
    return G_SOURCE_CONTINUE;
}

static GSourceFuncs source_funcs = { source_prepare, source_check, source_dispatch, NULL };

/* ---- options ---- */

static bool take_address(GHashTable *opts, const char *key, struct in_addr *out, GError **error)
{
    g_autofree char *text = opts_take(opts, key);
    if (text && inet_pton(AF_INET, text, out) != 1)
        return error_set(error, "%s=%s: is no IPv4 address", key, text);
    return true;
}

static bool take_address6(GHashTable *opts, const char *key, struct in6_addr *out, GError **error)
{
    g_autofree char *text = opts_take(opts, key);
    if (text && inet_pton(AF_INET6, text, out) != 1)
        return error_set(error, "%s=%s: is no IPv6 address", key, text);
    return true;
}

/* net=ADDRESS[/LENGTH or /MASK] */
static bool take_net(GHashTable *opts, User *u, GError **error)
{
    inet_pton(AF_INET, "10.0.2.0", &u->net);
    inet_pton(AF_INET, "255.255.255.0", &u->mask);
    g_autofree char *text = opts_take(opts, "net");
    if (!text)
        return true;
    char **part = g_strsplit(text, "/", 2);
    bool ok = inet_pton(AF_INET, part[0], &u->net) == 1;
    guint64 bits;
    if (ok && part[1] && g_ascii_string_to_unsigned(part[1], 10, 4, 30, &bits, NULL))
        u->mask.s_addr = htonl(UINT32_MAX << (32 - bits));
    else if (ok && part[1])
        ok = inet_pton(AF_INET, part[1], &u->mask) == 1;
    g_strfreev(part);
    if (!ok)
        return error_set(error, "net=%s: must be like 10.0.2.0/24", text);
    u->net.s_addr &= u->mask.s_addr;
    return true;
}

/* ipv6-net=PREFIX[/LENGTH] */
static bool take_net6(GHashTable *opts, User *u, GError **error)
{
    SlirpConfig *c = &u->config;
    inet_pton(AF_INET6, "fec0::", &c->vprefix_addr6);
    c->vprefix_len = 64;
    g_autofree char *text = opts_take(opts, "ipv6-net");
    if (!text)
        return true;
    char **part = g_strsplit(text, "/", 2);
    guint64 bits = 64;
    bool ok = inet_pton(AF_INET6, part[0], &c->vprefix_addr6) == 1 &&
              (!part[1] || g_ascii_string_to_unsigned(part[1], 10, 0, 126, &bits, NULL));
    g_strfreev(part);
    c->vprefix_len = bits;
    return ok || error_set(error, "ipv6-net=%s: must be like fec0::/64", text);
}

static struct in_addr host_number(const User *u, uint32_t n)
{
    return (struct in_addr){ u->net.s_addr | htonl(n) };
}

static bool in_net(const User *u, struct in_addr a)
{
    return (a.s_addr & u->mask.s_addr) == u->net.s_addr;
}

static bool take_addresses(GHashTable *opts, User *u, GError **error)
{
    SlirpConfig *c = &u->config;
    if (!take_net(opts, u, error) || !take_net6(opts, u, error))
        return false;
    c->vnetwork = u->net;
    c->vnetmask = u->mask;
    c->vhost = host_number(u, 2);
    c->vnameserver = host_number(u, 3);
    c->vdhcp_start = host_number(u, 15);
    c->vhost6 = c->vnameserver6 = c->vprefix_addr6;
    c->vhost6.s6_addr[15] |= 2;
    c->vnameserver6.s6_addr[15] |= 3;
    if (!take_address(opts, "host", &c->vhost, error) ||
        !take_address(opts, "dns", &c->vnameserver, error) ||
        !take_address(opts, "dhcpstart", &c->vdhcp_start, error) ||
        !take_address6(opts, "ipv6-host", &c->vhost6, error) ||
        !take_address6(opts, "ipv6-dns", &c->vnameserver6, error))
        return false;
    if (!in_net(u, c->vhost) || !in_net(u, c->vnameserver) || !in_net(u, c->vdhcp_start))
        return error_set(error, "host=, dns= and dhcpstart= must lie in net=");
    if (c->vhost.s_addr == c->vnameserver.s_addr || c->vdhcp_start.s_addr == c->vhost.s_addr ||
        c->vdhcp_start.s_addr == c->vnameserver.s_addr)
        return error_set(error, "host=, dns= and dhcpstart= must differ");
    return true;
}

static bool take_options(GHashTable *opts, User *u, GError **error)
{
    SlirpConfig *c = &u->config;
    bool restricted = false, ipv4 = true, ipv6 = true;
    if (!opts_take_bool(opts, "restrict", &restricted, error) ||
        !opts_take_bool(opts, "ipv4", &ipv4, error) || !opts_take_bool(opts, "ipv6", &ipv6, error) ||
        !take_addresses(opts, u, error))
        return false;
    if (!ipv4 && !ipv6)
        return error_set(error, "ipv4=off and ipv6=off leave no network");
    *c = (SlirpConfig){
        .version = 1, .restricted = restricted, .in_enabled = ipv4, .in6_enabled = ipv6,
        .vnetwork = c->vnetwork, .vnetmask = c->vnetmask, .vhost = c->vhost,
        .vprefix_addr6 = c->vprefix_addr6, .vprefix_len = c->vprefix_len, .vhost6 = c->vhost6,
        .vdhcp_start = c->vdhcp_start, .vnameserver = c->vnameserver,
        .vnameserver6 = c->vnameserver6,
    };
    c->vhostname = u->hostname = opts_take(opts, "hostname");
    c->tftp_path = u->tftp = opts_take(opts, "tftp");
    c->tftp_server_name = u->tftp_server = opts_take(opts, "tftp-server-name");
    c->bootfile = u->bootfile = opts_take(opts, "bootfile");
    c->vdomainname = u->domain = opts_take(opts, "domainname");
    if (u->tftp && !g_file_test(u->tftp, G_FILE_TEST_IS_DIR))
        return error_set(error, "tftp=%s: there is no such folder", u->tftp);
    g_autofree char *smb = opts_take(opts, "smb");
    if (smb)
        return error_set(error, "smb= is not supported; share a folder with -virtfs instead");
    return true;
}

/* ---- forwards ---- */

static bool parse_port(const char *text, int *port)
{
    guint64 n;
    if (!g_ascii_string_to_unsigned(text, 10, 0, 65535, &n, NULL))
        return false;
    *port = (int)n;
    return true;
}

/* "tcp:" or "udp:" or ":" at the start of *text. */
static bool take_protocol(const char **text, bool *udp)
{
    *udp = g_str_has_prefix(*text, "udp:");
    const char *colon = strchr(*text, ':');
    if (!colon || (!*udp && colon != *text && !g_str_has_prefix(*text, "tcp:")))
        return false;
    *text = colon + 1;
    return true;
}

/* "[ADDRESS]:PORT" */
static bool parse_endpoint(const char *text, struct in_addr *addr, int *port)
{
    const char *colon = strrchr(text, ':');
    if (!colon)
        return false;
    g_autofree char *host = g_strndup(text, colon - text);
    return (!*host || inet_pton(AF_INET, host, addr) == 1) && parse_port(colon + 1, port);
}

/* [tcp|udp]:[hostaddr]:hostport-[guestaddr]:guestport */
static bool parse_forward(User *u, const char *rule, Forward *f, GError **error)
{
    const char *rest = rule;
    memset(f, 0, sizeof *f);
    if (!take_protocol(&rest, &f->udp))
        return error_set(error, "Invalid host forwarding rule '%s' (Bad protocol: begin with tcp: or "
                         "udp:)", rule);
    const char *dash = strchr(rest, '-');
    g_autofree char *host = g_strndup(rest, dash ? (gsize)(dash - rest) : strlen(rest));
    f->guest = u->config.vdhcp_start;
    if (!parse_endpoint(host, &f->host, &f->host_port))
        return error_set(error, "Invalid host forwarding rule '%s' (Bad host address: must be like "
                         "127.0.0.1:2222)", rule);
    if (!dash || !parse_endpoint(dash + 1, &f->guest, &f->guest_port) || !f->guest_port)
        return error_set(error, "Invalid host forwarding rule '%s' (Bad guest address: must be like "
                         "-10.0.2.15:22 or -:22)", rule);
    return true;
}

static bool add_to_slirp(User *u, const Forward *f)
{
    return slirp_add_hostfwd(u->slirp, f->udp, f->host, f->host_port, f->guest, f->guest_port) >= 0;
}

bool net_user_hostfwd_add(NetBackend *n, const char *rule, GError **error)
{
    User *u = n->state;
    Forward f;
    if (!parse_forward(u, rule, &f, error))
        return false;
    errno = 0;
    if (!add_to_slirp(u, &f))
        return error_set(error, "Could not set up host forwarding rule '%s': %s", rule,
                         errno ? g_strerror(errno) : "is the port taken?");
    g_array_append_val(u->forwards, f);
    wake(u);
    return true;
}

bool net_user_hostfwd_remove(NetBackend *n, const char *rule, bool *found, GError **error)
{
    User *u = n->state;
    Forward f = { 0 };
    const char *rest = rule;
    if (!take_protocol(&rest, &f.udp) || !parse_endpoint(rest, &f.host, &f.host_port))
        return error_set(error, "invalid format: must be like tcp:127.0.0.1:2222 or tcp::2222");
    *found = slirp_remove_hostfwd(u->slirp, f.udp, f.host, f.host_port) >= 0;
    for (guint i = 0; i < u->forwards->len; i++) {
        const Forward *have = &g_array_index(u->forwards, Forward, i);
        if (have->udp == f.udp && have->host.s_addr == f.host.s_addr &&
            have->host_port == f.host_port) {
            g_array_remove_index(u->forwards, i);
            break;
        }
    }
    return true;
}

static size_t chardev_room(void *opaque)
{
    GuestForward *g = opaque;
    return slirp_socket_can_recv(g->user->slirp, g->addr, g->port);
}

static void chardev_data(void *opaque, const uint8_t *buf, size_t len)
{
    GuestForward *g = opaque;
    slirp_socket_recv(g->user->slirp, g->addr, g->port, buf, (int)len);
    wake(g->user);
}

static ssize_t to_chardev(const void *buf, size_t len, void *opaque)
{
    GuestForward *g = opaque;
    chardev_write(g->chardev, buf, len);
    return len;
}

static bool guest_forward_to_slirp(User *u, GuestForward *g)
{
    if (g->command)
        return slirp_add_exec(u->slirp, g->command, &g->addr, g->port) >= 0;
    return slirp_add_guestfwd(u->slirp, to_chardev, g, &g->addr, g->port) >= 0;
}

/* [tcp]:server:port-dev or -cmd:command */
static bool add_guest_forward(User *u, const char *rule, GError **error)
{
    const char *rest = rule, *dash = strchr(rule, '-');
    bool udp;
    GuestForward *g = g_new0(GuestForward, 1);
    g->user = u;
    g_autofree char *where = g_strndup(rest, dash ? (gsize)(dash - rest) : 0);
    rest = where;
    g_ptr_array_add(u->guest_forwards, g);
    if (!dash || !take_protocol(&rest, &udp) || udp || !parse_endpoint(rest, &g->addr, &g->port))
        return error_set(error, "Invalid guest forwarding rule '%s': must be like "
                         "tcp:10.0.2.100:80-chardev or -cmd:command", rule);
    if (g_str_has_prefix(dash + 1, "cmd:")) {
        g->command = g_strdup(dash + 5);
    } else {
        Chardev *c = chardev_find(dash + 1);
        CharFrontend fe = { chardev_room, chardev_data, NULL, g };
        if (!c)
            return error_set(error, "guestfwd=%s: there is no chardev '%s'", rule, dash + 1);
        if (!chardev_attach(c, &fe, error))
            return false;
        g->chardev = c;
    }
    if (!guest_forward_to_slirp(u, g))
        return error_set(error, "guestfwd=%s: the address must be a free one of the network", rule);
    return true;
}

/* ---- life ---- */

static void user_destroy(NetBackend *n)
{
    User *u = n->state;
    if (u->source) {
        g_source_destroy(&u->source->source);
        g_source_unref(&u->source->source);
    }
    if (u->slirp)
        slirp_cleanup(u->slirp);
    for (guint i = 0; i < u->guest_forwards->len; i++) {
        GuestForward *g = u->guest_forwards->pdata[i];
        if (g->chardev)
            chardev_detach(g->chardev, g);
        g_free(g->command);
        g_free(g);
    }
    g_ptr_array_free(u->guest_forwards, TRUE);
    g_ptr_array_free(u->search, TRUE);
    g_array_free(u->forwards, TRUE);
    g_array_free(u->watches, TRUE);
    g_array_free(u->asked, TRUE);
    fragments_free(u->fragments);
    g_free(u->hostname);
    g_free(u->tftp);
    g_free(u->tftp_server);
    g_free(u->bootfile);
    g_free(u->domain);
    g_free(u);
    n->state = NULL;
}

static bool user_create(NetBackend *n, GHashTable *opts, GPtrArray *repeated, GError **error)
{
    User *u = n->state = g_new0(User, 1);
    u->backend = n;
    u->fragments = fragments_new();
    u->search = g_ptr_array_new_with_free_func(g_free);
    u->forwards = g_array_new(FALSE, FALSE, sizeof(Forward));
    u->guest_forwards = g_ptr_array_new();
    u->watches = g_array_new(FALSE, FALSE, sizeof(Watch));
    u->asked = g_array_new(FALSE, FALSE, sizeof(Watch));
    if (!take_options(opts, u, error))
        return false;
    for (guint i = 0; i < repeated->len; i++)
        if (g_str_has_prefix(repeated->pdata[i], "dnssearch="))
            g_ptr_array_add(u->search, g_strdup((char *)repeated->pdata[i] + 10));
    if (u->search->len) {
        g_ptr_array_add(u->search, NULL);
        u->config.vdnssearch = (const char **)u->search->pdata;
    }
    u->config.version = 4;
    static guint handler;
    if (!handler)
        handler = g_log_set_handler("Slirp", G_LOG_LEVEL_MASK, slirp_log, NULL);
    u->slirp = slirp_new(&u->config, &callbacks, u);
    if (!u->slirp)
        return error_set(error, "libslirp refuses these addresses");
    for (guint i = 0; i < repeated->len; i++) {
        const char *text = repeated->pdata[i];
        if (g_str_has_prefix(text, "hostfwd=") && !net_user_hostfwd_add(n, text + 8, error))
            return false;
        if (g_str_has_prefix(text, "guestfwd=") && !add_guest_forward(u, text + 9, error))
            return false;
    }
    u->source = (UserSource *)g_source_new(&source_funcs, sizeof(UserSource));
    u->source->user = u;
    g_source_attach(&u->source->source, NULL);
    return true;
}

static void user_send(NetBackend *n, const NetOffload *o, const uint8_t *frame, size_t len)
{
    User *u = n->state;
    frame = fragments_take(u->fragments, frame, &len);
    if (frame)
        slirp_input(u->slirp, frame, (int)len);
    wake(u);
}

static void user_loaded(NetBackend *n)
{
    User *u = n->state;
    slirp_cleanup(u->slirp);
    u->slirp = slirp_new(&u->config, &callbacks, u);
    for (guint i = 0; i < u->forwards->len; i++) {
        const Forward *f = &g_array_index(u->forwards, Forward, i);
        if (!add_to_slirp(u, f))
            g_printerr("-netdev %s: port %d of the host can't be forwarded any more\n", n->id,
                       f->host_port);
    }
    for (guint i = 0; i < u->guest_forwards->len; i++)
        guest_forward_to_slirp(u, u->guest_forwards->pdata[i]);
    wake(u);
}

static char *user_describe(NetBackend *n)
{
    User *u = n->state;
    char net[INET_ADDRSTRLEN];
    inet_ntop(AF_INET, &u->net, net, sizeof net);
    return g_strdup_printf("net=%s,restrict=%s", net, u->config.restricted ? "on" : "off");
}

char *net_user_connections(NetBackend *n)
{
    return slirp_connection_info(((User *)n->state)->slirp);
}

static const char *const keys[] = {
    "net", "host", "restrict", "hostname", "tftp", "tftp-server-name", "bootfile", "dhcpstart",
    "dns", "dnssearch", "domainname", "hostfwd", "guestfwd", "smb", "ipv4", "ipv6", "ipv6-net",
    "ipv6-host", "ipv6-dns", NULL,
};

const NetType net_user_type = {
    .name = "user", .doc = "a network of the guest's own behind address translation", .keys = keys,
    .takes_big = true, .checked = true, .create = user_create, .destroy = user_destroy, .send = user_send,
    .loaded = user_loaded, .describe = user_describe,
};
