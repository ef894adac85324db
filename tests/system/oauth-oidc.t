#!/usr/bin/perl
# OAuth2 with a server that others have written, npm's oidc-provider: all the grants that it has in common with exgate, and mail
# through an Exchange that takes its tokens.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Cwd qw(abs_path);
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use File::Temp ();
use Test::More;

use constant VERSION    => '8.8.1'; # runs on Node 18 and later
use constant TOKEN_LIFE => 4;       # the server's

need_program($_) for qw(node npm curl openssl);

# Installs oidc-provider, once for all builds. Returns where it is, or skips.
sub oidc_provider
{
    my $top = abs_path($ENV{EXG_TOP} // '.');
    my $place = "$top/build/oidc-provider-" . VERSION;
    my $module = 'node_modules/oidc-provider';
    return "$place/$module" if -d "$place/$module";
    mkdir "$top/build";
    my $new = File::Temp->newdir("oidc-provider-XXXXXX", DIR => "$top/build");
    my $result = run_program('npm', 'install', '--loglevel=error', '--no-audit', '--no-fund', '--no-package-lock', '--ignore-scripts',
        '--fetch-retries=1', '--fetch-timeout=30000', '--prefix', "$new", 'oidc-provider@' . VERSION);
    plan(skip_all => "npm does not get oidc-provider: $result->{err}" =~ s/\s+/ /gr) if !-d "$new/$module";
    chmod 0755, "$new";
    rename "$new", $place; # somebody else may have been faster
    return -d "$place/$module" ? "$place/$module" : die "$place: $!";
}

my $provider = oidc_provider();
my $keys = temporary_directory();
my $serial = 0;
for my $name (qw(application stranger)) {
    my $made = run_program(qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=exgate -keyout),
        "$keys/$name.pem", '-out', "$keys/$name.crt");
    is($made->{status}, 0, "a certificate, $name") or diag($made->{err});
    spew("$keys/$name.pem", slurp("$keys/$name.pem") . slurp("$keys/$name.crt"), 0600);
}
my $sim = Exg::Sim->start(mailboxes => ['ann@example.test']);
my $platform;
{
    local $ENV{OIDC_PROVIDER} = $provider;
    $platform = Exg::Process->start(
        command => ['node', ($ENV{EXG_TOP} // '.') . '/tests/lib/identity-platform.mjs', "$keys", "$keys/application.crt", $sim->url,
            join(':', $sim->user, $sim->password)],
        log => "$keys/platform.log", notify => '--notify-fd', ready_seconds => 120,
    );
}
my $url = slurp("$keys/url");

sub exchange
{
    my (%keys) = @_;
    return {
        endpoint => "$url/EWS/Exchange.asmx", auth => 'oauth2', username => 'exgate', password_file => undef,
        oauth_token_url => "$url/common/oauth2/v2.0/token", oauth_scope => 'openid mail offline_access', %keys,
    };
}

my $secret = spew("$keys/secret", "secret-of-the-app\n", 0600);
my $wrong = spew("$keys/wrong", "another-secret\n", 0600);
my %app = (oauth_client_id => 'app', oauth_scope => 'mail', oauth_client_secret_file => $secret);
my %signer = (oauth_client_id => 'signer', oauth_scope => 'mail', oauth_certificate_file => "$keys/application.pem");
my %user = (oauth_client_id => 'user', oauth_grant => 'refresh-token', oauth_token_file => "$keys/tokens");

sub start
{
    my (%keys) = @_;
    return Exg::Lmtpd->start(sim => $sim, conf => { exchange => exchange(%keys), directory => { check_recipients => 'no' } });
}

sub post
{
    my ($lmtpd) = @_;
    $serial++;
    my ($reply) = $lmtpd->client->deliver(
        from => 'a@sender.test', to => ['ann@example.test'],
        message => "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\nhello\r\n",
    );
    return $reply;
}

sub expect
{
    my ($name, $with, $reply, $sentence) = @_;
    my $lmtpd = start(%$with);
    like(post($lmtpd), $reply, $name) or diag(last_lines($lmtpd->log . slurp("$keys/platform.log")));
    like($lmtpd->log, $sentence, 'and the log says why') if $sentence;
    $lmtpd->stop;
    return;
}

# --- client credentials -----------------------------------------------------------------------------

expect('A7.4: a client secret', \%app, qr/^250 /);
expect('A7.15: a certificate', \%signer, qr/^250 /);
expect('F14: a wrong secret', { %app, oauth_client_secret_file => $wrong }, qr/^451 4\.7\.0 /, qr/invalid_client/);
expect('a certificate of somebody else', { %signer, oauth_certificate_file => "$keys/stranger.pem" }, qr/^451 4\.7\.0 /, qr/invalid_client/);
expect('an unknown application', { %app, oauth_client_id => 'nobody' }, qr/^451 4\.7\.0 /, qr/invalid_client/);

# --- a user who signs in ----------------------------------------------------------------------------

# The user's browser.
my @browse = ('curl', '-s', '-L', '--max-redirs', 10, '--max-time', 60, '-b', "$keys/cookies", '-c', "$keys/cookies");
my $browser = spew("$keys/browser", "#!/bin/sh\nexec @browse -o '$keys/page' \"\$1\"\n", 0700);

# The page where a code is typed in, and the one where it is confirmed.
sub type_code
{
    my ($address, $code) = @_;
    my $form = run_program(@browse, $address)->{out};
    for my $more ([], ['--data-urlencode', 'confirm=yes']) {
        my ($guard) = $form =~ /name="xsrf" value="([^"]+)"/ or return diag("no form: $form");
        $form = run_program(@browse, '--data-urlencode', "xsrf=$guard", '--data-urlencode', "user_code=$code", @$more, $address)->{out};
    }
    return;
}

