# Fuzzing with libFuzzer on stable Rust: fuzz/run, the targets of src/fuzz.rs. Included by the top-level Makefile.

CHECK_STEPS += check-fuzz

.PHONY: fuzz fuzz-coverage check-fuzz

FUZZ_SECONDS = $(if $(SECONDS),$(SECONDS),60)

fuzz: ## fuzz what strangers send: each target for SECONDS=60, or only TARGET="name ..." (FUZZ="--minimise", ...)
	@scripts/setup.sh rust build
	fuzz/run --seconds $(FUZZ_SECONDS) $(FUZZ) $(TARGET)

fuzz-coverage: ## how much of the parsers the fuzzer's corpus reaches, by file and by folder (COVERAGE="--missing", "--found", "--update")
	@scripts/setup.sh rust build coverage
	fuzz/coverage $(COVERAGE) $(TARGET)

check-fuzz: ## replay the fuzzer's corpus, then fuzz each target for 10 seconds (4 min with the build)
	@scripts/setup.sh rust build
	fuzz/run --seconds 10 --jobs 2
