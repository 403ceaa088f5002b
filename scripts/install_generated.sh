#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Run by 'ninja install': generated files under the names that their readers look for.
set -eu
root=$MESON_INSTALL_DESTDIR_PREFIX
put() { mkdir -p "$(dirname "$root/$2")"; install -m 644 "$MESON_BUILD_ROOT/$1" "$root/$2"; }
put man_sosia.1 share/man/man1/sosia.1
put bash_sosia share/bash-completion/completions/sosia
put zsh__sosia share/zsh/site-functions/_sosia
put fish_sosia.fish share/fish/vendor_completions.d/sosia.fish
for link in "$root"/bin/sosia-system-*; do
    ln -sf sosia.1 "$root/share/man/man1/$(basename "$link").1"
done
