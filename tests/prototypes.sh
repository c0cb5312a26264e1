# SPDX-License-Identifier: BSD-3-Clause
# shellcheck shell=bash
# What tests read out of headers; behind tests/lib.sh.

# One declaration a line, white space only where C needs it.
normalise() { sed 's/[[:space:]]\{1,\}/ /g; s/ *\([][*&(){},;=]\) */\1/g; s/^ //; s/ $//'; }

# The header on one line, without comments, preprocessor lines and namespace detail.
flat() {
    sed '/^namespace detail {/,/^}  \/\/ namespace detail/d; /^#/d' "$1" |
        awk '{ text = text $0 " " }
             END {
                 while (i = index(text, "/*")) {
                     rest = substr(text, i + 2)
                     text = substr(text, 1, i - 1) " " substr(rest, index(rest, "*/") + 2)
                 }
                 print text
             }'
}

# The exported functions that a header declares, normalised, one a line.
prototypes() { flat "$1" | grep -o 'PMX_API [^;]*;' | sed 's/^PMX_API //' | normalise; }
