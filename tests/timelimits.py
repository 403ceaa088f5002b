# SPDX-License-Identifier: GPL-2.0-or-later
"""How long a test waits for what must come, before it says that it does not.

A wait ends as soon as what it waits for is there, so a limit costs time only where something hangs;
it is so long that neither a busy machine nor a sanitizer's build reaches it.
"""
import os

SLOW = float(os.environ.get("SOSIA_TEST_SLOWNESS", "6"))
LIMIT = 60 * SLOW       # seconds
