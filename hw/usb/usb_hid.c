/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usb-kbd, usb-mouse, usb-tablet: USB devices of the HID class (Device Class Definition for HID 1.11)
 * with QEMU's descriptors. The keyboard's and the mouse's reports are those of the boot protocol
 * (appendix B), too; the tablet has absolute axes and no boot protocol.
 *
 * Reports wait in a queue until the host asks. Where it does not keep up, motion is added up and a
 * keyboard's last report stands for those in between: no key stays down. Left out: feature reports.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "backend/display.h"
#include "backend/input.h"
#include "hw/usb.h"
#include "hw/virtio.h"
#include "softmmu/run.h"
#include "util/bits.h"
#include "util/error.h"

enum { QUEUE = 16, REPORT_MOST = 8, KEYS_DOWN = 16, IDLE_UNIT_NS = 4000000 };
/* HID 7.2 */
enum { GET_REPORT = 0x01, GET_IDLE = 0x02, GET_PROTOCOL = 0x03, SET_REPORT = 0x09, SET_IDLE = 0x0a,
       SET_PROTOCOL = 0x0b, GET_DESCRIPTOR = 0x06, D_REPORT = 0x22 };
enum { FROM_INTERFACE = 0x81, CLASS_IN = 0xa1, CLASS_OUT = 0x21 };
enum { REPORT_PROTOCOL = 1 };

typedef struct UsbHid UsbHid;

/* A report before it is put into bytes. */
typedef struct HidReport {
    int32_t x, y, wheel;
    uint32_t buttons;
    uint8_t keys[REPORT_MOST]; /* a keyboard's as it is */
} HidReport;

typedef struct HidModel {
    UsbClass class;
    InputSink sink;
    const UsbDescription *descriptions[2]; /* usb_version=1, 2 */
    const uint8_t *report_descriptor;
    unsigned report_descriptor_size, report_size;
    bool boot;
    /* The oldest report in bytes; what of it is left stays. */
    void (*pack)(UsbHid *s, uint8_t *report);
} HidModel;

struct UsbHid {
    UsbDevice usb;
    char *display;          /* properties */
    uint32_t head, usb_version;
    InputHandler *handler;
    Timer *idle_timer;
    bool listening;
    uint8_t protocol, idle, lights;
    bool due;               /* the last report again: the idle time is over */
    HidReport queue[QUEUE]; /* oldest first */
    uint32_t queued;
    HidReport now;          /* as things are */
    uint8_t down[KEYS_DOWN]; /* usages of keys that are down, oldest first */
    uint8_t modifiers, n_down;
    uint8_t last[REPORT_MOST];
};

static const HidModel *model(const UsbHid *s)
{
    return s->usb.dev.type->class_data;
}

/* ---- the queue ---- */

/* merge: into the newest one, where that has not been begun. */
static void queue_report(UsbHid *s, bool merge)
{
    bool full = s->queued == QUEUE;
    if (s->usb.configuration && s->queued && (full || merge)) {
        HidReport *r = &s->queue[s->queued - 1];
        int32_t x = r->x, y = r->y, wheel = r->wheel;
        *r = s->now;
        if (model(s)->sink.takes >> INPUT_REL & 1) {
            r->x = CLAMP(r->x + x, -INT16_MAX, INT16_MAX);
            r->y = CLAMP(r->y + y, -INT16_MAX, INT16_MAX);
        }
        r->wheel = CLAMP(r->wheel + wheel, -INT16_MAX, INT16_MAX);
    } else if (s->usb.configuration) {
        s->queue[s->queued++] = s->now;
    }
    s->now.wheel = 0;
    if (model(s)->sink.takes >> INPUT_REL & 1)
        s->now.x = s->now.y = 0;
    if (s->usb.configuration)
        usb_wakeup(&s->usb, USB_ENDPOINT_IN | 1);
}

static void drop_oldest(UsbHid *s)
{
    memmove(s->queue, s->queue + 1, --s->queued * sizeof *s->queue);
}

/* ---- keys ---- */

