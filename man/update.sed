# SPDX-License-Identifier: BSD-3-Clause
# Puts the list of parameters (man/params.roff, see Local.mk) into pmx-environment.7.
/^\.\\" begin list/,/^\.\\" end list/{
    /^\.\\" begin list/{
        p
        r man/params.roff
        d
    }
    /^\.\\" end list/!d
}
