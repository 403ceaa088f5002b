/* SPDX-License-Identifier: GPL-2.0-or-later */
/* virtio-net's control queue and receive filter (virtio 1.2, 5.1.6.5). */
#include <string.h>

#include "hw/net/virtio_net.h"
#include "util/bits.h"

enum { CTRL_RX = 0, CTRL_MAC = 1, CTRL_VLAN = 2, CTRL_ANNOUNCE = 3, CTRL_MQ = 4,
       CTRL_GUEST_OFFLOADS = 5 };
enum { ACK_OK = 0, ACK_ERR = 1, CTRL_MOST = 4096 };

void virtio_net_filter_reset(VirtioNet *s)
{
    s->promisc = true;
    s->allmulti = s->alluni = s->nomulti = s->nouni = s->nobcast = false;
    s->uni_overflow = s->multi_overflow = false;
    s->n_uni = s->n_multi = 0;
    memset(s->mac_table, 0, sizeof s->mac_table);
    memset(s->vlans, 0, sizeof s->vlans);
    memcpy(s->mac_now, s->mac, sizeof s->mac_now);
    memcpy(s->nic.mac, s->mac, sizeof s->nic.mac);
    s->announce = false;
    s->offloads_off = 0;
}

static bool in_table(const VirtioNet *s, uint32_t from, uint32_t n, const uint8_t *mac)
{
    for (uint32_t i = from; i < from + n; i++)
        if (!memcmp(s->mac_table + 6 * i, mac, 6))
            return true;
    return false;
}

bool virtio_net_wants(const VirtioNet *s, const uint8_t *frame, size_t len)
{
    static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    if (s->promisc)
        return true;
    if (len >= 18 && frame[12] == 0x81 && !frame[13] && virtio_has(&s->virtio, NET_F_CTRL_VLAN)) {
        unsigned id = (frame[14] << 8 | frame[15]) & 0xfff;
        if (!(s->vlans[id / 32] >> id % 32 & 1))
            return false;
    }
    if (!memcmp(frame, broadcast, 6))
        return !s->nobcast;
    if (frame[0] & 1) {
        if (s->nomulti)
            return false;
        return s->allmulti || s->multi_overflow || in_table(s, s->n_uni, s->n_multi, frame);
    }
    if (s->nouni)
        return false;
    return s->alluni || s->uni_overflow || !memcmp(frame, s->mac_now, 6) ||
           in_table(s, 0, s->n_uni, frame);
}

static bool set_rx_mode(VirtioNet *s, unsigned command, const uint8_t *data, size_t len)
{
    bool *const modes[] = { &s->promisc, &s->allmulti, &s->alluni, &s->nomulti, &s->nouni,
                            &s->nobcast };
    if (command >= G_N_ELEMENTS(modes) || len < 1)
        return false;
    *modes[command] = data[0];
    return true;
}

/* Two lists: a count (le32) and that many addresses. More than fit count as "all". */
static bool set_mac_table(VirtioNet *s, const uint8_t *data, size_t len)
{
    uint32_t n[2], kept = 0, kept_n[2];
    bool overflow[2];
    uint8_t table[NET_MAC_TABLE * 6];
    for (int list = 0; list < 2; list++) {
        if (len < 4)
            return false;
        n[list] = load_le32(data);
        data += 4;
        len -= 4;
        if (n[list] > len / 6)
            return false;
        overflow[list] = n[list] > NET_MAC_TABLE - kept;
        kept_n[list] = overflow[list] ? 0 : n[list];
        memcpy(table + 6 * kept, data, 6 * kept_n[list]);
        kept += kept_n[list];
        data += 6 * (size_t)n[list];
        len -= 6 * (size_t)n[list];
    }
    memcpy(s->mac_table, table, 6 * kept);
    s->n_uni = kept_n[0];
    s->n_multi = kept_n[1];
    s->uni_overflow = overflow[0];
    s->multi_overflow = overflow[1];
    return true;
}

static bool set_mac(VirtioNet *s, unsigned command, const uint8_t *data, size_t len)
{
    if (command == 0)
        return set_mac_table(s, data, len);
    if (command != 1 || len < 6)
        return false;
    memcpy(s->mac_now, data, 6);
    memcpy(s->nic.mac, data, 6);
    return true;
}

