/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys, buttons and pointers: between whoever has a user (the monitor, VNC) and the devices that
 * show them to the guest. Everything: main thread, main lock held.
 */
#ifndef BACKEND_INPUT_H
#define BACKEND_INPUT_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum InputKind { INPUT_KEY, INPUT_BUTTON, INPUT_REL, INPUT_ABS, INPUT_KIND_N } InputKind;

typedef enum InputButton {
    INPUT_LEFT, INPUT_MIDDLE, INPUT_RIGHT, INPUT_WHEEL_UP, INPUT_WHEEL_DOWN, INPUT_SIDE,
    INPUT_EXTRA, INPUT_WHEEL_LEFT, INPUT_WHEEL_RIGHT, INPUT_BUTTON_N
} InputButton;

enum { INPUT_X, INPUT_Y, INPUT_AXIS_N };
enum { INPUT_ABS_MAX = 0x7fff }; /* of an absolute axis, from 0 */

typedef struct InputEvent {
    InputKind kind;
    uint16_t code; /* of a key (see below), an InputButton, or an axis */
    int32_t value; /* pressed or not; distance; place */
} InputEvent;

/* What a device does. */
typedef struct InputSink {
    const char *name;  /* as `info mice` shows it */
    unsigned takes;    /* bits: 1 << InputKind */
    void (*event)(void *opaque, const InputEvent *e);
    void (*sync)(void *opaque); /* the events since the last time belong together */
} InputSink;

typedef struct InputHandler InputHandler;
InputHandler *input_attach(const InputSink *sink, void *opaque);
void input_detach(InputHandler *h);
/* The guest's driver listens: the device comes first among those of its kind; or last. */
void input_activate(InputHandler *h, bool listening);
/* To events of this display's console alone. */
void input_bind(InputHandler *h, const void *console);

/* Is there a device for this kind of events? console NULL: those that are bound to none. */
bool input_possible(InputKind kind, const void *console);
/* Events that belong together. They are lost while the machine stands still, and without a device. */
void input_send(const void *console, const InputEvent *events, size_t n);

/* ---- pointers ---- */

/* Every device with axes, the one that comes first last; current: it gets them. */
void input_foreach_mouse(void (*fn)(void *arg, const char *name, unsigned index, bool current,
                                    bool absolute), void *arg);
bool input_select_mouse(unsigned index, GError **error);
/* The one that events of this console go to wants places, not distances. */
bool input_is_absolute(const void *console);

/* ---- names ---- */

int input_kind_find(const char *name);   /* "key", "btn", "rel", "abs"; -1: none */
const char *input_kind_name(InputKind k);
int input_button_find(const char *name); /* "wheel-up"; -1: none */

/* ---- keys ---- */

/* Keys are numbers from 1 on below input_key_count(), in the order of QMP's QKeyCode; 0: none. */
unsigned input_key_count(void);
unsigned input_key_find(const char *name, size_t len);
const char *input_key_name(unsigned key);
unsigned input_key_linux(unsigned key);       /* KEY_ of linux/input-event-codes.h */
unsigned input_key_from_number(int64_t n);    /* PC scan code; +0x80 for E0 in front */
unsigned input_key_from_keysym(uint32_t sym); /* of X11, as RFB has them */

/* Presses one after the other and releases them backwards, each step hold_ms of the machine's time
 * after the last; 0: the default. */
void input_press_keys(const unsigned *keys, size_t n, int64_t hold_ms);

/* For whoever goes back in time: called around events that reach devices. */
void input_set_hooks(void (*before)(void), void (*after)(void));

#endif