/* Usages of page 7 (HID Usage Tables 1.12, chapter 10) of Linux's codes. */
static const uint8_t usages[KEY_MICMUTE + 1] = {
    [KEY_A] = 0x04, [KEY_B] = 0x05, [KEY_C] = 0x06, [KEY_D] = 0x07, [KEY_E] = 0x08, [KEY_F] = 0x09,
    [KEY_G] = 0x0a, [KEY_H] = 0x0b, [KEY_I] = 0x0c, [KEY_J] = 0x0d, [KEY_K] = 0x0e, [KEY_L] = 0x0f,
    [KEY_M] = 0x10, [KEY_N] = 0x11, [KEY_O] = 0x12, [KEY_P] = 0x13, [KEY_Q] = 0x14, [KEY_R] = 0x15,
    [KEY_S] = 0x16, [KEY_T] = 0x17, [KEY_U] = 0x18, [KEY_V] = 0x19, [KEY_W] = 0x1a, [KEY_X] = 0x1b,
    [KEY_Y] = 0x1c, [KEY_Z] = 0x1d, [KEY_1] = 0x1e, [KEY_2] = 0x1f, [KEY_3] = 0x20, [KEY_4] = 0x21,
    [KEY_5] = 0x22, [KEY_6] = 0x23, [KEY_7] = 0x24, [KEY_8] = 0x25, [KEY_9] = 0x26, [KEY_0] = 0x27,
    [KEY_ENTER] = 0x28, [KEY_ESC] = 0x29, [KEY_BACKSPACE] = 0x2a, [KEY_TAB] = 0x2b,
    [KEY_SPACE] = 0x2c, [KEY_MINUS] = 0x2d, [KEY_EQUAL] = 0x2e, [KEY_LEFTBRACE] = 0x2f,
    [KEY_RIGHTBRACE] = 0x30, [KEY_BACKSLASH] = 0x31, [KEY_SEMICOLON] = 0x33,
    [KEY_APOSTROPHE] = 0x34, [KEY_GRAVE] = 0x35, [KEY_COMMA] = 0x36, [KEY_DOT] = 0x37,
    [KEY_SLASH] = 0x38, [KEY_CAPSLOCK] = 0x39, [KEY_F1] = 0x3a, [KEY_F2] = 0x3b, [KEY_F3] = 0x3c,
    [KEY_F4] = 0x3d, [KEY_F5] = 0x3e, [KEY_F6] = 0x3f, [KEY_F7] = 0x40, [KEY_F8] = 0x41,
    [KEY_F9] = 0x42, [KEY_F10] = 0x43, [KEY_F11] = 0x44, [KEY_F12] = 0x45, [KEY_SYSRQ] = 0x46,
    [KEY_SCROLLLOCK] = 0x47, [KEY_PAUSE] = 0x48, [KEY_INSERT] = 0x49, [KEY_HOME] = 0x4a,
    [KEY_PAGEUP] = 0x4b, [KEY_DELETE] = 0x4c, [KEY_END] = 0x4d, [KEY_PAGEDOWN] = 0x4e,
    [KEY_RIGHT] = 0x4f, [KEY_LEFT] = 0x50, [KEY_DOWN] = 0x51, [KEY_UP] = 0x52,
    [KEY_NUMLOCK] = 0x53, [KEY_KPSLASH] = 0x54, [KEY_KPASTERISK] = 0x55, [KEY_KPMINUS] = 0x56,
    [KEY_KPPLUS] = 0x57, [KEY_KPENTER] = 0x58, [KEY_KP1] = 0x59, [KEY_KP2] = 0x5a,
    [KEY_KP3] = 0x5b, [KEY_KP4] = 0x5c, [KEY_KP5] = 0x5d, [KEY_KP6] = 0x5e, [KEY_KP7] = 0x5f,
    [KEY_KP8] = 0x60, [KEY_KP9] = 0x61, [KEY_KP0] = 0x62, [KEY_KPDOT] = 0x63, [KEY_102ND] = 0x64,
    [KEY_COMPOSE] = 0x65, [KEY_POWER] = 0x66, [KEY_KPEQUAL] = 0x67, [KEY_F13] = 0x68,
    [KEY_F14] = 0x69, [KEY_F15] = 0x6a, [KEY_F16] = 0x6b, [KEY_F17] = 0x6c, [KEY_F18] = 0x6d,
    [KEY_F19] = 0x6e, [KEY_F20] = 0x6f, [KEY_F21] = 0x70, [KEY_F22] = 0x71, [KEY_F23] = 0x72,
    [KEY_F24] = 0x73, [KEY_OPEN] = 0x74, [KEY_HELP] = 0x75, [KEY_PROPS] = 0x76, [KEY_FRONT] = 0x77,
    [KEY_STOP] = 0x78, [KEY_AGAIN] = 0x79, [KEY_UNDO] = 0x7a, [KEY_CUT] = 0x7b, [KEY_COPY] = 0x7c,
    [KEY_PASTE] = 0x7d, [KEY_FIND] = 0x7e, [KEY_MUTE] = 0x7f, [KEY_VOLUMEUP] = 0x80,
    [KEY_VOLUMEDOWN] = 0x81, [KEY_KPCOMMA] = 0x85, [KEY_RO] = 0x87, [KEY_KATAKANAHIRAGANA] = 0x88,
    [KEY_YEN] = 0x89, [KEY_HENKAN] = 0x8a, [KEY_MUHENKAN] = 0x8b, [KEY_HANGEUL] = 0x90,
    [KEY_HANJA] = 0x91, [KEY_KATAKANA] = 0x92, [KEY_HIRAGANA] = 0x93, [KEY_LEFTCTRL] = 0xe0,
    [KEY_LEFTSHIFT] = 0xe1, [KEY_LEFTALT] = 0xe2, [KEY_LEFTMETA] = 0xe3, [KEY_RIGHTCTRL] = 0xe4,
    [KEY_RIGHTSHIFT] = 0xe5, [KEY_RIGHTALT] = 0xe6, [KEY_RIGHTMETA] = 0xe7,
};
enum { USAGE_ROLL_OVER = 1, USAGE_MODIFIERS = 0xe0, KEYS_IN_REPORT = 6 };

