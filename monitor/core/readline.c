/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Line editing for terminals that understand ECMA-48 cursor keys. Characters typed at the end of
 * the line are just echoed, so that scripts which read the echo see what they sent.
 * Leaves out: lines longer than the terminal is wide are not wrapped when they are redrawn.
 */
#include "monitor/core/readline.h"

#include <stdbool.h>
#include <string.h>

enum { MAX_LINE = 4095, MAX_HISTORY = 64 };
enum { CTRL_A = 1, CTRL_B, CTRL_C, CTRL_D, CTRL_E, CTRL_F, TAB = 9, CTRL_K = 11, CTRL_L,
       CTRL_N = 14, CTRL_P = 16, CTRL_U = 21, CTRL_W = 23, ESC = 27, DEL = 127 };

struct Readline {
    const ReadlineOps *ops;
    void *opaque;
    char *prompt;
    GString *line;
    size_t cursor;          /* byte in line, at the start of a character */
    GPtrArray *history;
    unsigned position;      /* in the history; history->len: the line being edited */
    char *edited;           /* that line while another is shown */
    enum { PLAIN, GOT_ESC, GOT_CSI, GOT_SS3 } state;
    unsigned parameter;     /* of the control sequence */
    bool got_cr;            /* a LF behind it is no second line */
};

Readline *readline_new(const ReadlineOps *ops, void *opaque)
{
    Readline *r = g_new0(Readline, 1);
    r->ops = ops;
    r->opaque = opaque;
    r->prompt = g_strdup("");
    r->line = g_string_new(NULL);
    r->history = g_ptr_array_new_with_free_func(g_free);
    return r;
}

void readline_free(Readline *r)
{
    if (!r)
        return;
    g_free(r->prompt);
    g_free(r->edited);
    g_string_free(r->line, TRUE);
    g_ptr_array_unref(r->history);
    g_free(r);
}

GPtrArray *readline_history(Readline *r)
{
    return r->history;
}

/* ---- drawing ---- */

static void print(Readline *r, const char *text)
{
    r->ops->print(r->opaque, text);
}

static bool starts_char(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80; /* no UTF-8 continuation */
}

static unsigned columns(const char *s, size_t n)
{
    unsigned count = 0;
    for (size_t i = 0; i < n; i++)
        count += starts_char(s[i]);
    return count;
}

static void cursor_left(Readline *r, unsigned n)
{
    char buf[24];
    if (n) {
        g_snprintf(buf, sizeof(buf), "\033[%uD", n);
        print(r, buf);
    }
}

/* What stands from the cursor on, the cursor back where it was. */
static void draw_tail(Readline *r)
{
    print(r, r->line->str + r->cursor);
    print(r, "\033[K");
    cursor_left(r, columns(r->line->str + r->cursor, r->line->len - r->cursor));
}

void readline_redraw(Readline *r)
{
    print(r, r->prompt);
    print(r, r->line->str);
    cursor_left(r, columns(r->line->str + r->cursor, r->line->len - r->cursor));
}

void readline_prompt(Readline *r, const char *prompt)
{
    g_free(r->prompt);
    r->prompt = g_strdup(prompt);
    g_string_truncate(r->line, 0);
    r->cursor = 0;
    r->position = r->history->len;
    g_clear_pointer(&r->edited, g_free);
    print(r, r->prompt);
}

/* ---- editing ---- */

static size_t char_before(Readline *r, size_t at)
{
    while (at > 0 && !starts_char(r->line->str[--at]))
        ;
    return at;
}

static size_t char_after(Readline *r, size_t at)
{
    if (at < r->line->len)
        at++;
    while (at < r->line->len && !starts_char(r->line->str[at]))
        at++;
    return at;
}

static void move_to(Readline *r, size_t at)
{
    if (at < r->cursor) {
        cursor_left(r, columns(r->line->str + at, r->cursor - at));
    } else if (at > r->cursor) {
        g_autofree char *between = g_strndup(r->line->str + r->cursor, at - r->cursor);
        print(r, between);
    }
    r->cursor = at;
}

static void insert(Readline *r, const char *text)
{
    size_t n = strlen(text);
    if (r->line->len + n > MAX_LINE)
        return;
    bool at_end = r->cursor == r->line->len;
    g_string_insert_len(r->line, r->cursor, text, n);
    r->cursor += n;
    print(r, text);
    if (!at_end)
        draw_tail(r);
}

/* Removes [from, to), where the cursor is at one of its ends. */
static void erase(Readline *r, size_t from, size_t to)
{
    if (from == to)
        return;
    move_to(r, from);
    g_string_erase(r->line, from, to - from);
    draw_tail(r);
}

static size_t word_before(Readline *r)
{
    size_t at = r->cursor;
    while (at > 0 && r->line->str[at - 1] == ' ')
        at--;
    while (at > 0 && r->line->str[at - 1] != ' ')
        at--;
    return at;
}

static size_t word_after(Readline *r)
{
    size_t at = r->cursor;
    while (at < r->line->len && r->line->str[at] == ' ')
        at++;
    while (at < r->line->len && r->line->str[at] != ' ')
        at++;
    return at;
}

static void set_line(Readline *r, const char *text)
{
    move_to(r, 0);
    g_string_assign(r->line, text);
    r->cursor = r->line->len;
    print(r, r->line->str);
    print(r, "\033[K");
}

/* ---- history ---- */

static void history_go(Readline *r, int step)
{
    unsigned to = r->position + step;
    if ((step < 0 && !r->position) || to > r->history->len)
        return;
    if (r->position == r->history->len) {
        g_free(r->edited);
        r->edited = g_strdup(r->line->str);
    }
    r->position = to;
    set_line(r, to == r->history->len ? r->edited : r->history->pdata[to]);
}

