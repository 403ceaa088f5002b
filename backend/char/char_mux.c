/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mux: several front ends on one stream. All may write; input goes to the one in focus. The
 * escape character (Ctrl-A) introduces the commands of the help below.
 */
#include <stdio.h>
#include <string.h>

#include "backend/block.h"
#include "backend/char/char_internal.h"
#include "backend/char_hook.h"
#include "softmmu/run.h"
#include "util/error.h"
#include "util/opts.h"

enum { MUX_MAX = 4, MUX_BUFFER = 1 << 14 };

typedef struct CharMux {
    Chardev c;
    Chardev *base;
    CharFrontend fe[MUX_MAX];  /* free where can_read is NULL */
    int focus;                 /* -1: nobody attached yet */
    bool told_open[MUX_MAX];
    guint settle_tag, later_tag;
    /* Input that a front end had no room for, so that escapes behind it still get through. */
    GByteArray *pending[MUX_MAX];
    bool got_escape;
    bool timestamps, line_start;
    gint64 timestamps_from;
} CharMux;

static int escape = 1;

void chardev_set_escape(int c)
{
    escape = c;
}

/* ---- output ---- */

static void mux_say(CharMux *m, const char *text)
{
    chardev_write(m->base, text, strlen(text));
}

static void mux_write(Chardev *c, const uint8_t *buf, size_t len)
{
    CharMux *m = (CharMux *)c;
    if (!m->timestamps) {
        chardev_write(m->base, buf, len);
        return;
    }
    while (len) {
        if (m->line_start) {
            gint64 ms = (g_get_monotonic_time() - m->timestamps_from) / 1000;
            char stamp[40];
            snprintf(stamp, sizeof(stamp), "[%02d:%02d:%02d.%03d] ", (int)(ms / 3600000 % 100),
                     (int)(ms / 60000 % 60), (int)(ms / 1000 % 60), (int)(ms % 1000));
            mux_say(m, stamp);
            m->line_start = false;
        }
        const uint8_t *nl = memchr(buf, '\n', len);
        size_t n = nl ? (size_t)(nl - buf) + 1 : len;
        chardev_write(m->base, buf, n);
        m->line_start = nl;
        buf += n;
        len -= n;
    }
}

static size_t mux_queued(const Chardev *c)
{
    return chardev_queued(((const CharMux *)c)->base);
}

/* ---- focus ---- */

static void mux_tell(CharMux *m, int i, CharEvent event)
{
    if (i >= 0 && m->fe[i].can_read && m->fe[i].event)
        m->fe[i].event(m->fe[i].opaque, event);
}

static void mux_focus(CharMux *m, int i)
{
    if (i == m->focus)
        return;
    mux_tell(m, m->focus, CHAR_MUX_OUT);
    m->focus = i;
    mux_tell(m, i, CHAR_MUX_IN);
}

static void mux_focus_next(CharMux *m)
{
    for (int n = 1; n <= MUX_MAX; n++) {
        int i = (MAX(m->focus, 0) + n) % MUX_MAX;
        if (m->fe[i].can_read) {
            mux_focus(m, i);
            return;
        }
    }
}

/* ---- escapes ---- */

static void mux_help(CharMux *m)
{
    char name[16];
    if (escape > 0 && escape < 27)
        snprintf(name, sizeof(name), "C-%c", escape - 1 + 'a');
    else
        snprintf(name, sizeof(name), escape > ' ' && escape < 127 ? "%c" : "\\x%02x", escape);
    g_autofree char *text = g_strdup_printf(
        "\n\r"
        "%s h    print this help\n\r"
        "%s x    exit emulator\n\r"
        "%s s    save disk data back to file (if -snapshot)\n\r"
        "%s t    toggle console timestamps\n\r"
        "%s b    send break (magic sysrq)\n\r"
        "%s c    switch between console and monitor\n\r"
        "%s %s  sends %s\n\r", name, name, name, name, name, name, name, name, name);
    mux_say(m, text);
}

