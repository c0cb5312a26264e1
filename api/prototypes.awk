# SPDX-License-Identifier: BSD-3-Clause
# The C prototypes, as the headers must have them.
END {
    if (failed) exit 1
    for (i = 1; i <= n_calls; i++) print prototype(i, "")
}