/* False: nothing changed. */
static bool key_moved(UsbHid *s, uint8_t usage, bool pressed)
{
    uint8_t *at = memchr(s->down, usage, s->n_down);
    if (usage >= USAGE_MODIFIERS) {
        uint8_t before = s->modifiers, bit = 1u << (usage - USAGE_MODIFIERS);
        s->modifiers = pressed ? before | bit : before & ~bit;
        return s->modifiers != before;
    }
    if (pressed == (at != NULL) || (pressed && s->n_down == KEYS_DOWN))
        return false;
    if (pressed) {
        s->down[s->n_down++] = usage;
    } else {
        size_t behind = (size_t)(s->down + s->n_down - at - 1);
        memmove(at, at + 1, behind);
        s->down[--s->n_down] = 0;
    }
    return true;
}

/* HID, B.1: more keys than it has room for are all "ErrorRollOver". */
static void on_key(void *opaque, const InputEvent *e)
{
    UsbHid *s = opaque;
    unsigned code = input_key_linux(e->code);
    uint8_t usage = code < G_N_ELEMENTS(usages) ? usages[code] : 0;
    if (!usage || !key_moved(s, usage, e->value))
        return;
    memset(s->now.keys, 0, sizeof s->now.keys);
    s->now.keys[0] = s->modifiers;
    if (s->n_down > KEYS_IN_REPORT)
        memset(s->now.keys + 2, USAGE_ROLL_OVER, KEYS_IN_REPORT);
    else
        memcpy(s->now.keys + 2, s->down, s->n_down);
    queue_report(s, false);
}

static void no_sync(void *opaque)
{
}

static void pack_keys(UsbHid *s, uint8_t *report)
{
    memcpy(report, s->queue[0].keys, REPORT_MOST);
    drop_oldest(s);
}

/* ---- pointers ---- */

static const uint8_t button_bits[INPUT_BUTTON_N] = {
    [INPUT_LEFT] = 1, [INPUT_RIGHT] = 2, [INPUT_MIDDLE] = 4, [INPUT_SIDE] = 8, [INPUT_EXTRA] = 16,
};

static void on_pointer(void *opaque, const InputEvent *e)
{
    UsbHid *s = opaque;
    HidReport *r = &s->now;
    switch (e->kind) {
    case INPUT_BUTTON:
        if (e->code == INPUT_WHEEL_UP || e->code == INPUT_WHEEL_DOWN)
            r->wheel += !e->value ? 0 : e->code == INPUT_WHEEL_UP ? 1 : -1;
        else if (e->value)
            r->buttons |= button_bits[e->code];
        else
            r->buttons &= ~button_bits[e->code];
        break;
    case INPUT_REL:
        if (e->code == INPUT_X)
            r->x = CLAMP((int64_t)r->x + e->value, -INT16_MAX, INT16_MAX);
        else
            r->y = CLAMP((int64_t)r->y + e->value, -INT16_MAX, INT16_MAX);
        break;
    case INPUT_ABS:
        if (e->code == INPUT_X)
            r->x = CLAMP(e->value, 0, INPUT_ABS_MAX);
        else
            r->y = CLAMP(e->value, 0, INPUT_ABS_MAX);
        break;
    default:
        break;
    }
}