static void history_add(Readline *r, const char *line)
{
    if (!*line)
        return;
    /* A line that is there already moves to the end. */
    for (unsigned i = 0; i < r->history->len; i++) {
        if (!strcmp(r->history->pdata[i], line)) {
            g_ptr_array_remove_index(r->history, i);
            break;
        }
    }
    if (r->history->len == MAX_HISTORY)
        g_ptr_array_remove_index(r->history, 0);
    g_ptr_array_add(r->history, g_strdup(line));
}

/* ---- completion ---- */

static int compare_words(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void show_candidates(Readline *r, GPtrArray *words)
{
    size_t width = 0;
    for (unsigned i = 0; i < words->len; i++)
        width = MAX(width, strlen(words->pdata[i]));
    width = CLAMP(width + 2, 10, 80);
    unsigned per_line = MAX(80 / width, 1);
    print(r, "\n");
    for (unsigned i = 0; i < words->len; i++) {
        g_autofree char *cell = g_strdup_printf("%-*s", (int)width, (char *)words->pdata[i]);
        print(r, cell);
        if (i % per_line == per_line - 1 || i == words->len - 1)
            print(r, "\n");
    }
    readline_redraw(r);
}

static void complete(Readline *r)
{
    size_t start = 0;
    g_autofree char *text = g_strndup(r->line->str, r->cursor);
    GPtrArray *words = r->ops->complete(r->opaque, text, &start);
    if (!words->len) {
        g_ptr_array_unref(words);
        return;
    }
    g_ptr_array_sort(words, compare_words);
    const char *first = words->pdata[0], *last = words->pdata[words->len - 1];
    size_t common = 0; /* they are sorted: what these two share, all share */
    while (first[common] && first[common] == last[common])
        common++;
    size_t typed = r->cursor - start;
    if (common > typed) {
        g_autofree char *more = g_strndup(first + typed, common - typed);
        insert(r, more);
    }
    if (words->len == 1) {
        if (!g_str_has_suffix(first, "/"))
            insert(r, " ");
    } else if (common <= typed) {
        show_candidates(r, words);
    }
    g_ptr_array_unref(words);
}

/* ---- keys ---- */

static void enter(Readline *r)
{
    g_autofree char *line = g_strdup(r->line->str);
    print(r, "\n");
    history_add(r, line);
    g_string_truncate(r->line, 0);
    r->cursor = 0;
    r->position = r->history->len;
    r->ops->line(r->opaque, line);
}

static void control_sequence(Readline *r, unsigned char c)
{
    switch (c) {
    case 'A':
        history_go(r, -1);
        break;
    case 'B':
        history_go(r, 1);
        break;
    case 'C':
        move_to(r, char_after(r, r->cursor));
        break;
    case 'D':
        move_to(r, char_before(r, r->cursor));
        break;
    case 'H':
        move_to(r, 0);
        break;
    case 'F':
        move_to(r, r->line->len);
        break;
    case '~':
        if (r->parameter == 1 || r->parameter == 7)
            move_to(r, 0);
        else if (r->parameter == 4 || r->parameter == 8)
            move_to(r, r->line->len);
        else if (r->parameter == 3)
            erase(r, r->cursor, char_after(r, r->cursor));
        break;
    }
}

static void plain_key(Readline *r, unsigned char c)
{
    char text[2] = { c };
    switch (c) {
    case '\r':
    case '\n':
        enter(r);
        break;
    case CTRL_A:
        move_to(r, 0);
        break;
    case CTRL_B:
        move_to(r, char_before(r, r->cursor));
        break;
    case CTRL_C:
        g_string_truncate(r->line, 0);
        r->cursor = 0;
        print(r, "^C\n");
        readline_redraw(r);
        break;
    case CTRL_D:
        erase(r, r->cursor, char_after(r, r->cursor));
        break;
    case CTRL_E:
        move_to(r, r->line->len);
        break;
    case CTRL_F:
        move_to(r, char_after(r, r->cursor));
        break;
    case '\b':
    case DEL:
        erase(r, char_before(r, r->cursor), r->cursor);
        break;
    case TAB:
        complete(r);
        break;
    case CTRL_K:
        erase(r, r->cursor, r->line->len);
        break;
    case CTRL_L:
        print(r, "\033[H\033[2J");
        readline_redraw(r);
        break;
    case CTRL_N:
        history_go(r, 1);
        break;
    case CTRL_P:
        history_go(r, -1);
        break;
    case CTRL_U:
        erase(r, 0, r->cursor);
        break;
    case CTRL_W:
        erase(r, word_before(r), r->cursor);
        break;
    case ESC:
        r->state = GOT_ESC;
        break;
    default:
        if (c >= 32)
            insert(r, text);
    }
}

void readline_feed(Readline *r, unsigned char c)
{
    bool lf_of_crlf = c == '\n' && r->got_cr;
    r->got_cr = c == '\r';
    if (lf_of_crlf)
        return;
    switch (r->state) {
    case PLAIN:
        plain_key(r, c);
        break;
    case GOT_ESC:
        r->state = c == '[' ? GOT_CSI : c == 'O' ? GOT_SS3 : c == ESC ? GOT_ESC : PLAIN;
        r->parameter = 0;
        if (c == 'b')
            move_to(r, word_before(r));
        else if (c == 'f')
            move_to(r, word_after(r));
        break;
    case GOT_CSI:
        if (g_ascii_isdigit(c)) {
            r->parameter = MIN(r->parameter * 10 + c - '0', 999);
        } else if (c >= 0x40) {
            r->state = PLAIN;
            control_sequence(r, c);
        } else if (c < 32) {
            r->state = PLAIN;
        }
        break;
    case GOT_SS3:
        r->state = PLAIN;
        control_sequence(r, c);
        break;
    }
}
