/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * virtio-net: network card (virtio 1.2, 5.1), one pair of queues.
 *
 * The card computes the checksums and cuts the big TCP segments that the guest leaves to it
 * (offload.c), unless the backend does so itself. To the guest it gives frames as they come; which
 * of them may come without checksums or uncut is negotiated with the backend.
 *
 * Left out: several queue pairs, RSS, hash reports, UDP fragmentation, coalescing.
 */
#include "hw/net/virtio_net.h"

#include <string.h>

#include "hw/net/offload.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { CONFIG_SIZE = 20, HDR_LEGACY = 10, HDR_MERGEABLE = 12, RX_FRAME_MIN = 14 };

static size_t header_size(const VirtioNet *s)
{
    return virtio_has(&s->virtio, NET_F_MRG_RXBUF) || virtio_has(&s->virtio, VIRTIO_F_VERSION_1)
               ? HDR_MERGEABLE : HDR_LEGACY;
}

/* Not at the kick itself, on the vCPU's thread: the guest goes on meanwhile. */
static void send_soon(VirtioNet *s)
{
    if (!timer_pending(s->tx))
        timer_mod(s->tx, clock_ns(CLOCK_VIRTUAL));
}

/* ---- to the guest ---- */

/*
 * Takes as many buffers as the frame needs; false and nothing changed if they are not there. `hdr`
 * has HDR_MERGEABLE bytes.
 */
static bool fill_buffers(VirtioNet *s, uint8_t *hdr, const uint8_t *frame, size_t len)
{
    VirtQueue *vq = virtio_net_rx(s);
    bool mergeable = virtio_has(&s->virtio, NET_F_MRG_RXBUF);
    size_t head = header_size(s), done = 0;
    VirtElement *e[64];
    uint32_t written[64];
    unsigned n = 0;
    do {
        e[n] = n < G_N_ELEMENTS(e) - 1 ? virtqueue_pop(vq, sizeof **e) : NULL;
        if (!e[n]) {
            while (n) {
                virtqueue_unpop(vq, e[--n]);
                g_free(e[n]);
            }
            return s->virtio.broken;
        }
        size_t skip = n ? 0 : head;
        if (e[n]->in_len < skip || (!mergeable && e[n]->in_len < head + len) || !e[n]->in_len) {
            virtqueue_push(vq, e[n], 0); /* too small for this frame, which is dropped */
            g_free(e[n]);
            while (n) {
                virtqueue_push(vq, e[--n], 0);
                g_free(e[n]);
            }
            virtqueue_notify(vq);
            return true;
        }
        size_t now = iov_from_buf(e[n]->in, e[n]->n_in, skip, frame + done, len - done);
        written[n++] = skip + now;
        done += now;
    } while (done < len);
    store_le16(hdr + 10, n);
    iov_from_buf(e[0]->in, e[0]->n_in, 0, hdr, head);
    for (unsigned i = 0; i < n; i++) {
        virtqueue_push(vq, e[i], written[i]);
        g_free(e[i]);
    }
    virtqueue_notify(vq);
    return true;
}

/* A frame may have come before the backend learned that the guest wants it finished. */
static bool finish(const NetOffload *o, uint8_t *frame, size_t len)
{
    return o->gso == NET_GSO_NONE && offload_checksum(frame, len, o->csum_start, o->csum_offset);
}

static bool receive(void *opaque, const NetOffload *o, const uint8_t *frame, size_t len)
{
    VirtioNet *s = opaque;
    if (!(s->virtio.status & VIRTIO_STATUS_DRIVER_OK) || s->virtio.broken ||
        !virtio_net_rx(s)->ready)
        return true; /* nobody listens: gone, as on a wire */
    if (len < RX_FRAME_MIN || !virtio_net_wants(s, frame, len))
        return true;
    uint8_t hdr[HDR_MERGEABLE] = { 0 };
    if (virtio_net_takes(s, NET_F_GUEST_CSUM)) {
        memcpy(hdr, o, sizeof *o);
    } else if (o->flags & NET_CSUM_NEEDED) {
        g_autofree uint8_t *own = g_memdup2(frame, len);
        return !finish(o, own, len) || fill_buffers(s, hdr, own, len);
    }
    return fill_buffers(s, hdr, frame, len);
}