sub log_in
{
    my ($way) = @_;
    my $log = spew("$keys/login$way", '');
    my $directory = temporary_directory();
    my $conf = Exg::Lmtpd::write_conf($directory, $sim, { exchange => exchange(%user) });
    local $ENV{BROWSER} = $browser;
    unlink "$keys/cookies";
    my $login = Exg::Process->start(command => [program('exgate'), 'login', $way, '--config', $conf], log => $log);
    if ($way eq '--device') {
        my ($address, $code) = @{ wait_until('there is a code', sub {
            slurp($log) =~ m{(http://\S+)\s.*type this code:\s+(\S+)\s}s ? [$1, $2] : undef;
        }) };
        type_code($address, $code);
    }
    is($login->wait_for_end(120), 0, "A7.15: exgate login $way") or diag(slurp($log), slurp("$keys/platform.log"));
    return;
}

log_in('--device');
expect('A7.15: mail after typing in a code', \%user, qr/^250 /);
log_in('--browser');

my $first = slurp("$keys/tokens");
my @lmtpd = (start(%user), start(%app));
like(post($_), qr/^250 /, 'A7.6,A7.11: a token that lasts for seconds') for @lmtpd;
sleep TOKEN_LIFE + 1;
like(post($_), qr/^250 /, 'A7.9,A7.11: and the next one') or diag(last_lines($_->log)) for @lmtpd;
$_->stop for @lmtpd;
ok(slurp("$keys/tokens") ne $first, 'A7.9: the new refresh token is kept');
like(slurp("$keys/tokens"), qr/"refresh_token"/, 'in the file of the old one');

spew("$keys/tokens", $first, 0600);
expect('a refresh token that was used before', \%user, qr/^451 4\.7\.0 /, qr/invalid_grant.*exgate login/);

$platform->stop;
expect('A7.13: a platform that is away', \%app, qr/^451 4\.4\.\d /, qr/No access token/);
$sim->stop;
done_testing();
