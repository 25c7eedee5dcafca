# The Debian package. Included by the top-level Makefile.

CHECK_STEPS += check-deb

.PHONY: deb check-deb

deb: all ## a Debian package that takes the place of libzmq5 and libzmq3-dev
	@scripts/setup.sh build
	@scripts/deb

check-deb: all ## whether apt would install the Debian package in place of libzmq5
	@scripts/setup.sh build
	@scripts/deb --check