static void writable(void *opaque)
{
    send_soon(opaque);
}

void virtio_net_tell_offloads(VirtioNet *s)
{
    static const struct { unsigned feature, taken; } table[] = {
        { NET_F_GUEST_CSUM, NET_TAKES_CSUM }, { NET_F_GUEST_TSO4, NET_TAKES_TSO4 },
        { NET_F_GUEST_TSO6, NET_TAKES_TSO6 }, { NET_F_GUEST_ECN, NET_TAKES_ECN },
    };
    unsigned taken = 0;
    bool on = s->virtio.status & VIRTIO_STATUS_DRIVER_OK;
    for (size_t i = 0; on && i < G_N_ELEMENTS(table); i++)
        taken |= virtio_net_takes(s, table[i].feature) ? table[i].taken : 0;
    if (s->netdev)
        net_set_offloads(s->netdev, taken);
}

static void set_status(void *dev, uint8_t status)
{
    virtio_net_tell_offloads(dev);
}

static void net_announce(void *opaque)
{
    VirtioNet *s = opaque;
    if (virtio_has(&s->virtio, NET_F_GUEST_ANNOUNCE) &&
        s->virtio.status & VIRTIO_STATUS_DRIVER_OK) {
        s->announce = true;
        virtio_config_changed(&s->virtio);
    }
}

static void link_changed(void *opaque, bool up)
{
    VirtioNet *s = opaque;
    s->link_down = !up;
    virtio_config_changed(&s->virtio);
}

/* ---- from the guest ---- */

static void emit(void *opaque, const uint8_t *frame, size_t len)
{
    net_send(((VirtioNet *)opaque)->netdev, NULL, frame, len);
}

static void transmit(VirtioNet *s, const uint8_t *hdr, uint8_t *frame, size_t len)
{
    NetOffload o;
    memcpy(&o, hdr, sizeof o);
    uint8_t gso = o.gso & ~NET_GSO_ECN;
    bool ok = true;
    if (!s->netdev || len < RX_FRAME_MIN)
        return;
    bool tcp = gso == NET_GSO_TCPV4 || gso == NET_GSO_TCPV6;
    if (s->netdev->takes_offloads)
        net_send(s->netdev, &o, frame, len); /* which checks them */
    else if (tcp && !s->netdev->type->takes_big)
        ok = offload_segment(frame, len, o.csum_start, o.gso_size, emit, s);
    else if (gso != NET_GSO_NONE && !tcp)
        ok = false;
    else if (!(o.flags & NET_CSUM_NEEDED) ||
             (ok = offload_checksum(frame, len, o.csum_start, o.csum_offset)))
        net_send(s->netdev, NULL, frame, len);
    if (!ok)
        log_guest_error(s->virtio.dev.path, "frame with offload request %u that does not fit it",
                        o.gso);
}

static void send_all(void *opaque)
{
    VirtioNet *s = opaque;
    if (!(s->virtio.status & VIRTIO_STATUS_DRIVER_OK) || s->virtio.broken)
        return;
    VirtQueue *vq = &s->virtio.queues[1];
    size_t head = header_size(s);
    VirtElement *e;
    unsigned left = vq->num;
    for (; left && !(s->netdev && net_blocked(s->netdev)) &&
           (e = virtqueue_pop(vq, sizeof *e)); left--) {
        size_t len = iov_to_buf(e->out, e->n_out, 0, s->buffer, HDR_MERGEABLE + NET_MAX_FRAME);
        if (len < head)
            virtio_error(&s->virtio, "frame of %zu bytes, shorter than its header", len);
        else if (e->out_len == len)
            transmit(s, s->buffer, s->buffer + head, len - head);
        virtqueue_push(vq, e, 0);
        g_free(e);
    }
    virtqueue_notify(vq);
    if (!left) /* others want to run too */
        send_soon(s);
}

