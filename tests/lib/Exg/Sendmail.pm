# Exg::Sendmail - a private Sendmail: own configuration, queue and port. It is not installed (it conflicts with Postfix), but
# unpacked by packaging/install-deps. Needs root.
#   my $sendmail = Exg::Sendmail->new;
#   $sendmail->start(milters => { exgate => "S=unix:$socket, F=T, T=S:10s;R:10s" }, lmtp => 'unix:/path', mc => ['FEATURE(…)', …],
#                    rules => [lines after the mailers]);
# Mail for example.test goes to exgate-lmtpd at `lmtp`, also inet:127.0.0.1:PORT, by the recipe of exgate-lmtpd(8).
package Exg::Sendmail;

use strict;
use warnings;
use Exg::Lmtp;
use Exg::Postfix;
use Exg::Test;
use IO::Socket::INET;
use Test::More;

my $root = '/var/cache/exgate-tests/sendmail';

sub need
{
    need_root();
    need_program($_) for qw(m4 unshare);
    plan(skip_all => "Sendmail is not unpacked in $root (packaging/install-deps)") if !-x "$root/usr/libexec/sendmail/sendmail";
}

sub new
{
    my ($class) = @_;
    need();
    my $directory = temporary_directory();
    mkdir "$directory/mqueue", 0700 or die "$directory/mqueue: $!";
    spew("$directory/$_", '') for qw(aliases helpfile statistics);
    spew("$directory/service.switch", "hosts files\naliases files\npasswd files\n");
    return bless { directory => $directory }, $class;
}

