# What fails around the library: calls, descriptors, memory, peers, the network, the clock. About a minute.
# Included by the top-level Makefile.

CHECK_STEPS += check-faults
.PHONY: check-faults
check-faults: all ## calls fail with every errno, descriptors run out, peers die: the library goes on (FAULTS="options")
	@scripts/setup.sh build net kerberos faults
	ctests/faults/run $(FAULTS)