/* ---- the device ---- */

static void handle_queue(void *dev, unsigned n)
{
    VirtioNet *s = dev;
    if (n == 0) {
        if (s->netdev)
            net_resume(s->netdev);
    } else if (n == 1) {
        send_soon(s);
    } else {
        virtio_net_ctrl(s, &s->virtio.queues[2]);
    }
}

static uint64_t features(void *dev)
{
    VirtioNet *s = dev;
    uint64_t f = BIT(NET_F_MAC);
    for (unsigned i = 0; i < G_N_ELEMENTS(s->offer); i++)
        f |= s->offer[i] ? BIT(i) : 0;
    if (!s->offer[NET_F_CTRL_VQ])
        f &= ~(BIT(NET_F_CTRL_RX) | BIT(NET_F_CTRL_VLAN) | BIT(NET_F_CTRL_RX_EXTRA) |
               BIT(NET_F_GUEST_ANNOUNCE) | BIT(NET_F_CTRL_MAC_ADDR) |
               BIT(NET_F_CTRL_GUEST_OFFLOADS));
    if (!s->offer[NET_F_CSUM])
        f &= ~(BIT(NET_F_HOST_TSO4) | BIT(NET_F_HOST_TSO6) | BIT(NET_F_HOST_ECN) | BIT(NET_F_GSO));
    if (s->host_mtu)
        f |= BIT(NET_F_MTU);
    if (s->speed != UINT32_MAX || s->duplex != 2)
        f |= BIT(NET_F_SPEED_DUPLEX);
    return f;
}

static void get_config(void *dev, uint8_t *config)
{
    static const uint8_t duplex[] = { 0, 1, 0xff };
    VirtioNet *s = dev;
    memcpy(config, s->mac_now, 6);
    store_le16(config + 6, (s->link_down || !s->netdev ? 0 : NET_S_LINK_UP) |
                           (s->announce ? NET_S_ANNOUNCE : 0));
    store_le16(config + 8, 1); /* pairs of queues */
    store_le16(config + 10, s->host_mtu);
    store_le32(config + 12, s->speed);
    config[16] = duplex[s->duplex];
}

/* Legacy drivers set the address here. */
static void set_config(void *dev, const uint8_t *config, uint32_t offset, uint32_t size)
{
    VirtioNet *s = dev;
    if (offset < 6 && !virtio_has(&s->virtio, NET_F_CTRL_MAC_ADDR) &&
        !virtio_has(&s->virtio, VIRTIO_F_VERSION_1)) {
        memcpy(s->mac_now, config, 6);
        memcpy(s->nic.mac, config, 6);
    }
}

static void net_reset(void *dev)
{
    VirtioNet *s = dev;
    timer_del(s->tx);
    virtio_net_filter_reset(s);
}

