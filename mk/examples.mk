# The examples. Included by the top-level Makefile.

CHECK_STEPS += check-scenarios

.PHONY: check-scenarios

check-scenarios: all ## the programs of examples/ on Debian's libzmq and on this library (SCENARIOS="options and names")
	@scripts/setup.sh build net clients node scenarios
	examples/run --check $(SCENARIOS)
