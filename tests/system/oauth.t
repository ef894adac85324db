#!/usr/bin/perl
# Deliveries with OAuth2 against the simulator's identity platform: every grant with what is right, wrong, missing, expired and
# rotated; a platform that is away; tokens revoked while mail flows; and no secret anywhere that it does not belong.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Lmtpd;
use Exg::Sim;
use Exg::Test;
use Test::More;

use constant TOKEN_LIFE => 4;

my $keys = temporary_directory();
chmod 0700, "$keys";
my $serial = 0;
my @seen; # whatever the programs have written
my @secrets = ('secret-of-the-app', 'another-secret');

for my $name (qw(application stranger)) {
    my $made = run_program(qw(openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=exgate -keyout),
        "$keys/$name.key", '-out', "$keys/$name.pem");
    is($made->{status}, 0, "a certificate, $name") or diag($made->{err});
}
my $secret = spew("$keys/secret", "secret-of-the-app\n", 0600);

sub start_sim
{
    my (@options) = @_;
    return Exg::Sim->start(
        mailboxes => [map { "$_\@example.test" } qw(ann bob eve)],
        options   => ['--oauth-client', 'app:secret-of-the-app', '--oauth-client', "signer\@$keys/application.pem",
            '--oauth-client', 'user:', @options],
    );
}

my $sim = start_sim();
my $brief = start_sim('--token-life', TOKEN_LIFE);

sub platform { my ($server) = @_; return $server->url =~ s{/EWS/.*}{/common/oauth2/v2.0}r }

sub token_requests
{
    my ($server) = @_;
    return $server->control('stats') =~ /token_requests=(\d+)/ ? $1 : die 'no count';
}

sub refused { my ($server) = @_; return scalar(() = slurp($server->directory . '/log') =~ /\bstatus=401\b/g) }

# The keys of [exchange] that go with a client's id; more or other ones after it.
sub exchange
{
    my ($server, %keys) = @_;
    return {
        auth => 'oauth2', username => undef, password_file => undef,
        oauth_ca_file => $server->ca_file, oauth_token_url => platform($server) . '/token', %keys,
    };
}

sub application { my ($server, %keys) = @_; return exchange($server, oauth_client_id => 'app', oauth_client_secret_file => $secret, %keys) }
sub signer
{
    my ($server, %keys) = @_;
    return exchange($server, oauth_client_id => 'signer', oauth_certificate_file => "$keys/application.pem",
        oauth_key_file => "$keys/application.key", %keys);
}
sub user
{
    my ($server, %keys) = @_;
    return exchange($server, oauth_client_id => 'user', oauth_grant => 'refresh-token', oauth_token_file => "$keys/tokens", %keys);
}
# A token that somebody else looks after: the endpoint is none of our business.
sub supplied { my ($server, %keys) = @_; return exchange($server, oauth_token_url => undef, oauth_ca_file => undef, %keys) }

sub start
{
    my ($server, $exchange) = @_;
    return Exg::Lmtpd->start(sim => $server, conf => { exchange => $exchange, directory => { check_recipients => 'no' } });
}

sub post
{
    my ($client, @to) = @_;
    $serial++;
    return $client->deliver(
        from => 'a@sender.test', to => [map { "$_\@example.test" } @to ? @to : 'ann'],
        message => "Subject: $serial\r\nMessage-ID: <$serial.$$\@sender.test>\r\n\r\nhello\r\n",
    );
}

sub finish
{
    my ($lmtpd) = @_;
    push @seen, slurp("/proc/@{[$lmtpd->pid]}/cmdline"), slurp("/proc/@{[$lmtpd->pid]}/environ");
    $lmtpd->stop;
    push @seen, $lmtpd->log, map { slurp($_) } files_in("$lmtpd->{directory}/journal"), "$lmtpd->{directory}/exgate.conf";
    return $lmtpd->log;
}

# Delivers one message with this configuration; what is answered, and what the log says.
sub expect
{
    my ($name, $server, $exchange, $reply, $sentence) = @_;
    my $lmtpd = start($server, $exchange);
    my ($got) = post($lmtpd->client);
    my $log = finish($lmtpd);
    like($got, $reply, $name) or diag(last_lines($log));
    like($log, $sentence, 'and the log says why') if $sentence;
    return;
}

# A configuration that is refused at the start, with one sentence.
sub expect_refused
{
    my ($name, $exchange, $sentence) = @_;
    my $directory = temporary_directory();
    my $conf = Exg::Lmtpd::write_conf($directory, $sim, { exchange => $exchange });
    my $result = run_program(program('exgate-lmtpd'), '--config', $conf, '--check-config');
    is($result->{status}, 78, "$name: it does not start");
    like($result->{err}, qr/\Aexgate-lmtpd: [^\n]*$sentence[^\n]*\n\z/, 'and says why in one sentence');
    push @seen, $result->{err};
    return;
}

