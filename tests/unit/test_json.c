/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON: parsing, printing, streams in pieces, hostile input. */
#include <glib.h>
#include <string.h>

#include "util/json.h"

static char *printed(const Json *v, bool pretty)
{
    GString *s = g_string_new(NULL);
    json_print(v, s, pretty);
    return g_string_free(s, FALSE);
}

static void test_values(void)
{
    /* An empty ring buffer has no bytes, at NULL. */
    g_autoptr(Json) empty = json_string_len(NULL, 0);
    g_assert_cmpstr(json_str(empty), ==, "");
    static const char *const same[] = {
        "{}", "[]", "null", "true", "false", "0", "-1", "9223372036854775807",
        "-9223372036854775808", "18446744073709551615", "\"\"", "1.5",
        "{\"a\": [1, {\"b\": null}]}",
        "\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u00E9\\u20AC\\uD83D\\uDE00\"",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(same); i++) {
        GError *error = NULL;
        g_autoptr(Json) v = json_parse(same[i], strlen(same[i]), &error);
        g_assert_no_error(error);
        g_autofree char *text = printed(v, false);
        g_assert_cmpstr(text, ==, same[i]);
        g_autoptr(Json) copy = json_copy(v);
        g_autofree char *again = printed(copy, false);
        g_assert_cmpstr(again, ==, same[i]);
    }
    g_autoptr(Json) o = json_parse(" { 'a' : 1 , \"b\":[ ] } ", 23, NULL);
    g_autofree char *pretty = printed(o, true);
    g_assert_cmpstr(pretty, ==, "{\n    \"a\": 1,\n    \"b\": [\n    ]\n}");
    g_assert_cmpint(json_get_int(o, "a", 0), ==, 1);
    g_assert_null(json_get_str(o, "a", NULL));
}

static void test_errors(void)
{
    static const char *const bad[][2] = {
        { "", "expecting value" }, { "nul", "invalid keyword 'nul'" }, { "{", "key is not" },
        { "{\"a\"}", "missing :" }, { "{\"a\":1 \"b\":2}", "separator in dict" },
        { "[1 2]", "separator in list" }, { "{\"a\":1,\"a\":2}", "duplicate key" },
        { "\"abc", "unterminated" }, { "\"\\x\"", "invalid escape" }, { "\"\\u12\"", "hex escape" },
        { "\"\\uD800\"", "not a valid Unicode" }, { "\"\\uDC00\"", "not a character" },
        { "\"\\u0000\"", "not a character" }, { "\"\x80\"", "invalid UTF-8" },
        { "\"\xc0\xaf\"", "invalid UTF-8" }, { "\"\n\"", "control character" }, { "01", "number" },
        { "1.", "number" }, { "1e", "number" }, { "-", "number" }, { "1 2", "behind the value" },
        { "[1,]", "stray ']'" }, { "@", "stray '@'" }, { "\"a\\", "unterminated" },
    };
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        GError *error = NULL;
        g_assert_null(json_parse(bad[i][0], strlen(bad[i][0]), &error));
        g_assert_true(g_str_has_prefix(error->message, "JSON parse error, "));
        if (!strstr(error->message, bad[i][1]))
            g_error("%s: %s", bad[i][0], error->message);
        g_error_free(error);
    }
    GString *deep = g_string_new(NULL);
    for (int i = 0; i < 1 << 20; i++)
        g_string_append_c(deep, '[');
    g_assert_null(json_parse(deep->str, deep->len, NULL));
    g_string_free(deep, TRUE);
}

static void test_big_object(void)
{
    g_autoptr(Json) o = json_object();
    for (int i = 0; i < 20000; i++) {
        g_autofree char *key = g_strdup_printf("k%d", i % 10000);
        json_set_int(o, key, i);
    }
    g_assert_cmpuint(json_len(o), ==, 10000);
    g_assert_cmpint(json_get_int(o, "k7", 0), ==, 10007);
    g_autofree char *text = printed(o, false);
    g_autoptr(Json) again = json_parse(text, strlen(text), NULL);
    g_assert_cmpint(json_get_int(again, "k9999", 0), ==, 19999);
}

