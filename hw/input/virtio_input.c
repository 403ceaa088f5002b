/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtio input devices (virtio 1.2, 5.8): a keyboard, a mouse and a tablet, in the codes of Linux's
 * event interface. The guest sets the keyboard's lights by the status queue.
 *
 * Events that belong together reach the guest together or, if it left no room, not at all. So
 * nothing waits here, and a snapshot has no events in flight.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "backend/display.h"
#include "backend/input.h"
#include "hw/virtio.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/log.h"

enum { QUEUE_SIZE = 64, EVENT_SIZE = 8, TOGETHER = 64 };
enum { CFG_DATA = 8, CFG_DATA_SIZE = 128, CFG_SIZE = CFG_DATA + CFG_DATA_SIZE };
/* 5.8.4: what the driver selects */
enum { CFG_ID_NAME = 1, CFG_ID_SERIAL = 2, CFG_ID_DEVIDS = 3, CFG_PROP_BITS = 0x10, CFG_EV_BITS = 0x11,
       CFG_ABS_INFO = 0x12 };
enum { BUS_IS_VIRTUAL = 6, VENDOR = 0x0627 };

typedef struct VirtioInput VirtioInput;

/* What tells the three apart. */
typedef struct InputModel {
    VirtioClass class;
    InputSink sink;
    uint16_t product;
    /* The bits of one event type; false: it has no such events. */
    bool (*bits)(const VirtioInput *s, unsigned type, uint8_t *bits);
} InputModel;

struct VirtioInput {
    VirtioDevice virtio;
    char *serial, *display;
    uint32_t head;
    bool wheel_axis;
    InputHandler *handler;
    bool listening;     /* as the handler was told */
    uint8_t select, subsel;
    uint32_t lights;    /* bits: LED_ */
    uint8_t events[TOGETHER][EVENT_SIZE];
    unsigned n_events;
};

static const InputModel *model(const VirtioInput *s)
{
    return (const InputModel *)virtio_class(&s->virtio);
}

/* ---- events ---- */

static void put_event(VirtioInput *s, unsigned type, unsigned code, int32_t value)
{
    if (s->n_events == TOGETHER)
        return;
    uint8_t *e = s->events[s->n_events++];
    store_le16(e, type);
    store_le16(e + 2, code);
    store_le32(e + 4, (uint32_t)value);
}

static const uint16_t button_codes[INPUT_BUTTON_N] = {
    [INPUT_LEFT] = BTN_LEFT, [INPUT_MIDDLE] = BTN_MIDDLE, [INPUT_RIGHT] = BTN_RIGHT,
    [INPUT_WHEEL_UP] = BTN_GEAR_UP, [INPUT_WHEEL_DOWN] = BTN_GEAR_DOWN, [INPUT_SIDE] = BTN_SIDE,
    [INPUT_EXTRA] = BTN_EXTRA,
};

static void put_button(VirtioInput *s, unsigned button, bool down)
{
    bool wheel = button == INPUT_WHEEL_UP || button == INPUT_WHEEL_DOWN;
    if (wheel && s->wheel_axis) {
        if (down)
            put_event(s, EV_REL, REL_WHEEL, button == INPUT_WHEEL_UP ? 1 : -1);
    } else if (button_codes[button]) {
        put_event(s, EV_KEY, button_codes[button], down);
    }
}

static void on_event(void *opaque, const InputEvent *e)
{
    VirtioInput *s = opaque;
    switch (e->kind) {
    case INPUT_KEY:
        if (input_key_linux(e->code))
            put_event(s, EV_KEY, input_key_linux(e->code), e->value);
        break;
    case INPUT_BUTTON:
        put_button(s, e->code, e->value);
        break;
    case INPUT_REL:
        put_event(s, EV_REL, e->code == INPUT_X ? REL_X : REL_Y, e->value);
        break;
    case INPUT_ABS:
        put_event(s, EV_ABS, e->code == INPUT_X ? ABS_X : ABS_Y, e->value);
        break;
    case INPUT_KIND_N:
        break;
    }
}

static void on_sync(void *opaque)
{
    VirtioInput *s = opaque;
    VirtQueue *vq = &s->virtio.queues[0];
    VirtElement *e[TOGETHER + 1];
    uint8_t sync[EVENT_SIZE] = { EV_SYN };
    unsigned count = s->n_events + 1, n = 0;
    s->n_events = 0;
    if (count == 1 || !s->listening || s->virtio.broken)
        return;
    while (n < count && (e[n] = virtqueue_pop(vq, sizeof **e)))
        n++;
    if (n < count) {
        while (n) {
            virtqueue_unpop(vq, e[--n]);
            g_free(e[n]);
        }
        return;
    }
    for (unsigned i = 0; i < count; i++) {
        const uint8_t *event = i + 1 < count ? s->events[i] : sync;
        virtqueue_push(vq, e[i], iov_from_buf(e[i]->in, e[i]->n_in, 0, event, EVENT_SIZE));
        g_free(e[i]);
    }
    virtqueue_notify(vq);
}

