# SPDX-License-Identifier: BSD-3-Clause
# Fabrics made out of one machine: rdma-vm, a virtual machine with two verbs devices; hosts, network namespaces
# with a switch between them. The heads of both say how to use them by hand.

EXTRA_DIST += tests/lab/hosts tests/lab/hosts.sh tests/lab/in_vm.sh tests/lab/rdma-vm
dist_check_SCRIPTS += tests/lab/labs.test
TESTS += tests/lab/labs.test

check_PROGRAMS += tests/lab/switch
tests_lab_switch_SOURCES = tests/lab/switch.cc

# The tests that need a lab, the conformance suite over verbs with ten times the operations.
lab_tests = tests/lab/labs.test tests/proxy/verbs.test tests/proxy/conformance_verbs.test tests/moe/layer_verbs.test \
	tests/moe/layer_verbs_rxm.test tests/moe/layer_hosts.test tests/tools/moe_lost_host.test \
	tests/faults/faults_hosts.test tests/faults/faults_verbs.test
check-lab:
	PMX_TEST_LONG=10 $(MAKE) check TESTS='$(lab_tests)'
.PHONY: check-lab
