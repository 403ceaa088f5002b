/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys: QMP's names, Linux's codes, PC scan codes (set 1, 0x80 for those with E0 in front), and the
 * keysyms that X11's protocol gives a US keyboard's key, plain and shifted.
 */
#include <linux/input-event-codes.h>
#include <string.h>

#include "backend/input.h"

static const struct {
    const char *name;
    uint16_t code;
    uint8_t number;     /* 0: another key of the same code has it */
    uint32_t keysym[2]; /* 0: none */
} keys[] = {
    { "shift", KEY_LEFTSHIFT, 0x2a, { 0xffe1, 0 } },
    { "shift_r", KEY_RIGHTSHIFT, 0x36, { 0xffe2, 0 } },
    { "alt", KEY_LEFTALT, 0x38, { 0xffe9, 0 } },
    { "alt_r", KEY_RIGHTALT, 0xb8, { 0xffea, 0xfe03 } },
    { "ctrl", KEY_LEFTCTRL, 0x1d, { 0xffe3, 0 } },
    { "ctrl_r", KEY_RIGHTCTRL, 0x9d, { 0xffe4, 0 } },
    { "menu", KEY_MENU, 0x9e, { 0, 0 } },
    { "esc", KEY_ESC, 0x01, { 0xff1b, 0 } },
    { "1", KEY_1, 0x02, { '1', '!' } },
    { "2", KEY_2, 0x03, { '2', '@' } },
    { "3", KEY_3, 0x04, { '3', '#' } },
    { "4", KEY_4, 0x05, { '4', '$' } },
    { "5", KEY_5, 0x06, { '5', '%' } },
    { "6", KEY_6, 0x07, { '6', '^' } },
    { "7", KEY_7, 0x08, { '7', '&' } },
    { "8", KEY_8, 0x09, { '8', '*' } },
    { "9", KEY_9, 0x0a, { '9', '(' } },
    { "0", KEY_0, 0x0b, { '0', ')' } },
    { "minus", KEY_MINUS, 0x0c, { '-', '_' } },
    { "equal", KEY_EQUAL, 0x0d, { '=', '+' } },
    { "backspace", KEY_BACKSPACE, 0x0e, { 0xff08, 0 } },
    { "tab", KEY_TAB, 0x0f, { 0xff09, 0xfe20 } },
    { "q", KEY_Q, 0x10, { 'q', 'Q' } },
    { "w", KEY_W, 0x11, { 'w', 'W' } },
    { "e", KEY_E, 0x12, { 'e', 'E' } },
    { "r", KEY_R, 0x13, { 'r', 'R' } },
    { "t", KEY_T, 0x14, { 't', 'T' } },
    { "y", KEY_Y, 0x15, { 'y', 'Y' } },
    { "u", KEY_U, 0x16, { 'u', 'U' } },
    { "i", KEY_I, 0x17, { 'i', 'I' } },
    { "o", KEY_O, 0x18, { 'o', 'O' } },
    { "p", KEY_P, 0x19, { 'p', 'P' } },
    { "bracket_left", KEY_LEFTBRACE, 0x1a, { '[', '{' } },
    { "bracket_right", KEY_RIGHTBRACE, 0x1b, { ']', '}' } },
    { "ret", KEY_ENTER, 0x1c, { 0xff0d, 0 } },
    { "a", KEY_A, 0x1e, { 'a', 'A' } },
    { "s", KEY_S, 0x1f, { 's', 'S' } },
    { "d", KEY_D, 0x20, { 'd', 'D' } },
    { "f", KEY_F, 0x21, { 'f', 'F' } },
    { "g", KEY_G, 0x22, { 'g', 'G' } },
    { "h", KEY_H, 0x23, { 'h', 'H' } },
    { "j", KEY_J, 0x24, { 'j', 'J' } },
    { "k", KEY_K, 0x25, { 'k', 'K' } },
    { "l", KEY_L, 0x26, { 'l', 'L' } },
    { "semicolon", KEY_SEMICOLON, 0x27, { ';', ':' } },
    { "apostrophe", KEY_APOSTROPHE, 0x28, { '\'', '"' } },
    { "grave_accent", KEY_GRAVE, 0x29, { '`', '~' } },
    { "backslash", KEY_BACKSLASH, 0x2b, { '\\', '|' } },
    { "z", KEY_Z, 0x2c, { 'z', 'Z' } },
    { "x", KEY_X, 0x2d, { 'x', 'X' } },
    { "c", KEY_C, 0x2e, { 'c', 'C' } },
    { "v", KEY_V, 0x2f, { 'v', 'V' } },
    { "b", KEY_B, 0x30, { 'b', 'B' } },
    { "n", KEY_N, 0x31, { 'n', 'N' } },
    { "m", KEY_M, 0x32, { 'm', 'M' } },
    { "comma", KEY_COMMA, 0x33, { ',', '<' } },
    { "dot", KEY_DOT, 0x34, { '.', '>' } },
    { "slash", KEY_SLASH, 0x35, { '/', '?' } },
    { "asterisk", KEY_KPASTERISK, 0x37, { 0, 0 } },
    { "spc", KEY_SPACE, 0x39, { 0x20, 0 } },
    { "caps_lock", KEY_CAPSLOCK, 0x3a, { 0xffe5, 0 } },
    { "f1", KEY_F1, 0x3b, { 0xffbe, 0 } },
    { "f2", KEY_F2, 0x3c, { 0xffbf, 0 } },
    { "f3", KEY_F3, 0x3d, { 0xffc0, 0 } },
    { "f4", KEY_F4, 0x3e, { 0xffc1, 0 } },
    { "f5", KEY_F5, 0x3f, { 0xffc2, 0 } },
    { "f6", KEY_F6, 0x40, { 0xffc3, 0 } },
    { "f7", KEY_F7, 0x41, { 0xffc4, 0 } },
    { "f8", KEY_F8, 0x42, { 0xffc5, 0 } },
    { "f9", KEY_F9, 0x43, { 0xffc6, 0 } },
    { "f10", KEY_F10, 0x44, { 0xffc7, 0 } },
    { "num_lock", KEY_NUMLOCK, 0x45, { 0xff7f, 0 } },
    { "scroll_lock", KEY_SCROLLLOCK, 0x46, { 0xff14, 0 } },
    { "kp_divide", KEY_KPSLASH, 0xb5, { 0xffaf, 0 } },
    { "kp_multiply", KEY_KPASTERISK, 0, { 0xffaa, 0 } },
    { "kp_subtract", KEY_KPMINUS, 0x4a, { 0xffad, 0 } },
    { "kp_add", KEY_KPPLUS, 0x4e, { 0xffab, 0 } },
    { "kp_enter", KEY_KPENTER, 0x9c, { 0xff8d, 0 } },
    { "kp_decimal", KEY_KPDOT, 0x53, { 0xffae, 0xff9f } },
    { "sysrq", KEY_SYSRQ, 0x54, { 0xff15, 0 } },
    { "kp_0", KEY_KP0, 0x52, { 0xffb0, 0xff9e } },
    { "kp_1", KEY_KP1, 0x4f, { 0xffb1, 0xff9c } },
    { "kp_2", KEY_KP2, 0x50, { 0xffb2, 0xff99 } },
    { "kp_3", KEY_KP3, 0x51, { 0xffb3, 0xff9b } },
    { "kp_4", KEY_KP4, 0x4b, { 0xffb4, 0xff96 } },
    { "kp_5", KEY_KP5, 0x4c, { 0xffb5, 0xff9d } },
    { "kp_6", KEY_KP6, 0x4d, { 0xffb6, 0xff98 } },
    { "kp_7", KEY_KP7, 0x47, { 0xffb7, 0xff95 } },
    { "kp_8", KEY_KP8, 0x48, { 0xffb8, 0xff97 } },
    { "kp_9", KEY_KP9, 0x49, { 0xffb9, 0xff9a } },
    { "less", KEY_102ND, 0x56, { 0, 0 } },
    { "f11", KEY_F11, 0x57, { 0xffc8, 0 } },
    { "f12", KEY_F12, 0x58, { 0xffc9, 0 } },
    { "print", KEY_SYSRQ, 0xb7, { 0xff61, 0 } },
    { "home", KEY_HOME, 0xc7, { 0xff50, 0 } },
    { "pgup", KEY_PAGEUP, 0xc9, { 0xff55, 0 } },
    { "pgdn", KEY_PAGEDOWN, 0xd1, { 0xff56, 0 } },
    { "end", KEY_END, 0xcf, { 0xff57, 0 } },
    { "left", KEY_LEFT, 0xcb, { 0xff51, 0 } },
    { "up", KEY_UP, 0xc8, { 0xff52, 0 } },
    { "down", KEY_DOWN, 0xd0, { 0xff54, 0 } },
    { "right", KEY_RIGHT, 0xcd, { 0xff53, 0 } },
    { "insert", KEY_INSERT, 0xd2, { 0xff63, 0 } },
    { "delete", KEY_DELETE, 0xd3, { 0xffff, 0 } },
    { "stop", KEY_STOP, 0xe8, { 0, 0 } },
    { "again", KEY_AGAIN, 0x85, { 0xff66, 0 } },
    { "props", KEY_PROPS, 0x86, { 0, 0 } },
    { "undo", KEY_UNDO, 0x87, { 0xff65, 0 } },
    { "front", KEY_FRONT, 0x8c, { 0, 0 } },
    { "copy", KEY_COPY, 0xf8, { 0x1008ff57, 0 } },
    { "open", KEY_OPEN, 0x64, { 0x1008ff6b, 0 } },
    { "paste", KEY_PASTE, 0x65, { 0x1008ff6d, 0 } },
    { "find", KEY_FIND, 0xc1, { 0xff68, 0 } },
    { "cut", KEY_CUT, 0xbc, { 0x1008ff58, 0 } },
    { "lf", KEY_LINEFEED, 0x5b, { 0xff0a, 0 } },
    { "help", KEY_HELP, 0xf5, { 0xff6a, 0 } },
    { "meta_l", KEY_LEFTMETA, 0xdb, { 0xffeb, 0xffe7 } },
    { "meta_r", KEY_RIGHTMETA, 0xdc, { 0xffec, 0xffe8 } },
    { "compose", KEY_COMPOSE, 0xdd, { 0xff67, 0 } },
    { "pause", KEY_PAUSE, 0xc6, { 0xff13, 0xff6b } },
    { "ro", KEY_RO, 0x73, { 0, 0 } },
    { "hiragana", KEY_HIRAGANA, 0x77, { 0xff25, 0 } },
    { "henkan", KEY_HENKAN, 0x79, { 0xff23, 0 } },
    { "yen", KEY_YEN, 0x7d, { 0xa5, 0 } },
    { "muhenkan", KEY_MUHENKAN, 0x7b, { 0xff22, 0 } },
    { "katakanahiragana", KEY_KATAKANAHIRAGANA, 0x70, { 0xff27, 0 } },
    { "kp_comma", KEY_KPCOMMA, 0x7e, { 0xffac, 0 } },
    { "kp_equals", KEY_KPEQUAL, 0x59, { 0xffbd, 0 } },
    { "power", KEY_POWER, 0xde, { 0x1008ff2a, 0 } },
    { "sleep", KEY_SLEEP, 0xdf, { 0x1008ff2f, 0 } },
    { "wake", KEY_WAKEUP, 0xe3, { 0x1008ff2b, 0 } },
    { "audionext", KEY_NEXTSONG, 0x99, { 0x1008ff17, 0 } },
    { "audioprev", KEY_PREVIOUSSONG, 0x90, { 0x1008ff16, 0 } },
    { "audiostop", KEY_STOPCD, 0xa4, { 0x1008ff15, 0 } },
    { "audioplay", KEY_PLAYPAUSE, 0xa2, { 0x1008ff14, 0 } },
    { "audiomute", KEY_MUTE, 0xa0, { 0x1008ff12, 0 } },
    { "volumeup", KEY_VOLUMEUP, 0xb0, { 0x1008ff13, 0 } },
    { "volumedown", KEY_VOLUMEDOWN, 0xae, { 0x1008ff11, 0 } },
    { "mediaselect", KEY_MEDIA, 0xed, { 0x1008ff32, 0 } },
    { "mail", KEY_MAIL, 0xec, { 0x1008ff19, 0 } },
    { "calculator", KEY_CALC, 0xa1, { 0x1008ff1d, 0 } },
    { "computer", KEY_COMPUTER, 0xeb, { 0x1008ff33, 0 } },
    { "ac_home", KEY_HOMEPAGE, 0xb2, { 0x1008ff18, 0 } },
    { "ac_back", KEY_BACK, 0xea, { 0x1008ff26, 0 } },
    { "ac_forward", KEY_FORWARD, 0xe9, { 0x1008ff27, 0 } },
    { "ac_refresh", KEY_REFRESH, 0xe7, { 0x1008ff29, 0 } },
    { "ac_bookmarks", KEY_BOOKMARKS, 0xe6, { 0x1008ff30, 0 } },
    { "lang1", KEY_HANGEUL, 0x72, { 0xff31, 0 } },
    { "lang2", KEY_HANJA, 0x71, { 0xff34, 0 } },
};

unsigned input_key_count(void)
{
    return G_N_ELEMENTS(keys) + 1;
}

static bool is_key(unsigned key)
{
    return key && key <= G_N_ELEMENTS(keys);
}

unsigned input_key_find(const char *name, size_t len)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (strlen(keys[i].name) == len && !memcmp(keys[i].name, name, len))
            return i + 1;
    }
    return 0;
}

const char *input_key_name(unsigned key)
{
    return is_key(key) ? keys[key - 1].name : "unmapped";
}

unsigned input_key_linux(unsigned key)
{
    return is_key(key) ? keys[key - 1].code : KEY_RESERVED;
}

unsigned input_key_from_number(int64_t n)
{
    for (unsigned i = 0; n && i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].number == n)
            return i + 1;
    }
    return 0;
}

unsigned input_key_from_keysym(uint32_t sym)
{
    for (unsigned i = 0; sym && i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].keysym[0] == sym || keys[i].keysym[1] == sym)
            return i + 1;
    }
    return 0;
}
