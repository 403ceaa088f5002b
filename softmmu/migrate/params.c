/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Capabilities and parameters, with the names, defaults and bounds of QEMU 7.2. Those that ask for
 * nothing that can be seen are kept and shown; capabilities that this program does not have are
 * refused when they are switched on.
 */
#include <stdlib.h>
#include <string.h>

#include "softmmu/migrate/migrate_int.h"
#include "util/bits.h"
#include "util/error.h"
#include "util/opts.h"

static const char active[] = "There's a migration process in progress";

/* ---- capabilities ---- */

static struct {
    const char *name;
    bool has; /* can be on */
    bool on;
} caps[MIG_CAPS] = {
    [MIG_CAP_XBZRLE] = { "xbzrle" },
    [MIG_CAP_RDMA_PIN_ALL] = { "rdma-pin-all" },
    [MIG_CAP_AUTO_CONVERGE] = { "auto-converge", true },
    [MIG_CAP_ZERO_BLOCKS] = { "zero-blocks" },
    [MIG_CAP_COMPRESS] = { "compress", true },
    [MIG_CAP_EVENTS] = { "events", true },
    [MIG_CAP_POSTCOPY_RAM] = { "postcopy-ram" },
    [MIG_CAP_X_COLO] = { "x-colo" },
    [MIG_CAP_RELEASE_RAM] = { "release-ram" },
    [MIG_CAP_BLOCK] = { "block" },
    [MIG_CAP_RETURN_PATH] = { "return-path", true },
    [MIG_CAP_PAUSE_BEFORE_SWITCHOVER] = { "pause-before-switchover", true },
    [MIG_CAP_MULTIFD] = { "multifd" },
    [MIG_CAP_DIRTY_BITMAPS] = { "dirty-bitmaps" },
    [MIG_CAP_POSTCOPY_BLOCKTIME] = { "postcopy-blocktime" },
    [MIG_CAP_LATE_BLOCK_ACTIVATE] = { "late-block-activate", true },
    [MIG_CAP_X_IGNORE_SHARED] = { "x-ignore-shared", true },
    [MIG_CAP_VALIDATE_UUID] = { "validate-uuid", true },
    [MIG_CAP_BACKGROUND_SNAPSHOT] = { "background-snapshot" },
    [MIG_CAP_ZERO_COPY_SEND] = { "zero-copy-send" },
    [MIG_CAP_POSTCOPY_PREEMPT] = { "postcopy-preempt" },
};

bool mig_cap(MigCap c)
{
    return caps[c].on;
}

Json *migrate_capabilities(void)
{
    Json *list = json_array();
    for (unsigned i = 0; i < MIG_CAPS; i++) {
        Json *o = json_object();
        json_set_bool(o, "state", caps[i].on);
        json_set_str(o, "capability", caps[i].name);
        json_add(list, o);
    }
    return list;
}

static unsigned find_cap(const char *name)
{
    unsigned i = 0;
    while (i < MIG_CAPS && strcmp(caps[i].name, name))
        i++;
    return i;
}

bool migrate_set_capabilities(const Json *list, GError **error)
{
    if (migrate_is_running())
        return error_set(error, "%s", active);
    for (unsigned i = 0; i < json_len(list); i++) {
        const char *name = json_get_str(json_at(list, i), "capability", "");
        unsigned c = find_cap(name);
        if (c == MIG_CAPS)
            return error_set(error, "invalid parameter value: %s", name);
        if (!caps[c].has && json_get_bool(json_at(list, i), "state", false))
            return error_set(error, "Migration capability '%s' is not supported", name);
    }
    for (unsigned i = 0; i < json_len(list); i++)
        caps[find_cap(json_get_str(json_at(list, i), "capability", ""))].on =
            json_get_bool(json_at(list, i), "state", false);
    return true;
}

/* ---- parameters ---- */

typedef enum Kind { NUMBER, SWITCH, TEXT, WORD } Kind;

