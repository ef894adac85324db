#!/usr/bin/perl
# What `make install` puts where, that an administrator's exgate.conf survives it, and that the sample is a good one.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Test;
use Test::More;

my $root    = $ENV{EXG_TOP} // '.';
my $staging = temporary_directory();

my $release = ($ENV{EXG_RELEASE} // 'build/release') =~ s{^\Q$root\E/}{}r;
plan(skip_all => "$release/exgate-lmtpd is not built") if !-x "$root/$release/exgate-lmtpd";

# What is built is installed as it is (-o). The outer make's own settings (which tree, which sanitizer) come along in MAKEFLAGS.
sub make_install
{
    return run_program('make', '-s', '-C', $root, '-o', "$release/exgate-lmtpd", '-o', "$release/exgate-milter", 'install', "DESTDIR=$staging", 'PREFIX=/usr', @_);
}

my $result = make_install();
is($result->{status}, 0, 'make install succeeds') or diag($result->{err});
my %mode = (
    'usr/sbin/exgate-lmtpd'                    => 0755,
    'usr/sbin/exgate-milter'                   => 0755,
    'usr/bin/exgate'                           => 0755,
    'usr/share/man/man1/exgate.1'              => 0644,
    'usr/share/man/man8/exgate-lmtpd.8'        => 0644,
    'usr/share/man/man8/exgate-milter.8'       => 0644,
    'usr/share/man/man5/exgate.conf.5'         => 0644,
    'usr/share/man/man7/exgate-maps.7'         => 0644,
    'lib/systemd/system/exgate-lmtpd.service'  => 0644,
    'lib/systemd/system/exgate-lmtpd.socket'   => 0644,
    'lib/systemd/system/exgate-milter.service' => 0644,
    'usr/lib/sysusers.d/exgate.conf'           => 0644,
    'usr/share/bash-completion/completions/exgate' => 0644,
    'etc/exgate/exgate.conf'                   => 0644,
);
for my $path (sort keys %mode) {
    is((stat "$staging/$path")[2] & 07777, $mode{$path}, "$path is there") if ok(-f "$staging/$path", $path);
}
my @all = grep { length } split /\n/, run_program('find', "$staging", '-type', 'f')->{out};
is(scalar @all, scalar keys %mode, 'and nothing else') or diag("@all");
like(slurp("$staging/lib/systemd/system/exgate-lmtpd.service"), qr{^ExecStart=/usr/sbin/exgate-lmtpd }m, 'the unit starts the program');
like(run_program("$staging/usr/sbin/exgate-lmtpd", '--version')->{out}, qr/^exgate-lmtpd \d/, 'which runs');
like(run_program("$staging/usr/sbin/exgate-milter", '--version')->{out}, qr/^exgate-milter \d/, 'the milter too');
like(run_program("$staging/usr/bin/exgate", '--version')->{out}, qr/^exgate \d/, 'as does the tool');

$result = run_program('make', '-s', '-C', $root, 'uninstall', "DESTDIR=$staging", 'PREFIX=/usr');
is($result->{status}, 0, 'make uninstall succeeds') or diag($result->{err});
is(run_program('find', "$staging", '-type', 'f')->{out}, "$staging/etc/exgate/exgate.conf\n", 'and leaves the configuration alone');
make_install();

spew("$staging/etc/exgate/exgate.conf", "mine\n");
make_install('SBINDIR=/opt/exgate/sbin', 'SYSCONFDIR=/opt/exgate/etc');
is(slurp("$staging/etc/exgate/exgate.conf"), "mine\n", 'a second installation leaves exgate.conf alone');
my $unit = slurp("$staging/lib/systemd/system/exgate-lmtpd.service");
like($unit, qr{^ExecStart=/opt/exgate/sbin/exgate-lmtpd --config /opt/exgate/etc/exgate/exgate\.conf$}m, 'the unit follows the program elsewhere');

# The sample, with directories of the test's in place of the system's, and the password as the unit passes it.
my $state = temporary_directory();
my $conf  = spew("$state/exgate.conf", slurp("$root/packaging/common/exgate.conf")
      =~ s{^#(\w+) = /var/lib/exgate}{$1 = $state}gmr);
spew("$state/exchange-password", "secret\n");
local $ENV{CREDENTIALS_DIRECTORY} = "$state";
$result = run_program(program('exgate-lmtpd'), '--config', $conf, '--check-config');
is($result->{status}, 0, 'the sample is a good configuration, once the password is there') or diag($result->{err});
$result = run_program(program('exgate-milter'), '--config', $conf, '--check-config');
is($result->{status}, 0, 'for the milter as well') or diag($result->{err});

done_testing;
