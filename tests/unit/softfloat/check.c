/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Comparison of results with what they must be, the count of checks, and the modes to run in. */
#include <inttypes.h>

#include "softfloat_test.h"

static int failures;
static int64_t checks;

void sf_check(const char *what, const Format *f, const uint64_t *v, const FpStatus *st,
              uint64_t got, uint64_t want, unsigned want_flags)
{
    checks++;
    if (!agrees(got, st->flags, want, want_flags) && failures++ < 20) {
        g_printerr("%s %s rm %d nan %d before %d flush %d%d: %" PRIx64 " %" PRIx64 " %" PRIx64
                   " -> %" PRIx64 " flags %02x, want %" PRIx64 " flags %02x\n",
                   f->name, what, st->rm, st->nan_policy, st->tininess_before_rounding,
                   st->flush_inputs, st->flush_outputs, v[0], v[1], v[2], got, st->flags, want,
                   want_flags);
    }
}

void sf_report(void)
{
    g_test_message("%" PRId64 " checks", checks);
    g_assert_cmpint(failures, ==, 0);
    g_assert_cmpint(checks, >, 0);
    checks = 0;
}

FpStatus sf_make_status(int kind, uint8_t rm)
{
    FpStatus st = kind == 0 ? fp_status_riscv(rm) : fp_status_arm(rm);

    st.flush_inputs = kind == 2;
    st.flush_outputs = kind >= 2; /* 3: a tiny result of normal operands more often */
    if (kind == 4) {              /* x86-like flushing in the modes x86 does not have */
        st = fp_status_riscv(rm);
        st.flush_outputs = true;
    }
    return st;
}