/* 5.8.6: the guest's events, of which lights are the ones that mean something here. */
static void take_status(VirtioInput *s, VirtQueue *vq)
{
    VirtElement *e;
    for (unsigned left = 2 * vq->num; left && (e = virtqueue_pop(vq, sizeof *e)); left--) {
        uint8_t b[EVENT_SIZE];
        if (iov_to_buf(e->out, e->n_out, 0, b, sizeof b) < sizeof b) {
            log_guest_error(s->virtio.dev.path, "status event of %u bytes", (unsigned)e->out_len);
        } else if (load_le16(b) == EV_LED && load_le16(b + 2) <= LED_SCROLLL) {
            uint32_t bit = 1u << load_le16(b + 2);
            s->lights = load_le32(b + 4) ? s->lights | bit : s->lights & ~bit;
        }
        virtqueue_push(vq, e, 0);
        g_free(e);
    }
    virtqueue_notify(vq);
}

static void handle_queue(void *dev, unsigned n)
{
    VirtioInput *s = dev;
    if (n == 1)
        take_status(s, &s->virtio.queues[1]);
}

/* ---- configuration ---- */

static void set_bit(uint8_t *bits, unsigned n)
{
    bits[n / 8] |= 1u << n % 8;
}

static bool keyboard_bits(const VirtioInput *s, unsigned type, uint8_t *bits)
{
    switch (type) {
    case EV_KEY:
        for (unsigned key = 1; key < input_key_count(); key++)
            set_bit(bits, input_key_linux(key));
        return true;
    case EV_REP:
        return true; /* the guest repeats; the type alone says it */
    case EV_LED:
        for (unsigned led = LED_NUML; led <= LED_SCROLLL; led++)
            set_bit(bits, led);
        return true;
    default:
        return false;
    }
}

static bool pointer_bits(const VirtioInput *s, unsigned type, uint8_t *bits)
{
    bool mouse = model(s)->sink.takes >> INPUT_REL & 1;
    switch (type) {
    case EV_KEY:
        for (unsigned i = 0; i < INPUT_BUTTON_N; i++) {
            if (button_codes[i])
                set_bit(bits, button_codes[i]);
        }
        return true;
    case EV_REL:
        if (mouse) {
            set_bit(bits, REL_X);
            set_bit(bits, REL_Y);
        }
        if (s->wheel_axis)
            set_bit(bits, REL_WHEEL);
        return mouse || s->wheel_axis;
    case EV_ABS:
        if (!mouse) {
            set_bit(bits, ABS_X);
            set_bit(bits, ABS_Y);
        }
        return !mouse;
    default:
        return false;
    }
}

/* The answer to what is selected; its length. */
static unsigned answer(const VirtioInput *s, uint8_t *data)
{
    const InputModel *m = model(s);
    unsigned len;
    switch (s->select) {
    case CFG_ID_NAME:
        len = strlen(m->sink.name) + 1;
        memcpy(data, m->sink.name, len);
        return s->subsel ? 0 : len;
    case CFG_ID_SERIAL:
        len = s->serial ? MIN(strlen(s->serial), CFG_DATA_SIZE) : 0;
        if (len)
            memcpy(data, s->serial, len);
        return s->subsel ? 0 : len;
    case CFG_ID_DEVIDS:
        store_le16(data, BUS_IS_VIRTUAL);
        store_le16(data + 2, VENDOR);
        store_le16(data + 4, m->product);
        store_le16(data + 6, m->product > 1 && s->wheel_axis ? 2 : 1);
        return s->subsel ? 0 : 8;
    case CFG_EV_BITS:
        if (!m->bits(s, s->subsel, data))
            return 0;
        for (len = CFG_DATA_SIZE; len > 1 && !data[len - 1];)
            len--;
        return len;
    case CFG_ABS_INFO:
        if (!(m->sink.takes >> INPUT_ABS & 1) || s->subsel > ABS_Y)
            return 0;
        store_le32(data + 4, INPUT_ABS_MAX);
        return 20; /* min, max, fuzz, flat, resolution */
    default:
        return 0;
    }
}

static void get_config(void *dev, uint8_t *config)
{
    const VirtioInput *s = dev;
    uint8_t data[CFG_DATA_SIZE] = { 0 };
    config[0] = s->select;
    config[1] = s->subsel;
    config[2] = answer(s, data);
    memcpy(config + CFG_DATA, data, config[2]);
}

static void set_config(void *dev, const uint8_t *config, uint32_t offset, uint32_t size)
{
    VirtioInput *s = dev;
    s->select = config[0];
    s->subsel = config[1];
}

/* ---- the device ---- */

static void listen_now(VirtioInput *s, uint8_t status)
{
    bool on = status & VIRTIO_STATUS_DRIVER_OK;
    if (on != s->listening)
        input_activate(s->handler, on);
    s->listening = on;
}