static void sync_pointer(void *opaque)
{
    UsbHid *s = opaque;
    const HidReport *newest = s->queued ? &s->queue[s->queued - 1] : NULL;
    queue_report(s, newest && newest->buttons == s->now.buttons);
}

/* As much of a distance as a byte takes. */
static uint8_t take(int32_t *distance)
{
    int32_t part = CLAMP(*distance, -127, 127);
    *distance -= part;
    return (uint8_t)part;
}

static void pack_mouse(UsbHid *s, uint8_t *report)
{
    HidReport *r = &s->queue[0];
    report[0] = r->buttons;
    report[1] = take(&r->x);
    report[2] = take(&r->y);
    report[3] = take(&r->wheel);
    if (!r->x && !r->y && !r->wheel)
        drop_oldest(s);
}

static void pack_tablet(UsbHid *s, uint8_t *report)
{
    HidReport *r = &s->queue[0];
    report[0] = r->buttons & 7;
    store_le16(report + 1, r->x);
    store_le16(report + 3, r->y);
    report[5] = take(&r->wheel);
    if (!r->wheel)
        drop_oldest(s);
}

/* ---- the interrupt endpoint ---- */

static void set_idle_timer(UsbHid *s)
{
    if (s->idle && s->usb.configuration)
        timer_mod(s->idle_timer, clock_ns(CLOCK_VIRTUAL) + (int64_t)s->idle * IDLE_UNIT_NS);
    else
        timer_del(s->idle_timer);
}

static void idle_over(void *opaque)
{
    UsbHid *s = opaque;
    s->due = true;
    usb_wakeup(&s->usb, USB_ENDPOINT_IN | 1);
}

static int hid_in(UsbDevice *d, unsigned n, const struct iovec *iov, unsigned n_iov, size_t len)
{
    UsbHid *s = (UsbHid *)d;
    unsigned size = model(s)->report_size;
    if (!s->queued && !s->due)
        return USB_NAK;
    if (len < size)
        return USB_BABBLE;
    if (s->queued)
        model(s)->pack(s, s->last);
    s->due = false;
    set_idle_timer(s);
    iov_from_buf(iov, n_iov, 0, s->last, size);
    return size;
}

static int hid_out(UsbDevice *d, unsigned n, const struct iovec *iov, unsigned n_iov, size_t len)
{
    return USB_STALL; /* there is no such endpoint */
}

/* ---- requests, HID 7.1 and 7.2 ---- */

static int hid_control(UsbDevice *d, const UsbSetup *r, uint8_t *data)
{
    UsbHid *s = (UsbHid *)d;
    const HidModel *m = model(s);
    switch (r->type << 8 | r->request) {
    case FROM_INTERFACE << 8 | GET_DESCRIPTOR:
        if (r->value >> 8 != D_REPORT)
            return USB_STALL;
        memcpy(data, m->report_descriptor, m->report_descriptor_size);
        return m->report_descriptor_size;
    case CLASS_IN << 8 | GET_REPORT:
        if (s->queued)
            m->pack(s, s->last);
        memcpy(data, s->last, m->report_size);
        return m->report_size;
    case CLASS_OUT << 8 | SET_REPORT:
        if (!(m->sink.takes >> INPUT_KEY & 1) || !r->length)
            return USB_STALL;
        s->lights = data[0] & 0x1f;
        return 0;
    case CLASS_IN << 8 | GET_PROTOCOL:
        data[0] = s->protocol;
        return m->boot ? 1 : USB_STALL;
    case CLASS_OUT << 8 | SET_PROTOCOL:
        if (!m->boot)
            return USB_STALL;
        s->protocol = r->value & 1;
        return 0;
    case CLASS_IN << 8 | GET_IDLE:
        data[0] = s->idle;
        return 1;
    case CLASS_OUT << 8 | SET_IDLE:
        s->idle = r->value >> 8;
        set_idle_timer(s);
        return 0;
    default:
        return USB_STALL;
    }
}

/* ---- life ---- */