# What exgate-lmtpd(8) has for Sendmail: { features, mailer, mailertable }, for example.test and the socket at `address`.
sub recipe
{
    my ($address) = @_;
    my ($text)  = slurp(($ENV{EXG_TOP} // '.') . '/lmtp/exgate-lmtpd.8') =~ /^\.Ss Sendmail\n(.*?)^\.S[hs] /ms;
    my @parts   = $text =~ /^\.Bd -literal.*?\n(.*?)^\.Ed\n/gms;
    my ($tcp)   = $text =~ /^\.Ql (A=TCP .*?)(?: [.,;])?$/m;
    die "exgate-lmtpd(8) has no recipe for Sendmail\n" if @parts != 3 || !defined $tcp;
    my $argument = $address =~ /^unix:(.*)/ ? "A=FILE $1" : $tcp =~ s/ 2424$/' ' . $address =~ s{.*:}{}r/er;
    $parts[1] =~ s{A=FILE /run/exgate/lmtp\.sock$}{$argument}m or die 'no socket in the recipe';
    s/example\.com/example.test/g for @parts;
    my %recipe;
    @recipe{qw(features mailer mailertable)} = @parts;
    return %recipe;
}

sub configuration
{
    my ($self, %options) = @_;
    my $directory = "$self->{directory}";
    my %milters   = %{ $options{milters} // {} };
    my %recipe    = recipe($options{lmtp});
    # a busy machine is no reason to do anything else than on an idle one
    my @mc = (
        'divert(0)dnl', "OSTYPE(`linux')",
        (map { "define(`$_->[0]', `$_->[1]')" }
            ['ALIAS_FILE', "$directory/aliases"], ['HELP_FILE', "$directory/helpfile"], ['STATUS_FILE', "$directory/statistics"],
            ['QUEUE_DIR', "$directory/mqueue"], ['confPID_FILE', "$directory/sendmail.pid"], ['confDOMAIN_NAME', 'mta.test'],
            ['confTO_IDENT', '0'], ['confDONT_PROBE_INTERFACES', 'True'], ['confSERVICE_SWITCH_FILE', "$directory/service.switch"],
            ['confHOSTS_FILE', '/etc/hosts'], ['confREFUSE_LA', '10000'], ['confQUEUE_LA', '10000'], ['confDELAY_LA', '10000'],
            ['confMIN_FREE_BLOCKS', '0'], ['confBAD_RCPT_THROTTLE', '0'], ['confMAX_MESSAGE_SIZE', '60000000'],
            ['confDONT_BLAME_SENDMAIL', 'GroupWritableDirPathSafe,WorldWritableAliasFile,TrustStickyBit'],
            ['confSMTP_LOGIN_MSG', 'mta.test'],
            ['confDELIVERY_MODE', 'interactive'], ['MAIL_SETTINGS_DIR', "$directory/"]),
        "undefine(`confCW_FILE')dnl",
        (map { "FEATURE(`$_')" } qw(nocanonify no_default_msa accept_unresolvable_domains accept_unqualified_senders)),
        "DAEMON_OPTIONS(`Port=$self->{port}, Addr=127.0.0.1, Name=MTA')",
        (map { "INPUT_MAIL_FILTER(`$_', `$milters{$_}')" } sort keys %milters),
        @{ $options{mc} // [] },
        $recipe{features},
        "MAILER(`smtp')",
        $recipe{mailer},
        @{ $options{rules} // [] },
    );
    spew("$directory/sendmail.mc", join '', map { "$_\n" } @mc);
    my $cf = "$root/usr/share/sendmail/cf";
    my $made = run_program('m4', "-D_CF_DIR_=$cf/", "$cf/m4/cf.m4", "$directory/sendmail.mc");
    die "m4: $made->{err}\n" if $made->{status} != 0 || $made->{out} !~ /^O QueueDirectory/m;
    spew("$directory/sendmail.cf", $made->{out}, 0644);
    spew("$directory/mailertable", $recipe{mailertable});
    my $map = run_program('sh', '-c', "$root/usr/libexec/sendmail/makemap -C $directory/sendmail.cf hash $directory/mailertable < $directory/mailertable");
    die "makemap: $map->{err}\n" if $map->{status} != 0;
}

# With a host name that has no dot Sendmail sleeps for a minute before it reads its configuration.
sub command
{
    my ($self, @arguments) = @_;
    return ('unshare', '--uts', 'sh', '-c', 'hostname mta.test && exec "$@"', 'sh', "$root/usr/libexec/sendmail/sendmail",
        '-C', "$self->{directory}/sendmail.cf", '-X', "$self->{directory}/traffic", @arguments);
}

sub start
{
    my ($self, %options) = @_;
    my $directory = "$self->{directory}";
    # somebody else may have taken the free port meanwhile
    for my $attempt (1 .. 5) {
        $self->{port} = Exg::Postfix::free_port();
        $self->configuration(%options);
        $self->{process} = Exg::Process->start(command => [$self->command('-bD')], log => "$directory/output");
        my $up = wait_until('Sendmail is up or has failed', sub {
            return 'no' if !$self->{process}->is_running;
            return 'yes' if IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port});
        });
        return $self if $up eq 'yes';
    }
    diag(slurp("$directory/output"));
    die "Sendmail does not start\n";
}

# An SMTP connection that has said EHLO.
sub client
{
    my ($self, %options) = @_;
    my $smtp = Exg::Lmtp->new("inet:127.0.0.1:$self->{port}", %options);
    $smtp->command('EHLO client.test');
    return $smtp;
}

# What was said to and by everybody, for a person.
sub traffic
{
    my ($self) = @_;
    return -e "$self->{directory}/traffic" ? slurp("$self->{directory}/traffic") : '';
}

sub queued
{
    my ($self) = @_;
    return scalar grep { m{/qf[^/]+$} } files_in("$self->{directory}/mqueue");
}

# Tries once to deliver what is queued, and waits for the end of that.
sub flush
{
    my ($self) = @_;
    my $run = run_program($self->command('-q'));
    die "sendmail -q: $run->{err}\n" if $run->{status} != 0;
}

# It acts on SIGTERM only when it wakes up by itself, after as much as a minute: it is killed, with its children.
sub stop
{
    my ($self) = @_;
    my $group = $self->{process}{pid};
    ok($self->{process}->is_running, 'Sendmail has run to the end') or diag(slurp("$self->{directory}/output"));
    kill 'KILL', -$group;
    $self->{process}->wait_for_end;
    wait_until('Sendmail is gone', sub { !grep { $_->{group} == $group && $_->{state} ne 'Z' } processes() });
}

1;
