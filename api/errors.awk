# SPDX-License-Identifier: BSD-3-Clause
# What each call may return: a line "CALL PMX_ERR_CODE" for each.
END { for (i = 1; i <= n_calls; i++) for (j = split(errors[i], each, " "); j > 0; j--) print name[i], each[j] }