static void listen_now(UsbHid *s)
{
    bool on = s->usb.configuration;
    if (on != s->listening)
        input_activate(s->handler, on);
    s->listening = on;
}

static void hid_configured(UsbDevice *d, bool on)
{
    UsbHid *s = (UsbHid *)d;
    listen_now(s);
    set_idle_timer(s);
}

static void hid_bus_reset(UsbDevice *d)
{
    UsbHid *s = (UsbHid *)d;
    timer_del(s->idle_timer);
    s->protocol = REPORT_PROTOCOL;
    s->idle = s->lights = s->modifiers = s->n_down = 0;
    s->queued = 0;
    s->due = false;
    memset(s->queue, 0, sizeof s->queue);
    memset(&s->now, 0, sizeof s->now);
    memset(s->down, 0, sizeof s->down);
    memset(s->last, 0, sizeof s->last);
}

static void hid_reset(void *dev)
{
    usb_device_reset(dev);
}

static void hid_loaded(void *dev)
{
    UsbHid *s = dev;
    s->queued = MIN(s->queued, QUEUE);
    s->n_down = MIN(s->n_down, KEYS_DOWN);
    listen_now(s);
}

static bool hid_realize(void *dev, GError **error)
{
    UsbHid *s = dev;
    const DisplayConsole *console = NULL;
    if (s->usb_version < 1 || s->usb_version > 2)
        return error_set(error, "Invalid usb version %u for usb hid device; it is 1 or 2",
                         s->usb_version);
    if (s->display && *s->display && !(console = display_find(s->display, s->head)))
        return error_set(error, "display=%s,head=%u: no display device in front of this one has "
                         "that screen", s->display, s->head);
    s->usb.desc = model(s)->descriptions[s->usb_version - 1];
    s->idle_timer = timer_new(CLOCK_VIRTUAL, idle_over, s);
    s->handler = input_attach(&model(s)->sink, s);
    input_bind(s->handler, console);
    return true;
}

static void hid_unrealize(void *dev)
{
    UsbHid *s = dev;
    input_detach(s->handler);
    timer_free(s->idle_timer);
}

static void hid_info(void *dev, GString *out)
{
    static const char *const names[] = { "num-lock", "caps-lock", "scroll-lock" };
    const UsbHid *s = dev;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++)
        if (s->lights >> i & 1)
            g_string_append_printf(out, "light %s is on\n", names[i]);
}

static const StateField report_state[] = {
    STATE(HidReport, x), STATE(HidReport, y), STATE(HidReport, wheel), STATE(HidReport, buttons),
    STATE_ARRAY(HidReport, keys),
    { .type = STATE_END },
};

static const StateField hid_state[] = {
    USB_STATE(UsbHid, usb),
    STATE(UsbHid, protocol), STATE(UsbHid, idle), STATE(UsbHid, lights), STATE(UsbHid, due),
    STATE_STRUCTS(UsbHid, queue, QUEUE, report_state), STATE(UsbHid, queued),
    { .name = "now", .type = STATE_STRUCT, .offset = offsetof(UsbHid, now), .count = 1,
      .stride = sizeof(HidReport), .fields = report_state },
    STATE_ARRAY(UsbHid, down), STATE(UsbHid, modifiers), STATE(UsbHid, n_down),
    STATE_ARRAY(UsbHid, last), STATE_TIMER_PTR(UsbHid, idle_timer),
    { .type = STATE_END },
};

/* ---- descriptors ---- */

enum { S_MAKER = 1, S_MOUSE, S_TABLET, S_KEYBOARD, S_42, S_HID_MOUSE, S_HID_TABLET, S_HID_KEYBOARD,
       S_MOUSE_SERIAL, S_TABLET_SERIAL, S_KEYBOARD_SERIAL, S_N };
static const char *const strings[S_N] = {
    [S_MAKER] = "QEMU", [S_MOUSE] = "QEMU USB Mouse", [S_TABLET] = "QEMU USB Tablet",
    [S_KEYBOARD] = "QEMU USB Keyboard", [S_42] = "42", [S_HID_MOUSE] = "HID Mouse",
    [S_HID_TABLET] = "HID Tablet", [S_HID_KEYBOARD] = "HID Keyboard", [S_MOUSE_SERIAL] = "89126",
    [S_TABLET_SERIAL] = "28754", [S_KEYBOARD_SERIAL] = "68284",
};

