# SPDX-License-Identifier: BSD-3-Clause
# Fabrics made out of one machine: rdma-vm, a virtual machine with two verbs devices; hosts, network namespaces
# with a switch between them. The heads of both say how to use them by hand.

EXTRA_DIST += tests/lab/hosts tests/lab/hosts.sh tests/lab/in_vm.sh tests/lab/rdma-vm
dist_check_SCRIPTS += tests/lab/labs.test
TESTS += tests/lab/labs.test

check_PROGRAMS += tests/lab/switch
tests_lab_switch_SOURCES = tests/lab/switch.cc
