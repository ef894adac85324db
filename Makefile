# exgate: one Makefile, no recursion. `make help` lists the targets.
#
# Object trees keep the release free of test seams:
#   build/release   what gets installed
#   build/check     the same sources with -DEXG_TEST_SEAMS (movable clock, fail points), and the tests
#   build/fuzz      those once more, by clang for libFuzzer
# Variables: V=1 shows commands, DEVELOPER=1 turns warnings into errors, SANITIZE=address,undefined
# instruments everything (in a tree of its own), DESTDIR and PREFIX place the installation.
# Settings for one machine go into config.mak, which is not tracked.

VERSION := 0.1.0
-include config.mak

PREFIX     ?= /usr/local
SBINDIR    ?= $(PREFIX)/sbin
BINDIR     ?= $(PREFIX)/bin
MANDIR     ?= $(PREFIX)/share/man
SYSCONFDIR ?= /etc
UNITDIR    ?= /lib/systemd/system
SYSUSERSDIR ?= /usr/lib/sysusers.d
COMPLETIONDIR ?= $(PREFIX)/share/bash-completion/completions

CC         ?= cc
PKG_CONFIG ?= pkg-config
PROVE      ?= prove
JOBS       ?= $(shell nproc)
CFLAGS     ?= -O2 -g
VALGRIND   ?= valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
              --num-callers=40 --suppressions=$(CURDIR)/tests/valgrind.supp
SCHEMA_DIR ?= ../shared/ews-schema
V          ?= 0

PACKAGES := glib-2.0 gio-2.0 gio-unix-2.0 gnutls libcurl libxml-2.0 sqlite3 json-glib-1.0 krb5-gssapi
MILTER_PACKAGES := milter
HAVE_PACKAGES := $(shell $(PKG_CONFIG) --exists $(PACKAGES) $(MILTER_PACKAGES) 2>/dev/null && echo yes)
# demo, check and bench begin on a bare machine; make starts over once the libraries are there.
BARE_GOALS := demo check conformance torture memory auth-long bench valgrind
ifneq ($(HAVE_PACKAGES),yes)
ifneq ($(filter-out $(BARE_GOALS) clean uninstall help install-deps,$(or $(MAKECMDGOALS),all)),)
$(error Libraries are missing: run packaging/install-deps first)
endif
endif

WARNINGS := -Wall -Wextra -Wno-unused-parameter -Wmissing-prototypes -Wstrict-prototypes \
            -Wpointer-arith -Wformat=2 -Wvla -Wshadow -Wwrite-strings -Wundef
ifeq ($(DEVELOPER),1)
WARNINGS += -Werror
endif
HARDENING := -fstack-protector-strong -fPIE -D_FORTIFY_SOURCE=2
LINK_HARDENING := -pie -Wl,-z,relro,-z,now
TREE :=
ifdef SANITIZE
comma := ,
TREE := -$(subst $(comma),-,$(SANITIZE))
HARDENING := -fPIE -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
LINK_HARDENING := -pie -fsanitize=$(SANITIZE)
endif

ALL_CFLAGS = -std=gnu11 -I. -D_GNU_SOURCE -DEXG_VERSION='"$(VERSION)"' -DG_LOG_DOMAIN='"exgate"' \
             -DGLIB_VERSION_MIN_REQUIRED=GLIB_VERSION_2_68 $(WARNINGS) $(HARDENING) \
             $(PACKAGE_CFLAGS) $(CFLAGS) $(CPPFLAGS)
ALL_LDFLAGS = $(LINK_HARDENING) $(LDFLAGS)
PACKAGE_CFLAGS := $(shell $(PKG_CONFIG) --cflags $(PACKAGES))
LIBS := $(shell $(PKG_CONFIG) --libs $(PACKAGES))
MILTER_LIBS := $(shell $(PKG_CONFIG) --libs $(MILTER_PACKAGES))