/* HID 6.2.1 */
static const uint8_t keyboard_class[] = { 9, 0x21, 0x11, 0x01, 0, 1, D_REPORT, 63, 0 };
static const uint8_t mouse_class[] = { 9, 0x21, 0x01, 0x00, 0, 1, D_REPORT, 52, 0 };
static const uint8_t tablet_class[] = { 9, 0x21, 0x01, 0x00, 0, 1, D_REPORT, 74, 0 };

/* HID 6.2.2: eight modifiers, a byte, five lights, six keys. */
static const uint8_t keyboard_report[] = {
    0x05, 0x01, 0x09, 0x06, 0xa1, 0x01,
    0x75, 0x01, 0x95, 0x08, 0x05, 0x07, 0x19, 0xe0, 0x29, 0xe7, 0x15, 0x00, 0x25, 0x01, 0x81, 0x02,
    0x95, 0x01, 0x75, 0x08, 0x81, 0x01,
    0x95, 0x05, 0x75, 0x01, 0x05, 0x08, 0x19, 0x01, 0x29, 0x05, 0x91, 0x02,
    0x95, 0x01, 0x75, 0x03, 0x91, 0x01,
    0x95, 0x06, 0x75, 0x08, 0x15, 0x00, 0x25, 0xff, 0x05, 0x07, 0x19, 0x00, 0x29, 0xff, 0x81, 0x00,
    0xc0,
};
/* Five buttons, three bits, three distances of a byte. */
static const uint8_t mouse_report[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00,
    0x05, 0x09, 0x19, 0x01, 0x29, 0x05, 0x15, 0x00, 0x25, 0x01, 0x95, 0x05, 0x75, 0x01, 0x81, 0x02,
    0x95, 0x01, 0x75, 0x03, 0x81, 0x01,
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x75, 0x08, 0x95, 0x03,
    0x81, 0x06, 0xc0, 0xc0,
};
/* Three buttons, five bits, two places of 0 to 32767, a wheel. */
static const uint8_t tablet_report[] = {
    0x05, 0x01, 0x09, 0x02, 0xa1, 0x01, 0x09, 0x01, 0xa1, 0x00,
    0x05, 0x09, 0x19, 0x01, 0x29, 0x03, 0x15, 0x00, 0x25, 0x01, 0x95, 0x03, 0x75, 0x01, 0x81, 0x02,
    0x95, 0x01, 0x75, 0x05, 0x81, 0x01,
    0x05, 0x01, 0x09, 0x30, 0x09, 0x31, 0x15, 0x00, 0x26, 0xff, 0x7f, 0x35, 0x00, 0x46, 0xff, 0x7f,
    0x75, 0x10, 0x95, 0x02, 0x81, 0x02,
    0x05, 0x01, 0x09, 0x38, 0x15, 0x81, 0x25, 0x7f, 0x35, 0x00, 0x45, 0x00, 0x75, 0x08, 0x95, 0x01,
    0x81, 0x06, 0xc0, 0xc0,
};
G_STATIC_ASSERT(sizeof keyboard_report == 63 && sizeof mouse_report == 52 &&
                sizeof tablet_report == 74);

#define ENDPOINT(packet, ms)                                                                   \
    (const UsbEndpoint[]){ { .address = USB_ENDPOINT_IN | 1, .attributes = USB_INTERRUPT,      \
                             .interval = ms, .max_packet = packet } }
#define CONFIG(usb, packet0, s, packet, ms)                                                    \
    &(const UsbConfig){ .version = usb, .max_packet0 = packet0, .string = s, .attributes = 0xa0, \
                        .power = 50, .endpoints = ENDPOINT(packet, ms), .n_endpoints = 1 }
#define COMMON(number, s, boot, proto, descriptor)                                             \
    .vendor = 0x0627, .product = 1, .manufacturer_string = S_MAKER, .product_string = s,       \
    .serial_string = number, .class = 3, .subclass = boot, .protocol = proto,                  \
    .class_descriptor = descriptor, .strings = strings, .n_strings = S_N
/* Interval: ms at full speed, a power of two of 125 us at high speed (USB 2.0, table 9-13). */
#define DESCRIPTIONS(name, number, s, conf, boot, proto, descriptor, packet, interval)         \
    static const UsbDescription name[2] = {                                                    \
        { COMMON(number, s, boot, proto, descriptor),                                          \
          .at = { [USB_FULL] = CONFIG(0x0200, 8, conf, packet, 10) } },                        \
        { COMMON(number, s, boot, proto, descriptor),                                          \
          .at = { [USB_FULL] = CONFIG(0x0100, 8, conf, packet, 10),                            \
                  [USB_HIGH] = CONFIG(0x0200, 64, conf, packet, interval) } },                 \
    }
