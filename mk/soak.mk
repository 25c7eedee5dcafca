# The soak test: every pattern with churn and faults, every message accounted for. Included by the top-level Makefile.

CHECK_STEPS += check-soak

.PHONY: soak check-soak

soak: all ## every pattern with churn and faults for MINUTES=30, every message accounted for (SOAK="--reference", ...)
	@scripts/setup.sh build
	tests/soak/run --minutes $(if $(MINUTES),$(MINUTES),30) $(SOAK)

check-soak: all ## the soak test for 20 seconds
	@scripts/setup.sh build
	tests/soak/run --minutes 0.33 $(SOAK)
