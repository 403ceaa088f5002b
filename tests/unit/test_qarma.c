/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QARMA5: the example of the paper (table 5), and both implementations on random operands. */
#include <glib.h>

#include "target/arm/qarma.h"

static void test_example(void)
{
    g_assert_cmphex(qarma5_portable(0xfb623599da6e8127, 0x477d469dec0b8762, 0x84be85ce9804e94b,
                                    0xec2802d4e0a488e9), ==, 0xc003b93999b33765);
}

static uint64_t random64(void)
{
    return (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
}

static void test_same(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        uint64_t text = random64(), tweak = random64(), w0 = random64(), k0 = random64();
        g_assert_cmphex(qarma5(text, tweak, w0, k0), ==, qarma5_portable(text, tweak, w0, k0));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qarma/example", test_example);
    g_test_add_func("/qarma/same", test_same);
    return g_test_run();
}