static bool set_vlan(VirtioNet *s, unsigned command, const uint8_t *data, size_t len)
{
    if (len < 2 || command > 1)
        return false;
    unsigned id = load_le16(data);
    if (id >= 4096)
        return false;
    if (command == 0)
        s->vlans[id / 32] |= 1u << id % 32;
    else
        s->vlans[id / 32] &= ~(1u << id % 32);
    return true;
}

/* 5.1.6.5.6.1: which of the negotiated offloads are on from now. */
static bool set_offloads(VirtioNet *s, unsigned command, const uint8_t *data, size_t len)
{
    uint64_t all = BIT(NET_F_GUEST_CSUM) | BIT(NET_F_GUEST_TSO4) | BIT(NET_F_GUEST_TSO6) |
                   BIT(NET_F_GUEST_ECN);
    all &= s->virtio.guest_features;
    if (command != 0 || len < 8 || load_le64(data) & ~all)
        return false;
    s->offloads_off = all & ~load_le64(data);
    virtio_net_tell_offloads(s);
    return true;
}

static bool run(VirtioNet *s, unsigned class, unsigned command, const uint8_t *data, size_t len)
{
    switch (class) {
    case CTRL_RX:
        return set_rx_mode(s, command, data, len);
    case CTRL_MAC:
        return set_mac(s, command, data, len);
    case CTRL_VLAN:
        return set_vlan(s, command, data, len);
    case CTRL_ANNOUNCE:
        s->announce = false;
        return command == 0;
    case CTRL_MQ: /* one pair is all there is */
        return command == 0 && len >= 2 && load_le16(data) == 1;
    case CTRL_GUEST_OFFLOADS:
        return set_offloads(s, command, data, len);
    default:
        return false;
    }
}

void virtio_net_ctrl(VirtioNet *s, VirtQueue *vq)
{
    uint8_t request[CTRL_MOST];
    VirtElement *e;
    for (unsigned left = vq->num; left && (e = virtqueue_pop(vq, sizeof *e)); left--) {
        size_t len = iov_to_buf(e->out, e->n_out, 0, request, sizeof request);
        if (len < 2 || e->out_len > sizeof request || e->in_len < 1) {
            virtio_error(&s->virtio, "control request of %zu bytes, room for %zu",
                         (size_t)e->out_len, (size_t)e->in_len);
            virtqueue_push(vq, e, 0);
            g_free(e);
            break;
        }
        uint8_t ack = run(s, request[0], request[1], request + 2, len - 2) ? ACK_OK : ACK_ERR;
        if (ack == ACK_OK && request[0] <= CTRL_VLAN)
            net_filter_changed(&s->nic);
        virtqueue_push(vq, e, iov_from_buf(e->in, e->n_in, 0, &ack, 1));
        g_free(e);
    }
    virtqueue_notify(vq);
}

/* ---- query-rx-filter ---- */

static Json *address(const uint8_t *m)
{
    g_autofree char *text = g_strdup_printf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3],
                                            m[4], m[5]);
    return json_string(text);
}

static Json *addresses(const VirtioNet *s, uint32_t from, uint32_t n)
{
    Json *list = json_array();
    for (uint32_t i = from; i < from + n; i++)
        json_add(list, address(s->mac_table + 6 * i));
    return list;
}

Json *virtio_net_filter(void *opaque)
{
    VirtioNet *s = opaque;
    Json *o = json_object(), *vlans = json_array();
    bool any = !virtio_has(&s->virtio, NET_F_CTRL_VLAN);
    for (int id = 4095; id >= 0; id--)
        if (any || (s->vlans[id / 32] >> id % 32 & 1))
            json_add(vlans, json_int(id));
    json_set_bool(o, "promiscuous", s->promisc);
    json_set_str(o, "multicast", s->nomulti ? "none" : s->allmulti ? "all" : "normal");
    json_set_str(o, "unicast", s->nouni ? "none" : s->alluni ? "all" : "normal");
    json_set_str(o, "vlan", any ? "all" : json_len(vlans) ? "normal" : "none");
    json_set_bool(o, "broadcast-allowed", !s->nobcast);
    json_set_bool(o, "multicast-overflow", s->multi_overflow);
    json_set_bool(o, "unicast-overflow", s->uni_overflow);
    json_set(o, "main-mac", address(s->mac_now));
    json_set(o, "vlan-table", vlans);
    json_set(o, "unicast-table", addresses(s, 0, s->n_uni));
    json_set(o, "multicast-table", addresses(s, s->n_uni, s->n_multi));
    return o;
}