static void test_opts(void)
{
    const char *text = "{\"a\": {\"b\": true, \"c\": [1, \"x\"]}, \"d\": null, \"e\": 2.5}";
    g_autoptr(Json) v = json_parse(text, strlen(text), NULL);
    g_autoptr(GHashTable) o = json_to_opts(v, NULL);
    g_assert_cmpstr(g_hash_table_lookup(o, "a.b"), ==, "on");
    g_assert_cmpstr(g_hash_table_lookup(o, "a.c.0"), ==, "1");
    g_assert_cmpstr(g_hash_table_lookup(o, "a.c.1"), ==, "x");
    g_assert_cmpstr(g_hash_table_lookup(o, "d"), ==, "");
    g_assert_cmpstr(g_hash_table_lookup(o, "e"), ==, "2.5");
    g_autoptr(Json) list = json_array();
    g_assert_null(json_to_opts(list, NULL));
}

/* ---- streams ---- */

static void collect(void *opaque, Json *v, GError *error)
{
    GString *out = opaque;
    if (v)
        json_print(v, out, false);
    else
        g_string_append(out, "error");
    g_string_append_c(out, ';');
    json_free(v);
}

static void expect_stream(const char *input, size_t len, const char *expect)
{
    for (size_t piece = 1; piece <= len; piece++) {
        g_autoptr(GString) out = g_string_new(NULL);
        JsonStream *s = json_stream_new(collect, out);
        for (size_t at = 0; at < len; at += piece)
            json_stream_feed(s, input + at, MIN(piece, len - at));
        g_assert_cmpstr(out->str, ==, expect);
        json_stream_free(s);
    }
}

static void test_stream(void)
{
#define STREAM(in, out) expect_stream(in, sizeof(in) - 1, out)
    STREAM("{\"a\": 1}{}\r\n[1, 2]\n", "{\"a\": 1};{};[1, 2];");
    STREAM("true 12 \"x y\" null\n", "true;12;\"x y\";null;");
    STREAM("garbage {}", "error;{};");
    STREAM("{\"a\" 1}{\"b\": \"}{\"}", "error;{\"b\": \"}{\"};");
    STREAM("{\"a\": [1}{}", "error;{};");
    STREAM("]{}", "error;{};");
    STREAM("{\"unfinished\": \xff{}", "error;{};");
    STREAM("{\"string\n{}", "error;{};");
    STREAM("{\"a\": \"\\\"\\\\\"}", "{\"a\": \"\\\"\\\\\"};");
    STREAM("{\"a\": '\"'}", "{\"a\": \"\\\"\"};");
}

static void count_call(void *opaque, Json *v, GError *error)
{
    ++*(unsigned *)opaque;
    g_assert_true(!v != !error);
    json_free(v);
}

static void test_stream_hostile(void)
{
    unsigned calls = 0;
    JsonStream *s = json_stream_new(count_call, &calls);
    g_autofree char *deep = g_strnfill(5000, '[');
    json_stream_feed(s, deep, 5000);
    g_assert_cmpuint(calls, ==, 4); /* each 1025th is one too many */
    json_stream_reset(s);
    static const char alphabet[] = "{}[]\"'\\:,-0.1eEtrunfalse \n\xff\x80u";
    GRand *rand = g_rand_new_with_seed(1);
    for (int i = 0; i < 1000000; i++)
        json_stream_feed(s, &alphabet[g_rand_int_range(rand, 0, sizeof(alphabet) - 1)], 1);
    g_assert_cmpuint(calls, >, 1000);
    json_stream_feed(s, "\xff", 1);
    calls = 0;
    json_stream_feed(s, "{}", 2);
    g_assert_cmpuint(calls, ==, 1);
    /* A value that never ends is given up. */
    g_autofree char *big = g_strnfill(1 << 20, ' ');
    json_stream_feed(s, "[", 1);
    for (int i = 0; i < 65; i++)
        json_stream_feed(s, big, 1 << 20);
    g_assert_cmpuint(calls, ==, 2);
    json_stream_feed(s, "{}", 2);
    g_assert_cmpuint(calls, ==, 3);
    json_stream_free(s);
    g_rand_free(rand);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/values", test_values);
    g_test_add_func("/json/errors", test_errors);
    g_test_add_func("/json/big-object", test_big_object);
    g_test_add_func("/json/opts", test_opts);
    g_test_add_func("/json/stream", test_stream);
    g_test_add_func("/json/stream-hostile", test_stream_hostile);
    return g_test_run();
}