DESCRIPTIONS(keyboard_desc, S_KEYBOARD_SERIAL, S_KEYBOARD, S_HID_KEYBOARD, 1, 1, keyboard_class, 8, 7);
DESCRIPTIONS(mouse_desc, S_MOUSE_SERIAL, S_MOUSE, S_HID_MOUSE, 1, 2, mouse_class, 4, 7);
DESCRIPTIONS(tablet_desc, S_TABLET_SERIAL, S_TABLET, S_HID_TABLET, 0, 0, tablet_class, 8, 4);

#define MODEL(usb_name, text, kinds, on_event, on_sync, desc, report, size, has_boot, fn)      \
    {                                                                                          \
        .class = { .name = usb_name, .control = hid_control, .in = hid_in, .out = hid_out,     \
                   .bus_reset = hid_bus_reset, .configured = hid_configured },                 \
        .sink = { .name = text, .takes = kinds, .event = on_event, .sync = on_sync },          \
        .descriptions = { &desc[0], &desc[1] }, .report_descriptor = report,                   \
        .report_descriptor_size = sizeof report, .report_size = size, .boot = has_boot,        \
        .pack = fn,                                                                            \
    }
enum { TAKES_KEYS = 1 << INPUT_KEY, TAKES_REL = 1 << INPUT_BUTTON | 1 << INPUT_REL,
       TAKES_ABS = 1 << INPUT_BUTTON | 1 << INPUT_ABS };
static const HidModel keyboard = MODEL("QEMU USB Keyboard", "QEMU HID Keyboard", TAKES_KEYS, on_key,
                                       no_sync, keyboard_desc, keyboard_report, 8, true, pack_keys);
static const HidModel mouse = MODEL("QEMU USB Mouse", "QEMU HID Mouse", TAKES_REL, on_pointer,
                                    sync_pointer, mouse_desc, mouse_report, 4, true, pack_mouse);
static const HidModel tablet = MODEL("QEMU USB Tablet", "QEMU HID Tablet", TAKES_ABS, on_pointer,
                                     sync_pointer, tablet_desc, tablet_report, 6, false,
                                     pack_tablet);

#define COMMON_PROPS                                                                           \
    USB_PROPS(UsbHid, usb),                                                                    \
    PROP(UsbHid, "usb_version", usb_version, PROP_U32, "2", "1: full speed only")
#define DISPLAY_PROP                                                                           \
    PROP(UsbHid, "display", display, PROP_STRING, NULL,                                        \
         "id of a display device: for events of its screen alone")
static const Prop mouse_props[] = { COMMON_PROPS, PROP_LAST };
static const Prop keyboard_props[] = { COMMON_PROPS, DISPLAY_PROP, PROP_LAST };
static const Prop tablet_props[] = {
    COMMON_PROPS, DISPLAY_PROP, PROP(UsbHid, "head", head, PROP_U32, "0", "which screen of it"),
    PROP_LAST,
};

#define TYPE(nm, text, table, m)                                                               \
    {                                                                                          \
        .name = nm, .doc = text, .category = CATEGORY_INPUT, .user_creatable = true,           \
        .hotpluggable = true, .bus_type = "usb-bus", .size = sizeof(UsbHid), .version = 1,     \
        .props = table, .state = hid_state, .realize = hid_realize, .unrealize = hid_unrealize, \
        .reset = hid_reset, .loaded = hid_loaded, .info = hid_info, .class_data = &(m).class,  \
    }
static const DeviceType usb_kbd_type = TYPE("usb-kbd", "USB keyboard (HID 1.11)", keyboard_props,
                                            keyboard);
static const DeviceType usb_mouse_type = TYPE("usb-mouse", "USB mouse (HID 1.11)", mouse_props,
                                              mouse);
static const DeviceType usb_tablet_type = TYPE("usb-tablet", "USB tablet (HID 1.11)", tablet_props,
                                               tablet);
DEVICE_REGISTER(usb_kbd_type)
DEVICE_REGISTER(usb_mouse_type)
DEVICE_REGISTER(usb_tablet_type)