# As another program would get a token.
sub fetch_token
{
    my ($server) = @_;
    my $result = run_program('curl', '-sS', '--max-time', 30, '--cacert', $server->ca_file, '-d', 'grant_type=client_credentials', '-d',
        'client_id=app', '-d', 'client_secret=secret-of-the-app', '-d', 'scope=https://localhost/.default', platform($server) . '/token');
    my ($token) = $result->{out} =~ /"access_token":"([^"]+)"/ or die "no token: $result->{out}$result->{err}";
    push @secrets, $token;
    return $token;
}

# Waits until the mail flows, in a daemon that has been refused.
sub wait_for_mail
{
    my ($name, $client) = @_;
    ok(wait_until($name, sub { (post($client))[0] =~ /^250 / }), $name);
    return;
}

# --- client credentials ---------------------------------------------------------------------------

expect('A7.4: a client secret', $sim, application($sim), qr/^250 /);
expect('A7.15: a certificate', $sim, signer($sim), qr/^250 /);
expect('A1.4, A6.7: auth = auto', $sim, application($sim, auth => 'auto'), qr/^250 /, qr/offered: .*oauth2: chosen/);

my $wrong = spew("$keys/wrong", "another-secret\n", 0600);
expect('F14: a wrong secret', $sim, application($sim, oauth_client_secret_file => $wrong), qr/^451 4\.7\.0 /, qr/invalid_client/);
expect('an unknown application', $sim, application($sim, oauth_client_id => 'nobody'), qr/^451 4\.7\.0 /, qr/invalid_client/);
expect('a certificate of somebody else', $sim,
    signer($sim, oauth_certificate_file => "$keys/stranger.pem", oauth_key_file => "$keys/stranger.key"),
    qr/^451 4\.7\.0 /, qr/invalid_client/);
expect('F14: auth = auto: a password at hand is not tried in place of a secret that was refused', $sim,
    application($sim, auth => 'auto', oauth_client_secret_file => $wrong, username => $sim->user, allow_basic => 'yes',
        password_file => spew("$keys/password", $sim->password, 0600)),
    qr/^451 4\.7\.0 /, qr/invalid_client/);
expect('a scope that the platform does not know', $sim, application($sim, oauth_scope => 'mail'), qr/^451 4\.3\.5 /, qr/invalid_scope/);

expect_refused('a missing secret', application($sim, oauth_client_secret_file => "$keys/none"), qr/oauth_client_secret_file: .*none/);
expect_refused('a missing certificate', signer($sim, oauth_certificate_file => "$keys/none"), qr/oauth_certificate_file: .*none/);
expect_refused('a key of another certificate', signer($sim, oauth_key_file => "$keys/stranger.key"), qr/oauth_certificate_file: .*key/);
expect_refused('no credentials', application($sim, oauth_client_secret_file => undef), qr/oauth_certificate_file is not set/);

{
    my $server = start_sim();
    my $lmtpd = start($server, application($server));
    my $client = $lmtpd->client;
    like((post($client))[0], qr/^250 /, 'a secret that is about to change');
    $server->{process}->stop;
    $_ eq 'app:secret-of-the-app' and $_ = 'app:another-secret' for @{ $server->{options} };
    $server->launch;
    like((post($client))[0], qr/^451 /, 'the old one is refused');
    my $asked = token_requests($server);
    like((post($client))[0], qr/^451 /, 'F14: for every message') for 1 .. 5;
    cmp_ok(token_requests($server) - $asked, '<=', 1, 'F14: but the platform is not asked each time');
    spew($secret, "another-secret\n", 0600);
    $lmtpd->reload;
    wait_for_mail('the new one is taken after a reload', $client);
    finish($lmtpd);
    spew($secret, "secret-of-the-app\n", 0600);
    $server->stop;
}

# --- a user who signs in --------------------------------------------------------------------------

my $browser = spew("$keys/browser", <<"END", 0700);
#!/bin/sh
exec curl -s -L --max-redirs 3 --max-time 60 --cacert "\$EXG_TEST_CA" -o "$keys/page" "\$1"
END

# Starts `exgate login`; returns the process and the file with what it says.
sub begin_login
{
    my ($server, $way, $exchange) = @_;
    my $directory = temporary_directory();
    my $conf = Exg::Lmtpd::write_conf($directory, $server, { exchange => $exchange });
    local %ENV = (%ENV, BROWSER => $browser, EXG_TEST_CA => $server->ca_file);
    my $log = spew("$keys/login" . $serial++, '');
    my $process = Exg::Process->start(command => [program('exgate'), 'login', $way, '--config', $conf], log => $log);
    return ($process, $log, $directory);
}