static bool net_realize(void *dev, GError **error)
{
    static const uint8_t none[6];
    VirtioNet *s = dev;
    if (s->mq)
        return error_set(error, "virtio-net: mq=on is not supported: there is one pair of queues");
    if (s->host_mtu > 65535 || (s->host_mtu && s->host_mtu < 68))
        return error_set(error, "virtio-net: host_mtu must be 68 to 65535");
    for (int i = 0; i < 2; i++) {
        uint32_t size = i ? s->tx_queue_size : s->rx_queue_size;
        if (size < 256 || size > NET_QUEUE_MAX || size & (size - 1))
            return error_set(error, "virtio-net: %s_queue_size must be 256, 512 or 1024",
                             i ? "tx" : "rx");
    }
    if (!memcmp(s->mac, none, 6))
        net_default_mac(s->mac);
    if (s->mac[0] & 1)
        return error_set(error, "virtio-net: mac= is a multicast address");
    /* Behind PCI it is the function that the user knows. */
    const Bus *bus = s->virtio.dev.parent_bus;
    const Device *known = bus ? bus->owner : NULL;
    if (!known || !known->type->bus_type || strcmp(known->type->bus_type, "pci"))
        known = &s->virtio.dev;
    s->nic = (NetNic){ .model = known->type->name, .id = known->id, .path = known->path,
                       .filter = virtio_net_filter, .receive = receive, .writable = writable,
                       .link_changed = link_changed, .announce = net_announce,
                       .opaque = s };
    memcpy(s->nic.mac, s->mac, 6);
    if (!virtio_add_queues(&s->virtio, 1, s->rx_queue_size, error))
        return false;
    if (!virtio_add_queues(&s->virtio, 1, s->tx_queue_size, error) ||
        (s->offer[NET_F_CTRL_VQ] && !virtio_add_queues(&s->virtio, 1, 64, error)) ||
        (s->netdev && !net_attach(s->netdev, &s->nic, error))) {
        virtio_free_queues(&s->virtio);
        return false;
    }
    s->buffer = g_malloc(HDR_MERGEABLE + NET_MAX_FRAME);
    s->tx = timer_new(CLOCK_VIRTUAL, send_all, s);
    virtio_net_filter_reset(s);
    return true;
}

static void net_unrealize(void *dev)
{
    VirtioNet *s = dev;
    if (s->netdev)
        net_detach(s->netdev);
    timer_free(s->tx);
    g_free(s->buffer);
    virtio_free_queues(&s->virtio);
}

/* The network learns where the guest is now from what the guest is asked to send. */
static void net_after_load(void *dev)
{
    VirtioNet *s = dev;
    if (s->n_uni > NET_MAC_TABLE || s->n_multi > NET_MAC_TABLE - s->n_uni)
        s->n_uni = s->n_multi = 0;
    memcpy(s->nic.mac, s->mac_now, 6);
    if (s->netdev)
        net_loaded(s->netdev);
    virtio_net_tell_offloads(s);
    if (device_load_exact)
        return;
    net_announce(s);
    if (s->virtio.status & VIRTIO_STATUS_DRIVER_OK)
        handle_queue(s, 1);
}

