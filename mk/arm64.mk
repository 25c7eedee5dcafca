# Another processor. Included by the top-level Makefile.

# Not part of `make check`: it needs Rust's library for ARM64, which is not everywhere to be had.
.PHONY: check-arm64
check-arm64: ## clippy and the Rust tests on ARM64, emulated (5 minutes; says what it lacks)
	@tests/emulated/run