static void mux_commit(CharMux *m)
{
    GError *error = NULL;
    if (!block_commit(NULL, &error)) {
        g_autofree char *text = g_strdup_printf("commit: %s\n\r", error->message);
        mux_say(m, text);
        g_error_free(error);
    }
}

static void mux_command(CharMux *m, uint8_t ch)
{
    switch (ch) {
    case '?':
    case 'h':
        mux_help(m);
        break;
    case 'x':
        mux_say(m, "QEMU: Terminated\n\r");
        vm_request_shutdown(SHUTDOWN_HOST_UI, 0);
        break;
    case 's':
        mux_commit(m);
        break;
    case 'b':
        mux_tell(m, m->focus, CHAR_BREAK);
        break;
    case 'c':
        mux_focus_next(m);
        break;
    case 't':
        m->timestamps = !m->timestamps;
        m->timestamps_from = g_get_monotonic_time();
        m->line_start = false;
        break;
    }
}

/* ---- input ---- */

/* Hands over what waits for front end i. */
static void mux_deliver(CharMux *m, int i)
{
    while (m->fe[i].can_read && m->pending[i] && m->pending[i]->len) {
        size_t room = m->fe[i].can_read(m->fe[i].opaque);
        size_t n = MIN(room, m->pending[i]->len);
        if (!n)
            return;
        /* Taken out before the call: what it does may come back here. */
        g_autofree uint8_t *data = g_memdup2(m->pending[i]->data, n);
        g_byte_array_remove_range(m->pending[i], 0, n);
        chardev_hand_over(&m->fe[i], data, n);
    }
}

static void mux_read(void *opaque, const uint8_t *buf, size_t len)
{
    CharMux *m = opaque;
    chardev_ref(&m->c);
    for (size_t i = 0; i < len; i++) {
        if (m->got_escape) {
            m->got_escape = false;
            if (buf[i] != escape) {
                mux_command(m, buf[i]);
                continue;
            }
        } else if (buf[i] == escape) {
            m->got_escape = true;
            continue;
        }
        if (m->focus < 0)
            continue;
        g_byte_array_append(m->pending[m->focus], &buf[i], 1);
        /* One by one only where the next byte may change the focus. */
        if (i + 1 == len || buf[i + 1] == escape || m->pending[m->focus]->len >= 256)
            mux_deliver(m, m->focus);
    }
    if (m->focus >= 0)
        mux_deliver(m, m->focus);
    chardev_unref(&m->c);
}

static size_t mux_can_read(void *opaque)
{
    CharMux *m = opaque;
    size_t waiting = m->focus >= 0 ? m->pending[m->focus]->len : 0;
    return waiting < MUX_BUFFER ? MUX_BUFFER - waiting : 0;
}

static void mux_event(void *opaque, CharEvent event)
{
    CharMux *m = opaque;
    m->c.open = m->base->open;
    if (event == CHAR_BREAK) {
        mux_tell(m, m->focus, event);
        return;
    }
    for (int i = 0; i < MUX_MAX; i++) {
        if (event == CHAR_OPENED && !m->fe[i].can_read)
            continue;
        if (event == CHAR_OPENED || m->told_open[i])
            mux_tell(m, i, event);
        m->told_open[i] = event == CHAR_OPENED;
    }
}

static gboolean mux_deliver_later(gpointer opaque)
{
    CharMux *m = opaque;
    m->later_tag = 0;
    for (int i = 0; i < MUX_MAX && !chardev_in_past(); i++)
        mux_deliver(m, i);
    return G_SOURCE_REMOVE;
}

static void mux_accept_input(Chardev *c)
{
    CharMux *m = (CharMux *)c;
    if (chardev_input_is_hooked()) {
        /* A vCPU may be in the middle of an instruction. */
        if (!m->later_tag)
            m->later_tag = g_idle_add(mux_deliver_later, m);
        chardev_accept_input(m->base, m);
        return;
    }
    for (int i = 0; i < MUX_MAX; i++)
        mux_deliver(m, i);
    chardev_accept_input(m->base, m);
}

/* ---- front ends ---- */

/*
 * A front end hears that the stream is open when everybody who attaches at start has done so: a
 * monitor that is not going to have the focus must not greet into the guest's output.
 */