sub log_in
{
    my ($server, $way, $answer, $exchange) = @_;
    my ($process, $log, $directory) = begin_login($server, $way, $exchange);
    if ($way eq '--device') {
        my $code = wait_until('there is a code', sub { slurp($log) =~ /\b(SIM-\d+)/ ? $1 : '' });
        push @seen, slurp("/proc/$process->{pid}/cmdline");
        $server->control($answer, $code);
    }
    my $status = $process->wait_for_end;
    push @seen, slurp($log);
    push @secrets, tokens() if $status == 0;
    return ($status, slurp($log));
}

# What the token file holds, access token first.
sub tokens
{
    my $text = slurp("$keys/tokens");
    return map { $text =~ /"${_}_token":"([^"]+)"/ ? $1 : die "no $_ token: $text" } qw(access refresh);
}

for my $way (qw(--browser --device)) {
    my ($status, $said) = log_in($sim, $way, 'approve', user($sim));
    is($status, 0, "A7.15,A1.10: exgate login $way") or diag($said);
    like($said, qr/You are signed in/, 'says so');
    is((stat "$keys/tokens")[2] & 0777, 0600, 'the tokens are private');
    expect("A7.9: mail with the tokens of $way", $sim, user($sim), qr/^250 /);
}
my ($declined, $said) = log_in($sim, '--device', 'decline', user($sim));
is($declined, 78, 'a user who declines: exgate login fails');
like($said, qr/refused/, 'and says so');

# Tokens that last for seconds: the application's and the user's expire side by side.
{
    log_in($brief, '--browser', undef, user($brief));
    my (undef, $first) = tokens();
    my $kept = slurp("$keys/tokens");
    my $before = token_requests($brief);
    my @lmtpd = map { start($brief, $_) } application($brief), user($brief);
    my @clients = map { $_->client } @lmtpd;
    like((post($_))[0], qr/^250 /, 'a token that lasts for seconds') for @clients;
    sleep TOKEN_LIFE + 1;
    like((post($_))[0], qr/^250 /, 'A7.9,A7.11: once it has expired nobody notices') for @clients;
    cmp_ok(token_requests($brief) - $before, '>=', 3, 'A7.13: others were fetched');
    push @secrets, tokens();
    ok((tokens())[1] ne $first, 'A7.9: the refresh token that came with the new one is kept');
    is((stat "$keys/tokens")[2] & 0777, 0600, 'in a file that is still private');
    finish($_) for @lmtpd;

    spew("$keys/tokens", $kept, 0600);
    expect('a refresh token that was used before', $brief, user($brief), qr/^451 4\.7\.0 /, qr/invalid_grant.*exgate login/);
}

chmod 0644, "$keys/tokens";
expect('a token file that others may read', $sim, user($sim), qr/^451 4\.3\.5 /, qr/open to others; chmod 600/);
{
    my $directory = temporary_directory();
    my $conf = Exg::Lmtpd::write_conf($directory, $sim, { exchange => user($sim) });
    my $result = run_program(program('exgate'), 'logout', '--config', $conf);
    is($result->{status}, 0, 'exgate logout') or diag($result->{err});
    ok(!-e "$keys/tokens", 'removes the tokens');
    $conf = Exg::Lmtpd::write_conf($directory, $sim, { exchange => application($sim) });
    $result = run_program(program('exgate'), 'login', '--device', '--config', $conf);
    is($result->{status}, 78, 'exgate login for an application makes no sense');
    like($result->{err}, qr/oauth_grant = client-credentials needs no login/, 'and says so');
    $conf = Exg::Lmtpd::write_conf($directory, $sim, {});
    $result = run_program(program('exgate'), 'login', '--config', $conf);
    is($result->{status}, 78, 'nor with a password');
    like(
        $result->{err}, qr/\Aexgate: \S+: \[exchange\] auth = basic needs no login; it is for auth = oauth2 with oauth_grant = refresh-token\n\z/,
        'which is told in terms of that'
    );
}
{
    my $directory = temporary_directory();
    my $conf = Exg::Lmtpd::write_conf($directory, $sim, { exchange => user($sim, oauth_token_file => "$directory/none/tokens") });
    my $result = run_program(program('exgate'), 'login', '--device', '--config', $conf);
    is($result->{status}, 78, 'exgate login: where no tokens can be kept nobody is asked to sign in');
    like($result->{err}, qr/oauth_token_file: nothing can be kept in .*none: No such file/, 'and it says so');
}
{
    my $directory = temporary_directory();
    for my $case (
        ['a user who has not signed in', user($sim, oauth_token_file => "$directory/none"), qr/^ +exgate login$/m],
        ['a refused secret', application($sim, oauth_client_secret_file => $wrong), qr/^ +cat > '\Q$wrong\E'$/m],
    ) {
        my ($name, $exchange, $mend) = @$case;
        my $conf = Exg::Lmtpd::write_conf($directory, $sim, { exchange => $exchange });
        my $result = run_program(program('exgate'), 'check', '--config', $conf);
        like($result->{out}, qr/^WRONG +login/m, "exgate check: $name");
        like($result->{out}, $mend, 'and what mends it');
        unlike($result->{out}, qr/ADAccount|Test-ServiceHealth/, 'and nothing else');
    }
}
expect('no token file', $sim, user($sim), qr/^451 4\.3\.5 /, qr/exgate login makes it/);