static struct Param {
    const char *name;
    Kind kind;
    _Atomic uint64_t value;
    char *text;
    uint64_t min, max;
    const char *expects; /* what it must be, in QEMU's words */
    const char *unit;    /* behind the number */
    bool in_mib;         /* a number without a suffix counts MiB (HMP) */
    bool size;           /* suffixes are taken (HMP) */
    bool hidden;         /* not in `info migrate_parameters` */
} params[MIG_PARAMS] = {
#define ANNOUNCE "a value between 0 and 100000"
#define BYTE "a value between 1 and 255"
#define PERCENT "an integer in the range of 1 to 99"
#define BANDWIDTH "an integer in the range of 0 to 18446744073709551615 bytes/second"
    [MIG_ANNOUNCE_INITIAL] = { "announce-initial", NUMBER, 50, NULL, 0, 100000, ANNOUNCE, " ms" },
    [MIG_ANNOUNCE_MAX] = { "announce-max", NUMBER, 550, NULL, 0, 100000, ANNOUNCE, " ms" },
    [MIG_ANNOUNCE_ROUNDS] = { "announce-rounds", NUMBER, 5, NULL, 0, 1000,
                              "a value between 0 and 1000", "" },
    [MIG_ANNOUNCE_STEP] = { "announce-step", NUMBER, 100, NULL, 1, 10000,
                            "a value between 0 and 10000", " ms" },
    [MIG_COMPRESS_LEVEL] = { "compress-level", NUMBER, 1, NULL, 0, 9,
                             "a value between 0 and 9", "" },
    [MIG_COMPRESS_THREADS] = { "compress-threads", NUMBER, 8, NULL, 1, 255, BYTE, "" },
    [MIG_COMPRESS_WAIT_THREAD] = { "compress-wait-thread", SWITCH, 1 },
    [MIG_DECOMPRESS_THREADS] = { "decompress-threads", NUMBER, 2, NULL, 1, 255, BYTE, "" },
    [MIG_THROTTLE_TRIGGER] = { "throttle-trigger-threshold", NUMBER, 50, NULL, 1, 100,
                               "an integer in the range of 1 to 100", "" },
    [MIG_CPU_THROTTLE_INITIAL] = { "cpu-throttle-initial", NUMBER, 20, NULL, 1, 99, PERCENT, "" },
    [MIG_CPU_THROTTLE_INCREMENT] = { "cpu-throttle-increment", NUMBER, 10, NULL, 1, 99, PERCENT,
                                     "" },
    [MIG_CPU_THROTTLE_TAILSLOW] = { "cpu-throttle-tailslow", SWITCH, 0 },
    [MIG_MAX_CPU_THROTTLE] = { "max-cpu-throttle", NUMBER, 99, NULL, 1, 99,
                               "an integer in the range of cpu_throttle_initial to 99", "" },
    [MIG_TLS_CREDS] = { "tls-creds", TEXT },
    [MIG_TLS_HOSTNAME] = { "tls-hostname", TEXT },
    [MIG_MAX_BANDWIDTH] = { "max-bandwidth", NUMBER, 128 << 20, NULL, 0, UINT64_MAX, BANDWIDTH,
                            " bytes/second", true, true },
    [MIG_DOWNTIME_LIMIT] = { "downtime-limit", NUMBER, 300, NULL, 0, 2000 * 1000,
                             "an integer in the range of 0 to (2000 * 1000) ms", " ms" },
    [MIG_X_CHECKPOINT_DELAY] = { "x-checkpoint-delay", NUMBER, 20000, NULL, 0, UINT32_MAX,
                                 "an integer", " ms" },
    [MIG_BLOCK_INCREMENTAL] = { "block-incremental", SWITCH, 0 },
    [MIG_MULTIFD_CHANNELS] = { "multifd-channels", NUMBER, 2, NULL, 1, 255, BYTE, "" },
    [MIG_MULTIFD_COMPRESSION] = { "multifd-compression", WORD },
    [MIG_XBZRLE_CACHE_SIZE] = { "xbzrle-cache-size", NUMBER, 64 << 20, NULL, RAM_PAGE_SIZE,
                                UINT64_MAX,
                                "a power of two no less than the target page size", " bytes",
                                false, true },
    [MIG_MAX_POSTCOPY_BANDWIDTH] = { "max-postcopy-bandwidth", NUMBER, 0, NULL, 0, UINT64_MAX,
                                     BANDWIDTH, "", false, true },
    [MIG_TLS_AUTHZ] = { "tls-authz", TEXT },
    [MIG_MULTIFD_ZLIB_LEVEL] = { "multifd-zlib-level", NUMBER, 1, NULL, 0, 9,
                                 "a value between 0 and 9", "", .hidden = true },
    [MIG_MULTIFD_ZSTD_LEVEL] = { "multifd-zstd-level", NUMBER, 1, NULL, 0, 20,
                                 "a value between 0 and 20", "", .hidden = true },
};

uint64_t mig_param(MigParam p)
{
    return atomic_load(&params[p].value);
}

static unsigned find_param(const char *name)
{
    unsigned i = 0;
    while (i < MIG_PARAMS && strcmp(params[i].name, name))
        i++;
    return i;
}