static gboolean mux_settle(gpointer opaque)
{
    CharMux *m = opaque;
    m->settle_tag = 0;
    for (int i = 0; i < MUX_MAX; i++) {
        if (m->fe[i].can_read && !m->told_open[i] && m->c.open) {
            m->told_open[i] = true;
            mux_tell(m, i, CHAR_OPENED);
        }
    }
    return G_SOURCE_REMOVE;
}

static bool mux_attach(Chardev *c, const CharFrontend *fe, GError **error)
{
    CharMux *m = (CharMux *)c;
    for (int i = 0; i < MUX_MAX; i++) {
        if (m->fe[i].can_read)
            continue;
        m->fe[i] = *fe;
        if (!m->pending[i])
            m->pending[i] = g_byte_array_new();
        c->attached = true;
        /* The latest gets the focus (but see chardev_yield_focus). */
        mux_focus(m, i);
        m->told_open[i] = false;
        if (!m->settle_tag)
            m->settle_tag = g_idle_add(mux_settle, m);
        chardev_accept_input(m->base, m);
        return true;
    }
    return error_set(error, "too many uses of multiplexed chardev '%s' (maximum is %d)", c->label,
                     MUX_MAX);
}

void chardev_yield_focus(Chardev *c, void *opaque)
{
    if (!chardev_is_mux(c))
        return;
    CharMux *m = (CharMux *)c;
    int i = m->focus;
    if (i < 0 || m->fe[i].opaque != opaque)
        return;
    while (i-- > 0) {
        if (m->fe[i].can_read) {
            mux_focus(m, i);
            return;
        }
    }
}

static void mux_detach(Chardev *c, void *opaque)
{
    CharMux *m = (CharMux *)c;
    c->attached = false;
    for (int i = 0; i < MUX_MAX; i++) {
        if (m->fe[i].can_read && m->fe[i].opaque == opaque) {
            m->fe[i].can_read = NULL;
            g_byte_array_set_size(m->pending[i], 0);
            if (m->focus == i) {
                m->focus = -1;
                mux_focus_next(m);
            }
        }
        c->attached |= m->fe[i].can_read != NULL;
    }
}

static void mux_send_break(Chardev *c)
{
    chardev_send_break(((CharMux *)c)->base);
}

static bool mux_open(Chardev *c, GHashTable *opts, GError **error)
{
    CharMux *m = (CharMux *)c;
    g_autofree char *id = opts_take(opts, "chardev");
    m->base = id ? chardev_find(id) : NULL;
    if (!m->base)
        return error_set(error, "mux: chardev '%s' not found", id ? id : "");
    m->focus = -1;
    chardev_not_machine(mux_read); /* its front ends may */
    CharFrontend fe = { .can_read = mux_can_read, .read = mux_read, .event = mux_event,
                        .opaque = m };
    c->open = m->base->open;
    return chardev_attach(m->base, &fe, error);
}

static void mux_close(Chardev *c)
{
    CharMux *m = (CharMux *)c;
    if (m->base) {
        chardev_detach(m->base, m);
        chardev_free(m->base);
    }
    m->base = NULL;
    if (m->settle_tag)
        g_source_remove(m->settle_tag);
    m->settle_tag = 0;
    if (m->later_tag)
        g_source_remove(m->later_tag);
    m->later_tag = 0;
    for (int i = 0; i < MUX_MAX; i++)
        g_clear_pointer(&m->pending[i], g_byte_array_unref);
    memset(m->fe, 0, sizeof(m->fe));
    m->focus = -1;
}

bool chardev_is_mux(const Chardev *c)
{
    return c->cls->attach == mux_attach;
}

const ChardevClass chardev_mux_class = {
    .name = "mux", .doc = "several front ends on one backend", .size = sizeof(CharMux),
    .open = mux_open, .close = mux_close, .write = mux_write, .queued = mux_queued,
    .accept_input = mux_accept_input, .attach = mux_attach, .detach = mux_detach,
    .send_break = mux_send_break, .internal = true,
};
CHARDEV_REGISTER(chardev_mux_class)