RELEASE := build/release$(TREE)
CHECK   := build/check$(TREE)
FUZZ    := build/fuzz
# farther-reaching make rules (tests, demo, bench) find the programs here
export EXG_TOP := $(CURDIR)
export EXG_BUILD := $(CURDIR)/$(CHECK)
export EXG_RELEASE := $(CURDIR)/$(RELEASE)
export EXG_SCHEMA := $(abspath $(SCHEMA_DIR))
export EXG_SANITIZE := $(SANITIZE)

# --- what is built from what ------------------------------------------------------------------

COMMON_SRC := $(sort $(wildcard common/*/*.c common/*/*/*.c))
LMTP_SRC   := $(sort $(wildcard lmtp/*.c))
MILTER_SRC := $(sort $(wildcard milter/*.c))
CLI_SRC    := $(sort $(wildcard cli/*.c))
SIM_SRC    := $(sort $(wildcard tests/exchange-sim/*.c))
BENCH_SRC  := $(sort $(wildcard tests/bench/*.c))
TESTLIB_SRC := $(sort $(wildcard tests/lib/*.c))
UNIT_SRC   := $(sort $(wildcard tests/unit/*/*.c tests/unit/*/*/*.c))
FUZZ_SRC   := $(sort $(wildcard tests/fuzz/*.c))
PROGRAMS   := exgate-lmtpd exgate-milter exgate exchange-sim

objects = $(patsubst %.c,$(2)/%.o,$(1))
SOURCES := $(COMMON_SRC) $(LMTP_SRC) $(MILTER_SRC) $(CLI_SRC) $(SIM_SRC) $(BENCH_SRC) $(TESTLIB_SRC) $(UNIT_SRC) $(FUZZ_SRC)

ifeq ($(V),0)
say = @printf '  %-5s %s\n' $(1) $@;
else
say =
endif

.PHONY: all check conformance torture memory auth-long valgrind fuzz fuzz-compiler demo bench install uninstall clean help install-deps test-tools \
        programs-check tests-build FORCE
.DELETE_ON_ERROR:
.SECONDARY:

all: $(addprefix $(RELEASE)/,$(PROGRAMS))

# A tree is rebuilt when the flags it was built with change; they may differ from tree to tree.
define tree
$(1)/flags: FORCE
	@mkdir -p $(1)
	@echo '$$(CC) $$(subst ','\'',$$(ALL_CFLAGS) $(2) $$(ALL_LDFLAGS))' | cmp -s - $$@ || \
	 echo '$$(CC) $$(subst ','\'',$$(ALL_CFLAGS) $(2) $$(ALL_LDFLAGS))' > $$@

$(1)/%.o: %.c $(1)/flags
	@mkdir -p $$(@D)
	$$(call say,CC)$$(CC) $$(ALL_CFLAGS) $(2) -MMD -MP -MF $$(@:.o=.d) -c -o $$@ $$<

$(1)/libexgate.a: $(call objects,$(COMMON_SRC),$(1))
	@rm -f $$@
	$$(call say,AR)$(AR) rcs $$@ $$^

$(1)/exgate-lmtpd: $(call objects,$(LMTP_SRC),$(1)) $(1)/libexgate.a
$(1)/exgate-milter: $(call objects,$(MILTER_SRC),$(1)) $(1)/libexgate.a
$(1)/exgate-milter: MORE_LIBS = $(MILTER_LIBS)
$(1)/exgate: $(call objects,$(CLI_SRC),$(1)) $(1)/libexgate.a
$(1)/exchange-sim: $(call objects,$(SIM_SRC),$(1)) $(1)/libexgate.a
$(addprefix $(1)/,$(PROGRAMS)):
	$$(call say,LINK)$$(CC) $$(ALL_LDFLAGS) -o $$@ $$^ $$(LIBS) $$(MORE_LIBS)
endef
$(eval $(call tree,$(RELEASE),))
$(eval $(call tree,$(CHECK),-DEXG_TEST_SEAMS=1))
$(eval $(call tree,$(FUZZ),-DEXG_TEST_SEAMS=1))

-include $(foreach tree,$(RELEASE) $(CHECK) $(FUZZ),$(patsubst %.c,$(tree)/%.d,$(SOURCES)))

# --- tests ------------------------------------------------------------------------------------

UNIT_TESTS := $(patsubst tests/unit/%.c,$(CHECK)/tests/unit/%.t,$(UNIT_SRC))
# A unit test of a program links the program's objects, without its main().
LMTP_PARTS := $(filter-out $(CHECK)/lmtp/main.o,$(call objects,$(LMTP_SRC),$(CHECK)))
MILTER_PARTS := $(filter-out $(CHECK)/milter/main.o,$(call objects,$(MILTER_SRC),$(CHECK)))
CLI_PARTS  := $(filter-out $(CHECK)/cli/main.o,$(call objects,$(CLI_SRC),$(CHECK)))
SIM_PARTS  := $(filter-out $(CHECK)/tests/exchange-sim/main.o,$(call objects,$(SIM_SRC),$(CHECK)))
$(CHECK)/tests/unit/lmtp/%.t: EXTRA = $(LMTP_PARTS)
$(filter $(CHECK)/tests/unit/lmtp/%.t,$(UNIT_TESTS)): $(LMTP_PARTS)
$(CHECK)/tests/unit/milter/%.t: EXTRA = $(MILTER_PARTS)
$(CHECK)/tests/unit/milter/%.t: MORE_LIBS = $(MILTER_LIBS)
$(filter $(CHECK)/tests/unit/milter/%.t,$(UNIT_TESTS)): $(MILTER_PARTS)
$(CHECK)/tests/unit/cli/%.t: EXTRA = $(CLI_PARTS)
$(filter $(CHECK)/tests/unit/cli/%.t,$(UNIT_TESTS)): $(CLI_PARTS)
$(CHECK)/tests/unit/exchange-sim/%.t: EXTRA = $(SIM_PARTS)
$(filter $(CHECK)/tests/unit/exchange-sim/%.t,$(UNIT_TESTS)): $(SIM_PARTS)
# Those that run the simulated Exchange beside them.
SIM_TESTS := $(patsubst %.c,$(CHECK)/%.t,$(shell grep -l 'tests/lib/sim.h' $(UNIT_SRC)))
$(SIM_TESTS): | $(CHECK)/exchange-sim
$(CHECK)/tests/unit/%.t: $(CHECK)/tests/unit/%.o $(call objects,$(TESTLIB_SRC),$(CHECK)) $(CHECK)/libexgate.a
	$(call say,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $< $(EXTRA) $(filter $(CHECK)/tests/lib/%.o,$^) $(CHECK)/libexgate.a $(LIBS) $(MORE_LIBS)

SCRIPT_TESTS := $(sort $(wildcard tests/lint/*.t tests/system/*.t))
# A fuzz target twice: with a driver that replays a corpus, for `make check`, and with libFuzzer, for `make fuzz`.
FUZZERS := $(filter-out driver,$(patsubst tests/fuzz/%.c,%,$(FUZZ_SRC)))
# what the milter's targets need; the rest of it would want libmilter
MAP_PARTS := $(patsubst %,$(CHECK)/milter/%.o,map policy-service socketmap tcp-table)
REPLAYS := $(addprefix $(CHECK)/tests/fuzz/,$(FUZZERS))
$(REPLAYS): %: %.o $(CHECK)/tests/fuzz/driver.o $(LMTP_PARTS) $(MAP_PARTS) $(CHECK)/libexgate.a
	$(call say,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(addprefix $(FUZZ)/tests/fuzz/,$(FUZZERS)): %: %.o $(LMTP_PARTS:$(CHECK)/%=$(FUZZ)/%) $(MAP_PARTS:$(CHECK)/%=$(FUZZ)/%) $(FUZZ)/libexgate.a
	$(call say,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

# `make fuzz T='dot conf'` fuzzes just those
FUZZ_T := $(or $(T:%=fuzz_%),$(FUZZERS))
# T='tests/lint/layers.t tests/unit/io/engine.c …' runs just those
T ?= $(UNIT_TESTS) $(SCRIPT_TESTS)
override T := $(T:tests/unit/%.c=$(CHECK)/tests/unit/%.t)

programs-check: $(addprefix $(CHECK)/,$(PROGRAMS))
# A unit test is a program of its own; a script may run any of the others.
tests-build: $(if $(filter-out $(UNIT_TESTS),$(T)),all programs-check $(UNIT_TESTS) $(REPLAYS),$(T))

ifeq ($(HAVE_PACKAGES),yes)

check: test-tools tests-build
	$(PROVE) --failures --timer -j$(JOBS) --exec tests/tap-exec $(T)

# Which tests show which of the numbered behaviours: CONFORMANCE.md of the directories, from a run of all tests.
conformance: test-tools tests-build
	rm -rf $(CHECK)/tap
	mkdir -p $(CHECK)/tap
	EXG_NO_SKIP=1 EXG_TAP_DIR=$(CURDIR)/$(CHECK)/tap $(PROVE) --failures -j$(JOBS) --exec tests/tap-exec \
	    $(filter-out tests/lint/%,$(T))
	tests/conformance/generate $(CHECK)/tap

# TORTURE_SEED, TORTURE_MESSAGES, TORTURE_KILLS and TORTURE_SECONDS are explained in the test.
torture: test-tools programs-check
	EXG_NO_SKIP=1 EXG_TEST_TIMEOUT=7200 $(PROVE) --verbose --timer --exec tests/tap-exec tests/torture/torture.t

# The memory test in full: 100 messages of 25 MB at once.
memory: test-tools programs-check
	EXG_NO_SKIP=1 EXG_MEMORY=full EXG_TEST_TIMEOUT=3600 $(PROVE) --verbose --timer --exec tests/tap-exec tests/system/lmtpd-memory.t

# 10,000 requests each over Kerberos and NTLM, on connections that are dropped again and again.
auth-long: test-tools programs-check
	EXG_NO_SKIP=1 EXG_AUTH_REQUESTS=10000 EXG_TEST_TIMEOUT=7200 $(PROVE) --verbose --timer --exec tests/tap-exec tests/system/auth-lasting.t

# Memory errors and leaks, of the unit tests and of exgate-lmtpd in whole dialogues.
valgrind: test-tools tests-build
	EXG_VALGRIND='$(VALGRIND)' EXG_TEST_TIMEOUT=1200 $(PROVE) --failures --timer -j$(JOBS) \
	    --exec tests/tap-exec $(UNIT_TESTS) tests/system/lmtpd-dialogue.t

# Everything here is compiled by clang, with instruments for libFuzzer.
FUZZ_CC ?= clang
FUZZ_SANITIZE := address,undefined
$(FUZZ)/%: override CC := $(FUZZ_CC)
$(FUZZ)/%: WARNINGS := -w
$(FUZZ)/%: HARDENING := -fPIE -fsanitize=fuzzer-no-link,$(FUZZ_SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer
$(FUZZ)/%: LINK_HARDENING := -pie -fsanitize=fuzzer,$(FUZZ_SANITIZE)
$(FUZZ)/flags: | fuzz-compiler

fuzz-compiler:
	@mkdir -p $(FUZZ)
	@echo 'int LLVMFuzzerTestOneInput(const char *data, unsigned long size) { return !data && size; }' | \
	 $(FUZZ_CC) -fsanitize=fuzzer,$(FUZZ_SANITIZE) -x c -o $(FUZZ)/probe - || { \
	 echo 'make fuzz needs clang with its runtime. On Debian 12: apt-get install clang libclang-rt-14-dev' >&2; exit 1; }

# FUZZ_SECONDS=600 for each target, T='dot conf' for those two
fuzz: $(FUZZ_T:%=$(FUZZ)/tests/fuzz/%)
	@tests/fuzz/run $(FUZZ) $(FUZZ_T)

demo: $(RELEASE)/exgate-lmtpd $(RELEASE)/exchange-sim
	@tests/demo.sh

BENCHES := $(patsubst %.c,$(RELEASE)/%,$(BENCH_SRC))
$(BENCHES): %: %.o $(RELEASE)/libexgate.a
	$(call say,LINK)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS) $(MILTER_LIBS)

# BENCH='10K/10s 1M/1s/10r/50ms' runs those cells only (tests/bench/run explains them), ROUNDS=5 more rounds
bench: test-tools all $(BENCHES)
	@tests/bench/transport
	@tests/bench/discover
	@tests/bench/milter
	@tests/bench/run

else

$(BARE_GOALS):
	@packaging/install-deps --build
	@$(MAKE) --no-print-directory HAVE_PACKAGES=yes $@

endif

# For root on Debian nothing is skipped for want of a tool. Elsewhere tests skip, and say why.
test-tools:
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then packaging/install-deps --test; fi

install-deps:
	@packaging/install-deps

# --- installation -----------------------------------------------------------------------------

# Units name the program and the configuration where they are installed; an existing exgate.conf stays.
PLACED = sed -e 's,/usr/sbin/,$(SBINDIR)/,g' -e 's,/etc/exgate/,$(SYSCONFDIR)/exgate/,g'

install: $(RELEASE)/exgate-lmtpd $(RELEASE)/exgate-milter $(RELEASE)/exgate
	install -d $(DESTDIR)$(SBINDIR) $(DESTDIR)$(BINDIR) $(DESTDIR)$(MANDIR)/man8 \
	           $(DESTDIR)$(MANDIR)/man5 $(DESTDIR)$(MANDIR)/man1 $(DESTDIR)$(MANDIR)/man7 $(DESTDIR)$(SYSCONFDIR)/exgate \
	           $(DESTDIR)$(UNITDIR) $(DESTDIR)$(SYSUSERSDIR) $(DESTDIR)$(COMPLETIONDIR)
	install -m 755 $(RELEASE)/exgate-lmtpd $(RELEASE)/exgate-milter $(DESTDIR)$(SBINDIR)/
	install -m 755 $(RELEASE)/exgate $(DESTDIR)$(BINDIR)/
	install -m 644 cli/exgate.1 $(DESTDIR)$(MANDIR)/man1/
	install -m 644 cli/exgate.bash-completion $(DESTDIR)$(COMPLETIONDIR)/exgate
	install -m 644 lmtp/exgate-lmtpd.8 milter/exgate-milter.8 $(DESTDIR)$(MANDIR)/man8/
	install -m 644 common/exgate.conf.5 $(DESTDIR)$(MANDIR)/man5/
	install -m 644 milter/exgate-maps.7 $(DESTDIR)$(MANDIR)/man7/
	for unit in exgate-lmtpd.service exgate-lmtpd.socket exgate-milter.service; do \
	    $(PLACED) packaging/common/$$unit > $(DESTDIR)$(UNITDIR)/$$unit || exit 1; done
	install -m 644 packaging/common/exgate.sysusers $(DESTDIR)$(SYSUSERSDIR)/exgate.conf
	test -e $(DESTDIR)$(SYSCONFDIR)/exgate/exgate.conf || \
	    install -m 644 packaging/common/exgate.conf $(DESTDIR)$(SYSCONFDIR)/exgate/

# What install has put there. The configuration and /var/lib/exgate stay.
uninstall:
	rm -f $(addprefix $(DESTDIR)$(SBINDIR)/,exgate-lmtpd exgate-milter) $(DESTDIR)$(BINDIR)/exgate \
	      $(addprefix $(DESTDIR)$(MANDIR)/,man1/exgate.1 man5/exgate.conf.5 man7/exgate-maps.7 man8/exgate-lmtpd.8 man8/exgate-milter.8) \
	      $(addprefix $(DESTDIR)$(UNITDIR)/,exgate-lmtpd.service exgate-lmtpd.socket exgate-milter.service) \
	      $(DESTDIR)$(SYSUSERSDIR)/exgate.conf $(DESTDIR)$(COMPLETIONDIR)/exgate

clean:
	rm -rf build

help:
	@sed -n 's/^# \{0,1\}//p;/^$$/q' Makefile
	@echo 'Targets: all check conformance torture memory auth-long valgrind fuzz demo bench install uninstall install-deps clean'

FORCE:
