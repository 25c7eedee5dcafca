# The examples. Included by the top-level Makefile. They take about 45 s on two processors, most of it waiting.

CHECK_STEPS += check-scenarios

.PHONY: check-scenarios

check-scenarios: all ## the programs of examples/ on Debian's libzmq and on this library (SCENARIOS="options and names")
	@scripts/setup.sh build net clients node scenarios
	examples/run --check $(SCENARIOS)
