# Random calls of the whole C interface, with good and bad arguments. Included by the top-level Makefile.

CHECK_STEPS += check-abuse

.PHONY: abuse check-abuse

abuse: all ## random calls with any arguments for SECONDS=60, process after process: none dies or hangs (ABUSE="--seed N", ...)
	@scripts/setup.sh build net
	tests/abuse/run --seconds $(if $(SECONDS),$(SECONDS),60) $(ABUSE)

check-abuse: all ## random calls of all functions with any arguments for 20 seconds
	@scripts/setup.sh build net
	tests/abuse/run --seconds 20 $(ABUSE)