static bool number_fits(unsigned p, uint64_t v, GError **error)
{
    const struct Param *d = &params[p];
    uint64_t min = p == MIG_MAX_CPU_THROTTLE ? mig_param(MIG_CPU_THROTTLE_INITIAL) : d->min;
    if (v >= min && v <= d->max && (p != MIG_XBZRLE_CACHE_SIZE || is_pow2(v)))
        return true;
    g_autofree char *spelling = g_strdelimit(g_strdup(d->name), "-", '_');
    return error_set(error, "Parameter '%s' expects %s", spelling, d->expects);
}

static bool text_fits(unsigned p, const char *text, GError **error)
{
    const struct Param *d = &params[p];
    if (d->kind == WORD && strcmp(text, "none"))
        return error_set(error, "%s '%s' is not supported: pages go over one connection", d->name,
                         text);
    if (*text && (p == MIG_TLS_CREDS || p == MIG_TLS_AUTHZ))
        return error_set(error, "%s: TLS is not supported; use a tunnel, as with exec:", d->name);
    return true;
}

Json *migrate_parameters(void)
{
    Json *o = json_object();
    for (unsigned i = 0; i < MIG_PARAMS; i++) {
        const struct Param *d = &params[i];
        if (d->kind == NUMBER)
            json_set_uint(o, d->name, mig_param(i));
        else if (d->kind == SWITCH)
            json_set_bool(o, d->name, mig_param(i));
        else
            json_set_str(o, d->name, d->text ? d->text : d->kind == WORD ? "none" : "");
    }
    return o;
}

/* A value of QMP: types were checked by the schema, but for texts that may be null. */
static bool check_value(unsigned p, const Json *v, GError **error)
{
    if (params[p].kind == NUMBER) {
        g_autoptr(Json) o = json_object();
        json_set(o, "v", json_copy(v));
        return number_fits(p, json_get_uint(o, "v", UINT64_MAX), error);
    }
    return params[p].kind == SWITCH || text_fits(p, json_str(v) ? json_str(v) : "", error);
}

bool migrate_set_parameters(const Json *values, GError **error)
{
    for (unsigned i = 0; i < json_len(values); i++) {
        const char *name = json_key_at(values, i);
        unsigned p = find_param(name);
        if (p == MIG_PARAMS)
            return error_set(error, "Parameter '%s' is unexpected", name);
        if (!check_value(p, json_get(values, name), error))
            return false;
    }
    for (unsigned i = 0; i < json_len(values); i++) {
        const char *name = json_key_at(values, i);
        struct Param *d = &params[find_param(name)];
        if (d->kind == NUMBER) {
            atomic_store(&d->value, json_get_uint(values, name, 0));
        } else if (d->kind == SWITCH) {
            atomic_store(&d->value, json_get_bool(values, name, false));
        } else {
            g_free(d->text);
            d->text = g_strdup(json_get_str(values, name, ""));
        }
    }
    return true;
}

bool migrate_set_parameter_text(const char *name, const char *value, GError **error)
{
    unsigned p = find_param(name);
    uint64_t n;
    bool on;
    if (p == MIG_PARAMS)
        return error_set(error, "invalid parameter value: %s", name);
    const struct Param *d = &params[p];
    g_autoptr(Json) values = json_object();
    if (d->kind == SWITCH) {
        if (!parse_bool(value, &on))
            return error_set(error, "Parameter '%s' expects 'on' or 'off'", name);
        json_set_bool(values, name, on);
    } else if (d->kind == NUMBER) {
        if (d->size ? !parse_size(value, d->in_mib ? 1 << 20 : 1, &n, NULL)
                    : !parse_number(value, &n))
            return d->in_mib ? error_set(error, "Invalid size %s", value)
                             : error_set(error, "Parameter '%s' expects %s", name,
                                         d->size ? "a size" : "a number");
        json_set_uint(values, name, n);
    } else {
        json_set_str(values, name, value);
    }
    return migrate_set_parameters(values, error);
}

void migrate_print_parameters(GString *out)
{
    for (unsigned i = 0; i < MIG_PARAMS; i++) {
        const struct Param *d = &params[i];
        if (d->hidden)
            continue;
        g_string_append_printf(out, "%s: ", d->name);
        if (d->kind == NUMBER)
            g_string_append_printf(out, "%" G_GUINT64_FORMAT "%s\n", mig_param(i), d->unit);
        else if (d->kind == SWITCH)
            g_string_append(out, mig_param(i) ? "on\n" : "off\n");
        else if (d->kind == WORD)
            g_string_append(out, "none\n");
        else
            g_string_append_printf(out, "'%s'\n", d->text ? d->text : "");
    }
}
