/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PSCI 1.1 (DEN 0022) by HVC: versions, what is there, what calls of the wrong kind get. */
#include "suite.h"

enum { NOT_SUPPORTED = -1, INVALID_PARAMETERS = -2, ALREADY_ON = -4 };
extern char secondary[];
static volatile uint64_t slot[2];

static uint64_t low(uint64_t v)
{
    return (uint32_t)v;
}

void test_psci(void)
{
    check("psci: version", psci(0x84000000, 0, 0, 0), 0x10001);
    if (!low(psci(0x8400000a, 0x80000000, 0, 0))) /* SMCCC_VERSION (DEN 0028) */
        check("psci: SMCCC 1.1 at least", psci(0x80000000, 0, 0, 0) >= 0x10001, 1);
    check("psci: unknown", low(psci(0x840000ff, 0, 0, 0)), low((uint64_t)NOT_SUPPORTED));
    check("psci: no trusted OS", low(psci(0x84000006, 0, 0, 0)), 2);
    check("psci: features of CPU_ON", low(psci(0x8400000a, 0xc4000003, 0, 0)), 0);
    check("psci: features of nothing", low(psci(0x8400000a, 0x840000ff, 0, 0)),
          low((uint64_t)NOT_SUPPORTED));
    check("psci: this one is on", low(psci(0xc4000004, MRS("mpidr_el1") & 0xffffff, 0, 0)), 0);
    check("psci: the other is off", low(psci(0xc4000004, 1, 0, 0)), 1);
    check("psci: no such processor", low(psci(0xc4000004, 0x777, 0, 0)),
          low((uint64_t)INVALID_PARAMETERS));
    check("psci: affinity of a cluster", low(psci(0xc4000004, 1, 1, 0)), 0);
    check("psci: on twice", low(psci(0xc4000003, 0, (uint64_t)secondary, 0)),
          low((uint64_t)ALREADY_ON));
    check("psci: on of nothing", low(psci(0xc4000003, 0x777, (uint64_t)secondary, 0)),
          low((uint64_t)INVALID_PARAMETERS));
    for (int round = 0; round < 3; round++) {
        slot[0] = 0;
        check("psci: on", psci(0xc4000003, 1, (uint64_t)secondary, (uint64_t)slot), 0);
        WAIT(slot[0]);
        check("psci: ran", slot[0], 1);
        check("psci: itself", slot[1] & 0xffffff, 1);
        WAIT(low(psci(0xc4000004, 1, 0, 0)) == 1);
        check("psci: off again", low(psci(0xc4000004, 1, 0, 0)), 1);
    }
    check("psci: 32-bit migrate", low(psci(0x84000005, 0, 0, 0)), low((uint64_t)NOT_SUPPORTED));
}
