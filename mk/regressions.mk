# The triggers of libzmq's known bugs. Included by the top-level Makefile.

CHECK_STEPS += check-regressions

.PHONY: check-regressions

check-regressions: all ## the triggers of libzmq's known bugs, here and on libzmq 4.3.5 (REGRESSIONS="options")
	@scripts/setup.sh build net kerberos
	ctests/regressions/run $(REGRESSIONS)