#define OFFER(name, bit, def, help) PROP(VirtioNet, name, offer[bit], PROP_BOOL, def, help)
static const char *const duplex_names[] = { "half", "full", "unknown", NULL };
static const Prop net_props[] = {
    PROP(VirtioNet, "netdev", netdev, PROP_NETDEV, NULL, "id of a -netdev"),
    PROP(VirtioNet, "mac", mac, PROP_MACADDR, NULL, "address; none: 52:54:00:12:34:56 and up"),
    PROP_BOOT(VirtioNet, bootindex, "ethernet-phy@0"),
    OFFER("csum", NET_F_CSUM, "on", "the card computes checksums"),
    OFFER("guest_csum", NET_F_GUEST_CSUM, "on", "frames are marked as checked"),
    OFFER("gso", NET_F_GSO, "on", "the card cuts big segments (legacy drivers)"),
    OFFER("guest_tso4", NET_F_GUEST_TSO4, "on", "the guest takes big segments"),
    OFFER("guest_tso6", NET_F_GUEST_TSO6, "on", "the guest takes big segments, IPv6"),
    OFFER("guest_ecn", NET_F_GUEST_ECN, "on", "the guest takes big segments with ECN"),
    OFFER("host_tso4", NET_F_HOST_TSO4, "on", "the card cuts big TCP segments"),
    OFFER("host_tso6", NET_F_HOST_TSO6, "on", "the card cuts big TCP segments, IPv6"),
    OFFER("host_ecn", NET_F_HOST_ECN, "on", "the card cuts big TCP segments with ECN"),
    OFFER("mrg_rxbuf", NET_F_MRG_RXBUF, "on", "one frame may take several buffers"),
    OFFER("status", NET_F_STATUS, "on", "the guest sees whether the link is up"),
    OFFER("ctrl_vq", NET_F_CTRL_VQ, "on", "control queue"),
    OFFER("ctrl_rx", NET_F_CTRL_RX, "on", "receive modes"),
    OFFER("ctrl_vlan", NET_F_CTRL_VLAN, "on", "VLAN filter"),
    OFFER("ctrl_rx_extra", NET_F_CTRL_RX_EXTRA, "on", "more receive modes"),
    OFFER("ctrl_mac_addr", NET_F_CTRL_MAC_ADDR, "on", "the guest may change the address"),
    OFFER("ctrl_guest_offloads", NET_F_CTRL_GUEST_OFFLOADS, "on", "the guest may turn them off"),
    OFFER("guest_announce", NET_F_GUEST_ANNOUNCE, "on", "the guest is asked to announce itself"),
    PROP(VirtioNet, "mq", mq, PROP_BOOL, "off", "several queue pairs; only off is supported"),
    PROP(VirtioNet, "host_mtu", host_mtu, PROP_U32, "0", "MTU that the guest is told; 0: none"),
    PROP(VirtioNet, "speed", speed, PROP_U32, "4294967295", "Mbit/s that the guest is told"),
    { .name = "duplex", .type = PROP_ENUM, .offset = offsetof(VirtioNet, duplex), .def = "unknown",
      .doc = "half, full or unknown", .names = duplex_names },
    PROP(VirtioNet, "rx_queue_size", rx_queue_size, PROP_U32, "256", "256, 512 or 1024"),
    PROP(VirtioNet, "tx_queue_size", tx_queue_size, PROP_U32, "256", "256, 512 or 1024"),
    PROP(VirtioNet, "tx", tx_ignored, PROP_STRING, NULL, "accepted, without effect"),
    VIRTIO_PROPS(VirtioNet),
    PROP_LAST,
};

static const StateField net_state[] = {
    VIRTIO_STATE(VirtioNet),
    STATE(VirtioNet, link_down), STATE(VirtioNet, announce), STATE_ARRAY(VirtioNet, mac_now),
    STATE(VirtioNet, promisc), STATE(VirtioNet, allmulti), STATE(VirtioNet, alluni),
    STATE(VirtioNet, nomulti), STATE(VirtioNet, nouni), STATE(VirtioNet, nobcast),
    STATE(VirtioNet, uni_overflow), STATE(VirtioNet, multi_overflow), STATE(VirtioNet, n_uni),
    STATE(VirtioNet, n_multi), STATE_ARRAY(VirtioNet, mac_table), STATE_ARRAY(VirtioNet, vlans),
    { .name = "tx", .type = STATE_TIMER, .offset = offsetof(VirtioNet, tx), .count = 1,
      .optional = true },
    { .name = "offloads_off", .type = STATE_U64, .offset = offsetof(VirtioNet, offloads_off),
      .count = 1, .optional = true },
    { .name = NULL },
};

static const VirtioClass net_class = {
    .name = "virtio-net", .device_id = 1, .pci_class = 0x020000,
    .pci_rom = "efi-virtio.rom", .config_size = CONFIG_SIZE,
    .features = features, .get_config = get_config, .set_config = set_config,
    .handle_queue = handle_queue, .set_status = set_status, .reset = net_reset,
};

static const DeviceType virtio_net_type = {
    .name = "virtio-net-device",
    .doc = "virtio network card (virtio 1.2, 5.1)",
    .category = CATEGORY_NETWORK,
    .user_creatable = true,
    .bus_type = "virtio-bus",
    .size = sizeof(VirtioNet),
    .version = 1,
    .props = net_props,
    .state = net_state,
    .realize = net_realize,
    .unrealize = net_unrealize,
    .reset = virtio_device_reset,
    .loaded = net_after_load,
    .class_data = &net_class,
};
VIRTIO_DEVICE_REGISTER(virtio_net_type)
