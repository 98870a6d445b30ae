# Debian packages that tests and the demo need: a soft token, token tools, a proxy that takes tokens away, openssl, curl;
# the journal and its tools with a Vietnamese locale to read it in; binutils for bundles of updates.
PACKAGES := softhsm2 opensc opensc-pkcs11 p11-kit p11-kit-modules openssl python3 binutils curl systemd systemd-journal-remote locales
# For side-by-side figures only.
BENCH_PACKAGES := nginx
# For building the second soft token.
TOKEN_PACKAGES := libclang-dev libssl-dev libsqlite3-dev pkg-config
# For building the appliance, and for starting it in virtual machines.
IMAGE_PACKAGES := mmdebstrap git
# For looking at the board; playwright-core and axe-core come from npm, as tests/board/package-lock.json pins them.
BOARD_PACKAGES := chromium fonts-noto-core
IMAGE_TEST_PACKAGES := qemu-system-x86 ovmf swtpm swtpm-tools nmap iproute2
# Repetitions of each row of the power-cut tables in `make soak`: with some 40 rows hundreds of cuts.
SEEDS ?= 20
# Seconds for each fuzz target.
FUZZ_SECONDS ?= 600

# Seconds of each of the 20 absences of the token in `make soak`, ten exchanges at a time.
TOKEN_AWAY ?= 600

CARGO := cargo
# The soft tokens that `make test-tokens` runs the same tests over.
SOFTHSM2 := /usr/lib/softhsm/libsofthsm2.so
KRYOPTIC := $(CURDIR)/target/kryoptic/libkryoptic_pkcs11.so

.PHONY: all setup setup-bench setup-tokens demo demo-2019 test test-tokens bench lint audit soak soak-token fuzz \
	setup-image setup-image-test image image-lock image-test setup-board test-board test-year test-register

all: test

# Installs what is missing and nothing else; run twice it does nothing.
setup:
	@tests/setup $(PACKAGES)

setup-bench: setup
	@tests/setup $(BENCH_PACKAGES)

setup-tokens: setup
	@tests/setup $(TOKEN_PACKAGES)

setup-board: setup
	@tests/setup $(BOARD_PACKAGES)
	@command -v npm >/dev/null || tests/setup nodejs npm

setup-image: setup
	@tests/setup $(IMAGE_PACKAGES)

setup-image-test: setup-image
	@tests/setup $(IMAGE_TEST_PACKAGES)

# The whole exchange on this machine. KEEP=1 leaves it running until Ctrl-C.
demo: setup
	$(CARGO) build --release --locked
	target/release/trucgate demo $(if $(KEEP),--keep)

# The weeks before the opening, as many members and documents as were announced; KEEP=1 as above.
demo-2019: setup
	$(CARGO) build --release --locked
	target/release/trucgate demo 2019 $(if $(KEEP),--keep)

test: setup lint
	$(CARGO) test --workspace --locked

# Everything that touches a token, over SoftHSM2 and over kryoptic.
test-tokens: setup-tokens $(KRYOPTIC)
	@for module in $(SOFTHSM2) $(KRYOPTIC); do \
		echo "== $$module"; \
		TEST_PKCS11_MODULE=$$module $(CARGO) test --locked -p hsm -p trucgate --test token --test signer || exit 1; \
		TEST_PKCS11_MODULE=$$module $(CARGO) test --locked --test exchange -- token:: walk:: || exit 1; \
	done

# Built as the released crate is; cargo alone knows under which name it puts a dependency's shared object.
$(KRYOPTIC): tests/kryoptic/Cargo.toml tests/kryoptic/Cargo.lock
	@mkdir -p $(@D)
	cd tests/kryoptic && $(CARGO) build --release --locked --target-dir $(@D) --message-format json-render-diagnostics \
		| sed -n 's/.*"filenames":\["\([^"]*kryoptic_pkcs11[^"]*\.so\)"\].*/\1/p' > $(@D)/built
	cp "$$(tail -n 1 $(@D)/built)" $@

# Every page in Chromium, with screenshots in target/board; built as it is released, since pages have 100 ms.
test-board: setup-board
	cd tests/board && npm ci --no-audit --no-fund
	$(CARGO) test --release --locked --test exchange -- --ignored board::

# Any window over a year of a million documents, built as it is released.
test-year:
	$(CARGO) test --release --locked --lib -- --ignored --nocapture hub::statistics

# A register of 120,000 members at a running hub and its boxes: memory, look-ups, differences.
test-register: setup
	$(CARGO) test --locked --test exchange -- --ignored --nocapture directory::

lint:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked

# Figures beside nginx, as a table and in target/bench.json. BENCH_SECONDS (60) is the steady part of each run,
# BENCH_ROWS names the only rows to be taken, such as to_hub.4k,relay.
bench: setup-bench
	$(CARGO) bench --locked --bench exchange

# The token away for long, then the power-cut table hundreds of times over: apart, since each return has to be prompt.
soak: setup soak-token
	TRUCGATE_SEEDS=$(SEEDS) $(CARGO) test --workspace --locked

# The token away for ten minutes, 20 times; takes two absences and some minutes.
soak-token: setup
	TRUCGATE_SEEDS=20 TRUCGATE_TOKEN_AWAY=$(TOKEN_AWAY) $(CARGO) test --locked --test exchange -- \
		--nocapture a_token_taken_away_under_load_is_waited_for

# Licences, sources, bans and, where their database can be reached, advisories.
audit:
	@command -v cargo-deny >/dev/null || $(CARGO) install cargo-deny --locked
	cargo-deny --locked check bans licenses sources
	@if cargo-deny --locked fetch db; then \
		cargo-deny --locked check advisories; \
	else \
		echo "SKIPPED: the advisory database can't be reached, known vulnerabilities stay unchecked" >&2; \
	fi

# Every fuzz target in turn; RUSTC_BOOTSTRAP because sanitizers need more than a stable compiler allows.
fuzz:
	@command -v cargo-fuzz >/dev/null || $(CARGO) install cargo-fuzz --locked
	@cd tests/fuzz && for target in $$(RUSTC_BOOTSTRAP=1 cargo fuzz list --fuzz-dir .); do \
		echo "== $$target"; \
		RUSTC_BOOTSTRAP=1 cargo fuzz run --fuzz-dir . "$$target" -- -max_total_time=$(FUZZ_SECONDS) || exit 1; \
	done

# The appliance as a disk image and as the bundle of an update, below target/image/built; as root. image/README.md says what it is.
image: setup-image
	$(CARGO) build --release --locked
	image/build

# The newest packages, for image/*.lock.
image-lock: setup-image
	image/lock

# The image in virtual machines; some five hours where KVM does not work.
image-test: setup-image-test image
	image/tests/run