static void set_status(void *dev, uint8_t status)
{
    listen_now(dev, status);
}

static void input_reset(void *dev)
{
    VirtioInput *s = dev;
    s->select = s->subsel = 0;
    s->lights = 0;
    listen_now(s, 0);
}

static void input_loaded(void *dev)
{
    VirtioInput *s = dev;
    listen_now(s, s->virtio.status);
}

static bool input_realize(void *dev, GError **error)
{
    VirtioInput *s = dev;
    const DisplayConsole *console = NULL;
    if (s->display && *s->display && !(console = display_find(s->display, s->head)))
        return error_set(error, "display=%s,head=%u: no display device in front of this one has "
                         "that screen", s->display, s->head);
    if (!virtio_add_queues(&s->virtio, 2, QUEUE_SIZE, error))
        return false;
    s->handler = input_attach(&model(s)->sink, s);
    input_bind(s->handler, console);
    return true;
}

static void input_unrealize(void *dev)
{
    VirtioInput *s = dev;
    input_detach(s->handler);
    virtio_free_queues(&s->virtio);
}

static void input_info(void *dev, GString *out)
{
    static const char *const names[] = { "num-lock", "caps-lock", "scroll-lock" };
    const VirtioInput *s = dev;
    for (unsigned i = 0; i < G_N_ELEMENTS(names); i++) {
        if (s->lights >> i & 1)
            g_string_append_printf(out, "light %s is on\n", names[i]);
    }
}

static const StateField input_state[] = {
    VIRTIO_STATE(VirtioInput),
    STATE(VirtioInput, select),
    STATE(VirtioInput, subsel),
    STATE(VirtioInput, lights),
    { .name = NULL },
};

#define COMMON_PROPS                                                                           \
    PROP(VirtioInput, "serial", serial, PROP_STRING, NULL, "serial number that the guest sees"), \
    PROP(VirtioInput, "display", display, PROP_STRING, NULL,                                   \
         "id of a display device: for events of its screen alone"),                            \
    PROP(VirtioInput, "head", head, PROP_U32, "0", "which screen of it"),                      \
    VIRTIO_PROPS(VirtioInput)

static const Prop keyboard_props[] = { COMMON_PROPS, PROP_LAST };
static const Prop pointer_props[] = {
    COMMON_PROPS,
    PROP(VirtioInput, "wheel-axis", wheel_axis, PROP_BOOL, "on", "the wheel is an axis"),
    PROP_LAST,
};

#define MODEL(pci, text, kinds, number, fn)                                                    \
    {                                                                                          \
        .class = { .name = "virtio-input", .device_id = 18, .pci_class = pci,                  \
                   .config_size = CFG_SIZE, .modern_only = true, .get_config = get_config,     \
                   .set_config = set_config, .handle_queue = handle_queue,                     \
                   .set_status = set_status, .reset = input_reset },                           \
        .sink = { .name = text, .takes = kinds, .event = on_event, .sync = on_sync },          \
        .product = number, .bits = fn,                                                         \
    }
enum { TAKES_KEYS = 1 << INPUT_KEY, TAKES_REL = 1 << INPUT_BUTTON | 1 << INPUT_REL,
       TAKES_ABS = 1 << INPUT_BUTTON | 1 << INPUT_ABS };

static const InputModel keyboard =
    MODEL(0x090000, "QEMU Virtio Keyboard", TAKES_KEYS, 1, keyboard_bits);
static const InputModel mouse = MODEL(0x090200, "QEMU Virtio Mouse", TAKES_REL, 2, pointer_bits);
static const InputModel tablet = MODEL(0x098000, "QEMU Virtio Tablet", TAKES_ABS, 3, pointer_bits);

#define TYPE(nm, text, table, m)                                                               \
    {                                                                                          \
        .name = nm, .doc = text, .category = CATEGORY_INPUT, .user_creatable = true,           \
        .bus_type = "virtio-bus", .size = sizeof(VirtioInput), .version = 1, .props = table,   \
        .state = input_state, .realize = input_realize, .unrealize = input_unrealize,          \
        .reset = virtio_device_reset, .loaded = input_loaded, .info = input_info,              \
        .class_data = &(m).class,                                                              \
    }
static const DeviceType virtio_keyboard_type =
    TYPE("virtio-keyboard-device", "virtio keyboard (virtio 1.2, 5.8)", keyboard_props, keyboard);
static const DeviceType virtio_mouse_type =
    TYPE("virtio-mouse-device", "virtio mouse (virtio 1.2, 5.8)", pointer_props, mouse);
static const DeviceType virtio_tablet_type =
    TYPE("virtio-tablet-device", "virtio tablet (virtio 1.2, 5.8)", pointer_props, tablet);
VIRTIO_DEVICE_REGISTER(virtio_keyboard_type)
VIRTIO_DEVICE_REGISTER(virtio_mouse_type)
VIRTIO_DEVICE_REGISTER(virtio_tablet_type)