# --- tokens of others -----------------------------------------------------------------------------

my $printer = spew("$keys/print-token", "#!/bin/sh\nexec cat '$keys/token'\n", 0700);
my %supplied = ('a file' => { access_token_file => "$keys/token" }, 'a command' => { access_token_command => "$printer --now" });
for my $from (sort keys %supplied) {
    my %keys = %{ $supplied{$from} };
    unlink "$keys/token";
    expect("A7.7: $from that gives nothing", $sim, supplied($sim, %keys), qr/^451 4\./, qr/token/);
    spew("$keys/token", "e30.eyJleHAiOjF9.x\n", 0600);
    expect("A7.12: an expired token from $from", $sim, supplied($sim, %keys), qr/^451 4\.7\.0 /, qr/has expired/);
    spew("$keys/token", "made-up-by-somebody\n", 0600);
    push @secrets, 'made-up-by-somebody';
    expect("A7.12: a wrong token from $from", $sim, supplied($sim, %keys), qr/^451 4\.7\.0 /, qr/refused the credentials/);

    spew("$keys/token", fetch_token($sim) . "\n", 0600);
    my $lmtpd = start($sim, supplied($sim, %keys));
    my $client = $lmtpd->client;
    like((post($client))[0], qr/^250 /, "A7.7: a token from $from");
    $sim->control('revoke-tokens');
    spew("$keys/token", fetch_token($sim) . "\n", 0600);
    like((post($client))[0], qr/^250 /, 'A7.10: and the next one, after the first has been revoked') or diag(last_lines($lmtpd->log));
    finish($lmtpd);
}

# --- revoked while mail flows ---------------------------------------------------------------------

{
    my $lmtpd = start($sim, application($sim));
    my $client = $lmtpd->client;
    my $before = token_requests($sim);
    my $refused = refused($sim);
    my @replies;
    for my $round (1 .. 12) {
        $sim->control('revoke-tokens') if $round == 6;
        push @replies, post($client, qw(ann bob eve));
    }
    is(scalar(grep { /^250 / } @replies), 36, 'A7.12,A3.15: a token that is revoked between deliveries is invisible to the MTA')
      or diag(join "\n", @replies, last_lines($lmtpd->log));
    is(token_requests($sim) - $before, 2, 'F11: and costs one token');
    cmp_ok(refused($sim), '>', $refused, 'although the server did refuse it');
    finish($lmtpd);
}

# --- a platform that is away ----------------------------------------------------------------------

expect('a token endpoint that nobody serves', $sim, application($sim, oauth_token_url => 'https://localhost:1/token'),
    qr/^451 4\.4\.\d /, qr/No access token/);
for my $fault ('status 503', 'close-without-answer', 'garbage') {
    $sim->control("on Token do $fault");
    my $lmtpd = start($sim, application($sim));
    my $client = $lmtpd->client;
    like((post($client))[0], qr/^451 4\./, "F27: the token endpoint answers with $fault: the mail waits");
    my $asked = token_requests($sim);
    like((post($client))[0], qr/^451 4\./, 'as does the next, at once') for 1 .. 3;
    $sim->control('clear');
    wait_for_mail('A7.13: and flows by itself once that is over', $client);
    is(token_requests($sim) - $asked, 1, 'with one token');
    finish($lmtpd);
}
$sim->control('misdirect on');
expect('a token for another audience', $sim, application($sim), qr/^451 4\.7\.0 /, qr/refused the credentials/);
$sim->control('misdirect off');

# --- secrets ----------------------------------------------------------------------------------------

cmp_ok(scalar @secrets, '>', 8, 'there are secrets to look for');
my $written = join "\0", @seen;
cmp_ok(length $written, '>', 10_000, 'and a lot of text to look into');
my @leaks = grep { index($written, $_) >= 0 } @secrets;
is(scalar @leaks, 0, 'A7.1,A7.2: no secret and no token in logs, sentences, arguments, the environment and the journal') or diag("@leaks");

$_->stop for $sim, $brief;
done_testing();
