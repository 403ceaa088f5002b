/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where keys and pointer events go: see include/backend/input.h.
 *
 * Each kind of event goes to the first device in the list that takes it, devices of the event's
 * console before those of none.
 */
#include "backend/input.h"

#include <string.h>

#include "softmmu/run.h"
#include "util/error.h"

struct InputHandler {
    const InputSink *sink;
    void *opaque;
    const void *console;
    unsigned index;
    bool touched;   /* since the last sync */
};

static GList *handlers;
static unsigned next_index = 1;
static void (*before_input)(void), (*after_input)(void);

static const char *const kind_names[] = { "key", "btn", "rel", "abs" };
static const char *const button_names[] = {
    "left", "middle", "right", "wheel-up", "wheel-down", "side", "extra", "wheel-left", "wheel-right",
};
G_STATIC_ASSERT(G_N_ELEMENTS(kind_names) == INPUT_KIND_N);
G_STATIC_ASSERT(G_N_ELEMENTS(button_names) == INPUT_BUTTON_N);

static int find_name(const char *const *names, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(names[i], name))
            return (int)i;
    }
    return -1;
}

int input_kind_find(const char *name)
{
    return find_name(kind_names, G_N_ELEMENTS(kind_names), name);
}

const char *input_kind_name(InputKind k)
{
    return kind_names[k];
}

int input_button_find(const char *name)
{
    return find_name(button_names, G_N_ELEMENTS(button_names), name);
}

/* ---- devices ---- */

InputHandler *input_attach(const InputSink *sink, void *opaque)
{
    InputHandler *h = g_new0(InputHandler, 1);
    h->sink = sink;
    h->opaque = opaque;
    h->index = next_index++;
    handlers = g_list_append(handlers, h);
    return h;
}

void input_detach(InputHandler *h)
{
    handlers = g_list_remove(handlers, h);
    g_free(h);
}

void input_activate(InputHandler *h, bool listening)
{
    handlers = g_list_remove(handlers, h);
    handlers = listening ? g_list_prepend(handlers, h) : g_list_append(handlers, h);
}

void input_bind(InputHandler *h, const void *console)
{
    h->console = console;
}

static InputHandler *find_bound(unsigned kinds, const void *console)
{
    for (GList *l = handlers; l; l = l->next) {
        InputHandler *h = l->data;
        if (h->console == console && h->sink->takes & kinds)
            return h;
    }
    return NULL;
}

static InputHandler *find(unsigned kinds, const void *console)
{
    InputHandler *h = console ? find_bound(kinds, console) : NULL;
    return h ? h : find_bound(kinds, NULL);
}

bool input_possible(InputKind kind, const void *console)
{
    return find(1u << kind, console);
}

bool input_is_absolute(const void *console)
{
    const InputHandler *h = find(1u << INPUT_REL | 1u << INPUT_ABS, console);
    return h && h->sink->takes >> INPUT_ABS & 1;
}

void input_set_hooks(void (*before)(void), void (*after)(void))
{
    before_input = before;
    after_input = after;
}

static bool machine_listens(void)
{
    return run_state_is_running() || run_state() == RUN_STATE_SUSPENDED;
}

void input_send(const void *console, const InputEvent *events, size_t n)
{
    if (!machine_listens() || !n)
        return;
    if (before_input)
        before_input();
    for (size_t i = 0; i < n; i++) {
        InputHandler *h = find(1u << events[i].kind, console);
        if (!h)
            continue;
        h->sink->event(h->opaque, &events[i]);
        h->touched = true;
    }
    for (GList *l = handlers; l; l = l->next) {
        InputHandler *h = l->data;
        if (h->touched)
            h->sink->sync(h->opaque);
        h->touched = false;
    }
    if (after_input)
        after_input();
}

/* ---- pointers ---- */

static bool is_mouse(const InputHandler *h)
{
    return h->sink->takes & (1u << INPUT_REL | 1u << INPUT_ABS);
}

void input_foreach_mouse(void (*fn)(void *arg, const char *name, unsigned index, bool current,
                                    bool absolute), void *arg)
{
    const InputHandler *current = NULL;
    for (GList *l = handlers; l && !current; l = l->next)
        current = is_mouse(l->data) ? l->data : NULL;
    for (GList *l = g_list_last(handlers); l; l = l->prev) {
        const InputHandler *h = l->data;
        if (is_mouse(h))
            fn(arg, h->sink->name, h->index, h == current, h->sink->takes >> INPUT_ABS & 1);
    }
}

bool input_select_mouse(unsigned index, GError **error)
{
    for (GList *l = handlers; l; l = l->next) {
        InputHandler *h = l->data;
        if (h->index != index)
            continue;
        if (!is_mouse(h))
            return error_set(error, "Input device '%s' is not a mouse", h->sink->name);
        input_activate(h, true);
        return true;
    }
    return error_set(error, "Mouse at index '%u' not found", index);
}

/* ---- keys that are held for a time ---- */

/* A step: a pause (key 0), or a key that goes down or up. */
typedef struct Step {
    unsigned key;
    bool down;
    int64_t ms;
} Step;

enum { STEPS_MOST = 1024, HOLD_DEFAULT_MS = 10 };

static GQueue steps = G_QUEUE_INIT;
static Timer *hold;
static bool deferred;

static void run_steps(void *opaque)
{
    deferred = false;
    while (!timer_pending(hold)) {
        Step *s = g_queue_pop_head(&steps);
        if (!s)
            break;
        if (s->key)
            input_send(NULL, &(InputEvent){ INPUT_KEY, s->key, s->down }, 1);
        else
            timer_mod(hold, clock_ns(CLOCK_VIRTUAL) + s->ms * 1000000);
        g_free(s);
    }
}

/* Events come from the main loop only: with -icount timers are run by vCPU threads. */
static void hold_over(void *opaque)
{
    if (!deferred)
        main_defer(run_steps, NULL);
    deferred = true;
}

static void add_step(unsigned key, bool down, int64_t ms)
{
    Step *s = g_new(Step, 1);
    *s = (Step){ key, down, ms };
    g_queue_push_tail(&steps, s);
}

void input_press_keys(const unsigned *keys, size_t n, int64_t hold_ms)
{
    /* Whoever types faster than the guest reads loses whole strokes, not single releases. */
    if (n > STEPS_MOST || g_queue_get_length(&steps) + 4 * n > STEPS_MOST)
        return;
    if (hold_ms <= 0)
        hold_ms = HOLD_DEFAULT_MS;
    hold_ms = MIN(hold_ms, INT32_MAX);
    if (!hold)
        hold = timer_new(CLOCK_VIRTUAL, hold_over, NULL);
    for (size_t i = 0; i < 2 * n; i++) {
        unsigned key = keys[i < n ? i : 2 * n - 1 - i];
        if (key)
            add_step(key, i < n, 0);
        add_step(0, false, hold_ms);
    }
    if (!timer_pending(hold) && !deferred)
        run_steps(NULL);
}
