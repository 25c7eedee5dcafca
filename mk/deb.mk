# The Debian package, and the other ways to install. Included by the top-level Makefile.

CHECK_STEPS += check-deb

.PHONY: deb check-deb

deb: all ## a Debian package that takes the place of libzmq5 and libzmq3-dev
	@scripts/setup.sh build
	@$(BUILT) scripts/deb

# In a copy of this system that is thrown away, or of the one below DEB_ROOT; needs root. Half a minute.
check-deb: all ## install the Debian package, run Debian's bindings on it with nothing set, purge it (DEB_ROOT=folder of a system)
	@scripts/setup.sh build debian clients languages
	@$(BUILT) scripts/deb --check
	@tests/install/deb $(TARGET_DIR)$(if $(PORTABLE),/portable)/debian/oxizmq_*.deb $(DEB_ROOT)

.PHONY: check-cinstall

# Not part of `make check`: cargo-c takes ten minutes to compile, once.
check-cinstall: ## install by `cargo cinstall` (cargo-c); build and run programs with what it installed
	@scripts/setup.sh rust build
	@tests/install/cinstall
