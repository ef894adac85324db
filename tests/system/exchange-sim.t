#!/usr/bin/perl
# The simulated Exchange from the outside, by curl: every operation, every refusal, every fault, a restart.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Sim;
use Exg::Test;
use File::Temp ();
use IO::Socket::INET;
use MIME::Base64;
use Test::More;
use Time::HiRes qw(time);

need_program('curl');
my $work = temporary_directory();
my @answers; # files, to be checked against the schema

my $mailboxes = spew("$work/mailboxes", <<'END');
# who there is
ann@example.com name="Ann Other" alias=a@example.com,ann.other@example.com
anna@example.com   # a longer name
bob@example.com quota=2000
list@example.com type=PublicDL
secret@example.com hidden
vault@example.com private
svc@example.com
END
my $sim = Exg::Sim->start(
    account => 'EXAMPLE\svc:pass word',
    options => ['--mailboxes', $mailboxes, '--account', 'poor:rights', '--allow-impersonation', 'EXAMPLE\svc', '--keep-requests', '--max-request', 100000],
);

# --- requests and answers -----------------------------------------------------------------------

# Runs curl; returns { exit, status, headers, body } of its last answer.
sub curl
{
    my ($body, @options) = @_;
    my $request = spew("$work/request", $body);
    my $answer  = "$work/answer" . @answers;
    my $result  = run_program('curl', '-sS', '-m', 20, '--cacert', $sim->ca_file, '-u', $sim->user . ':' . $sim->password,
        (grep { /^Content-Type/ } @options) ? () : ('-H', 'Content-Type: text/xml; charset=utf-8'), '--data-binary', "\@$request", '-D', "$work/headers", '-o', $answer,
        '-w', '%{http_code}', @options, $sim->url);
    my $got = {
        exit => $result->{status}, status => $result->{out}, error => $result->{err},
        headers => -e "$work/headers" ? slurp("$work/headers") : '', body => -e $answer ? slurp($answer) : '',
    };
    push @answers, $answer if $result->{status} == 0 && $got->{headers} =~ m{Content-Type: text/xml};
    return $got;
}

sub impersonating
{
    my ($address, $kind) = @_;
    $kind //= 'SmtpAddress';
    return "<t:ExchangeImpersonation><t:ConnectingSID><t:$kind>$address</t:$kind></t:ConnectingSID></t:ExchangeImpersonation>";
}

sub envelope
{
    my ($body, $header) = @_;
    return qq{<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"}
      . qq{ xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"}
      . qq{ xmlns:m="http://schemas.microsoft.com/exchange/services/2006/messages"><s:Header>}
      . qq{<t:RequestServerVersion Version="Exchange2013_SP1"/>} . ($header // '') . qq{</s:Header><s:Body>$body</s:Body></s:Envelope>};
}

my $message = "Received: x\r\nFrom: Sender <sender\@example.org>\r\nTo: ann\@example.com\r\nSubject: one\r\n two\r\n"
  . "Message-ID: <1\@example.org>\r\nDate: Sat, 21 Nov 2026 20:04:05 +0000\r\n\r\nbody \xe4\x00\x01\r\n";

# One t:Message as a delivery has it.
sub item
{
    my ($key, $mime, $more) = @_;
    my $encoded = encode_base64($mime // $message, '');
    return "<t:Message><t:MimeContent CharacterSet=\"UTF-8\">$encoded</t:MimeContent>"
      . '<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E07" PropertyType="Integer"/><t:Value>0</t:Value></t:ExtendedProperty>'
      . '<t:ExtendedProperty><t:ExtendedFieldURI PropertyTag="0x0E06" PropertyType="SystemTime"/><t:Value>2026-11-21T20:04:05Z</t:Value>'
      . '</t:ExtendedProperty><t:ExtendedProperty><t:ExtendedFieldURI PropertySetId="8d0f2f5e-6c1b-4a53-9c2e-7f3a5d1b9e40"'
      . " PropertyName=\"DeliveryKey\" PropertyType=\"String\"/><t:Value>$key</t:Value></t:ExtendedProperty>"
      . ($more // '<t:IsRead>false</t:IsRead>') . '</t:Message>';
}

sub create
{
    my (%o) = @_;
    my $folder = $o{folder} // '<t:DistinguishedFolderId Id="inbox"/>';
    my $items = $o{items} // item($o{key} // 'v1:none');
    return envelope(
        '<m:CreateItem MessageDisposition="' . ($o{disposition} // 'SaveOnly') . "\"><m:SavedItemFolderId>$folder</m:SavedItemFolderId>"
          . "<m:Items>$items</m:Items></m:CreateItem>",
        exists $o{as} ? $o{as} : impersonating('ann@example.com'),
    );
}

sub folder_of { my ($address, $id) = @_; return '<t:DistinguishedFolderId Id="' . ($id // 'inbox') . "\"><t:Mailbox><t:EmailAddress>$address</t:EmailAddress></t:Mailbox></t:DistinguishedFolderId>" }

sub find
{
    my ($restriction, $folders, $shape) = @_;
    return envelope(
        '<m:FindItem Traversal="Shallow"><m:ItemShape><t:BaseShape>' . ($shape // 'IdOnly') . '</t:BaseShape><t:AdditionalProperties>'
          . '<t:FieldURI FieldURI="message:InternetMessageId"/><t:FieldURI FieldURI="item:DateTimeCreated"/></t:AdditionalProperties>'
          . '</m:ItemShape><m:IndexedPageItemView MaxEntriesReturned="2" Offset="0" BasePoint="Beginning"/>'
          . "<m:Restriction>$restriction</m:Restriction><m:ParentFolderIds>$folders</m:ParentFolderIds></m:FindItem>",
        impersonating('ann@example.com'));
}

sub equals { my ($path, $value) = @_; return "<t:IsEqualTo>$path<t:FieldURIOrConstant><t:Constant Value=\"$value\"/></t:FieldURIOrConstant></t:IsEqualTo>" }
my $key_path = '<t:ExtendedFieldURI PropertySetId="8D0F2F5E-6c1b-4a53-9c2e-7f3a5d1b9e40" PropertyName="DeliveryKey" PropertyType="String"/>';
my $inbox = '<t:DistinguishedFolderId Id="inbox"/>';

sub codes { my ($answer) = @_; return join ' ', $answer->{body} =~ m{<(?:m|e):ResponseCode[^>]*>(\w+)<}g }
sub stored { my ($address) = @_; return scalar(my @all = $sim->messages($address // 'ann@example.com')) }
sub log_lines { return split /\n/, slurp($sim->directory . '/log') }

# --- CreateItem ---------------------------------------------------------------------------------

my $id = 'd7a9c1f0-0000-4000-8000-000000000001';
my $answer = curl(create(key => 'v1:first'), '-H', 'X-AnchorMailbox: ann@example.com', '-H', "client-request-id: $id",
    '-H', 'return-client-request-id: true');
is($answer->{status}, 200, 'CreateItem: HTTP 200') or diag($answer->{error}, $answer->{body});
is(codes($answer), 'NoError', 'CreateItem: NoError');
my ($item_id, $change_key) = $answer->{body} =~ m{<t:ItemId Id="([^"]+)" ChangeKey="([^"]+)"/>};
ok($item_id && $change_key, 'CreateItem: an ItemId');
like($answer->{headers}, qr/^request-id: [0-9a-f-]{36}\r$/m, 'the server names the request');
like($answer->{headers}, qr/^client-request-id: \Q$id\E\r$/m, 'and repeats the name that the client gave it');
is(($sim->messages('ann@example.com'))[0], $message, 'the message is stored byte for byte');
my $stored = slurp($sim->directory . '/mailboxes/ann@example.com/inbox/000001.item');
my %stored = $stored =~ /^(\w+)=(.*)$/mg;
is_deeply(
    { map { $_ => $stored{$_} } qw(item_id message_flags is_read delivery_time delivery_key item_class anchor impersonated client_request_id account) },
    {
        item_id => $item_id, message_flags => 0, is_read => 'false', delivery_time => '2026-11-21T20:04:05Z', delivery_key => 'v1:first',
        item_class => 'IPM.Note', anchor => 'ann@example.com', impersonated => 'ann@example.com', client_request_id => $id, account => 'EXAMPLE\svc',
    },
    'and so is what came with it');

$answer = curl(create(items => item('v1:b1') . item('v1:b2'), folder => folder_of('a@example.com', 'junkemail'), as => ''));
is(codes($answer), 'NoError NoError', 'two items, as a delegate, to an alias, into another folder');
is(scalar(my @junk = grep { /\.eml$/ } files_in($sim->directory . '/mailboxes/ann@example.com/junkemail')), 2, 'both are there');

$answer = curl(create(items => '<t:Message><t:MimeContent>' . encode_base64($message) . '</t:MimeContent></t:Message>'));
is(codes($answer), 'NoError', 'base64 in lines');
like(slurp($sim->directory . '/mailboxes/ann@example.com/inbox/000002.item'), qr/^message_flags=10$/m, 'without flags it is a draft');

$answer = curl(create(as => impersonating('bob@example.com'), items => item('v1:q1') . item('v1:q2', 'x' x 2000) . item('v1:q3')));
is(codes($answer), 'NoError ErrorQuotaExceeded ErrorBatchProcessingStopped', 'a full mailbox stops the batch');
like($answer->{body}, qr/ResponseClass="Warning"/, 'with a warning for what was not tried');
is(stored('bob@example.com'), 1, 'and one is stored');

$answer = curl(create(disposition => 'SendAndSaveCopy', as => '', folder => '<t:DistinguishedFolderId Id="sentitems"/>',
        items => item('v1:s', undef, '<t:BccRecipients><t:Mailbox><t:EmailAddress>anna@example.com</t:EmailAddress></t:Mailbox></t:BccRecipients>')));
is(codes($answer), 'NoError', 'sending');
unlike($answer->{body}, qr/ItemId/, 'names no item');
is(stored('anna@example.com'), 1, 'reaches a blind recipient');
is(stored(), 3, 'and the one in the header');
$answer = curl(create(disposition => 'SendOnly', as => '', items => item('v1:s', "Subject: x\r\n\r\n")));
is(codes($answer), 'ErrorInvalidRecipients', 'but not without recipients');

for my $case (
    ['PrincipalName', 'ann@example.com'], ['PrimarySmtpAddress', 'ann@example.com'], ['SmtpAddress', 'Ann.Other@EXAMPLE.com'],
) {
    is(codes(curl(create(as => impersonating($case->[1], $case->[0])))), 'NoError', "impersonation by $case->[0]");
}

# --- FindItem, GetItem --------------------------------------------------------------------------

$answer = curl(find(equals($key_path, 'v1:first'), $inbox . '<t:DistinguishedFolderId Id="junkemail"/>'));
is(codes($answer), 'NoError NoError', 'FindItem: an answer per folder');
like($answer->{body}, qr/TotalItemsInView="1".*\Q$item_id\E.*&lt;1\@example\.org&gt;.*TotalItemsInView="0"/s, 'the key finds its item, there only');
$answer = curl(find('<t:And><t:IsGreaterThanOrEqualTo><t:FieldURI FieldURI="item:DateTimeCreated"/><t:FieldURIOrConstant>'
          . '<t:Constant Value="2100-01-01T00:00:00Z"/></t:FieldURIOrConstant></t:IsGreaterThanOrEqualTo>' . equals($key_path, 'v1:first') . '</t:And>', $inbox));
like($answer->{body}, qr/TotalItemsInView="0"/, 'not if it must be younger');
$answer = curl(find(equals('<t:FieldURI FieldURI="message:InternetMessageId"/>', '&lt;1@example.org&gt;'), $inbox, 'AllProperties'));
my ($total, $last) = $answer->{body} =~ /TotalItemsInView="(\d+)" IncludesLastItemInRange="(\w+)"/;
cmp_ok($total, '>=', 4, 'the Message-ID finds several');
is($last, 'false', 'of which a page is shown');
is(scalar(my @shown = $answer->{body} =~ /<t:Message>/g), 2, 'as large as asked');
$answer = curl(find(equals('<t:FieldURI FieldURI="item:Body"/>', 'x'), $inbox));
is($answer->{status}, 500, 'a property that cannot be searched by');
$answer = curl(find(equals($key_path, 'v1:first'), folder_of('bob@example.com') . folder_of('nobody@example.com')));
is(codes($answer), 'ErrorFolderNotFound ErrorNonExistentMailbox', 'who is impersonated gets into no other mailbox');

sub get_item
{
    my ($wanted, $shape) = @_;
    return envelope("<m:GetItem><m:ItemShape><t:BaseShape>$shape</t:BaseShape><t:IncludeMimeContent>true</t:IncludeMimeContent>"
          . "<t:AdditionalProperties><t:ExtendedFieldURI PropertyTag=\"0x007D\" PropertyType=\"String\"/>$key_path</t:AdditionalProperties>"
          . "</m:ItemShape><m:ItemIds>$wanted</m:ItemIds></m:GetItem>");
}
for my $shape (qw(IdOnly Default AllProperties)) {
    $answer = curl(get_item("<t:ItemId Id=\"$item_id\"/>", $shape));
    my ($content) = $answer->{body} =~ m{<t:MimeContent CharacterSet="UTF-8">([^<]+)<};
    is(decode_base64($content // ''), $message, "GetItem $shape: the message comes back byte for byte");
    like($answer->{body}, qr{<t:Value>v1:first</t:Value>}, 'with the property asked for');
}
like($answer->{body}, qr{<t:Subject>one two</t:Subject>.*<t:IsDraft>false<.*<t:DateTimeSent>2026-11-21T20:04:05Z<.*<t:IsRead>false<}s, 'and all others');
$answer = curl(get_item("<t:ItemId Id=\"x\"/><t:ItemId Id=\"" . encode_base64("\x00\x03\x24\x00ann\@example.com\ninbox\n999", '') . '"/>', 'IdOnly'));
is(codes($answer), 'ErrorInvalidIdMalformed ErrorItemNotFound', 'ids that are none');

# --- GetFolder, ResolveNames --------------------------------------------------------------------

sub get_folder { my ($folders, $as, $shape) = @_; return envelope('<m:GetFolder><m:FolderShape><t:BaseShape>' . ($shape // 'Default') . "</t:BaseShape></m:FolderShape><m:FolderIds>$folders</m:FolderIds></m:GetFolder>", $as) }
$answer = curl(get_folder($inbox, impersonating('ann@example.com')));
like($answer->{body}, qr{<t:DisplayName>Inbox</t:DisplayName><t:TotalCount>6</t:TotalCount><t:ChildFolderCount>1</t:ChildFolderCount><t:UnreadCount>6<}, 'GetFolder counts');
my ($folder_id) = $answer->{body} =~ /<t:FolderId Id="([^"]+)"/;
$answer = curl(get_folder("<t:FolderId Id=\"$folder_id\"/>" . join('', map { folder_of('ann@example.com', $_) } qw(calendar contacts tasks root archiveinbox)) . folder_of('vault@example.com') . folder_of('list@example.com'), '', 'AllProperties'));
is(codes($answer), 'NoError ' x 5 . 'ErrorFolderNotFound ErrorFolderNotFound ErrorNonExistentMailbox', 'GetFolder: by id, of all kinds, missing, private, of a list');
is(codes(curl(get_folder(folder_of('vault@example.com'), impersonating('vault@example.com')))), 'NoError', 'impersonation opens a private mailbox');
is(codes(curl(get_folder($inbox))), 'NoError', 'an account has the mailbox of its name');
is(codes(curl(get_folder($inbox), '-u', 'poor:rights')), 'ErrorMissingEmailAddress', 'or none');

sub resolve { my ($entry, $full, $scope) = @_; return envelope("<m:ResolveNames ReturnFullContactData=\"" . ($full // 'false') . '" SearchScope="' . ($scope // 'ActiveDirectory') . "\"><m:UnresolvedEntry>$entry</m:UnresolvedEntry></m:ResolveNames>") }
for my $case (
    ['smtp:ann.other@example.com', 'NoError', qr{<t:Name>Ann Other</t:Name><t:EmailAddress>ann\@example\.com<.*<t:MailboxType>Mailbox<}],
    ['smtp:ann',                   'ErrorNameResolutionMultipleResults', qr{ResponseClass="Warning".*TotalItemsInView="2" IncludesLastItemInRange="true"}],
    ['other',                      'NoError', qr{ann\@example\.com}],
    ['smtp:list@example.com',      'NoError', qr{<t:MailboxType>PublicDL<}],
    ['smtp:secret@example.com',    'ErrorNameResolutionNoResults', qr{ResponseClass="Error"}],
    ['smtp:nobody@example.com',    'ErrorNameResolutionNoResults', qr{No results}],
) {
    $answer = curl(resolve($case->[0]));
    is(codes($answer), $case->[1], "ResolveNames $case->[0]");
    like($answer->{body}, $case->[2], 'the answer says it');
}
like(curl(resolve('smtp:ann@', 'true'))->{body}, qr{<t:Entry Key="EmailAddress1">SMTP:ann\@example\.com</t:Entry><t:Entry Key="EmailAddress2">smtp:a\@example\.com<}, 'full contact data has the aliases');
is(codes(curl(resolve('smtp:ann@', 'false', 'Contacts'))), 'ErrorNameResolutionNoResults', 'nobody has contacts');

# --- who may ------------------------------------------------------------------------------------

is(curl(resolve('x'), '-u', "EXAMPLE\\svc:wrong")->{status}, 401, 'a wrong password: 401');
like(curl(resolve('x'), '-u', 'nobody:x')->{headers}, qr/^WWW-Authenticate: Basic realm=/mi, 'and how to sign in');
for my $case (
    [impersonating('nobody@example.com'), 'ErrorNonExistentMailbox', qr{Name="SmtpAddress">nobody\@example\.com<}],
    [impersonating('list@example.com'),   'ErrorNonExistentMailbox', qr{list}],
    [impersonating('a@example.com', 'PrimarySmtpAddress'), 'ErrorNonPrimarySmtpAddress', qr{Name="Primary">ann\@example\.com<}],
    [impersonating('S-1-5-21-0', 'SID'),  'ErrorNonExistentMailbox', qr{S-1}],
) {
    $answer = curl(create(as => $case->[0]));
    is("$answer->{status} " . codes($answer), "500 $case->[1]", "impersonation: $case->[1]");
    like($answer->{body}, $case->[2], 'the fault says whom');
}
is(codes(curl(create(), '-u', 'poor:rights')), 'ErrorImpersonateUserDenied', 'an account without the right');
is(join('', grep { !/ErrorInvalidIdMalformed/ } split /^/m, $sim->refusals), '', 'nothing of all that was refused as invalid but an id');

# --- refusals -----------------------------------------------------------------------------------

sub refusals { my @lines = split /\n/, $sim->refusals; return scalar @lines }
my @wrong = (
    ['not well-formed', create() =~ s{</t:Message>}{}r, 'ErrorSchemaValidation', qr{<t:Violation>.+</t:Violation>}],
    ['an https namespace', create() =~ s{http://schemas.microsoft.com/exchange/services/2006/messages}{https://schemas.microsoft.com/exchange/services/2006/messages}r, 'ErrorSchemaValidation', qr{CreateItem}],
    ['the wrong order', create() =~ s{(<t:MimeContent.*?</t:MimeContent>)(.*)(<t:IsRead>)}{$2$1$3}sr, 'ErrorSchemaValidation', qr{<t:LineNumber>0</t:LineNumber><t:LinePosition>0</t:LinePosition><t:Violation>.*MimeContent}],
    ['an illegal character', create() =~ s{v1:none}{&#x3;}r, 'ErrorSchemaValidation', qr{0x03}],
    ['a version of the future', create() =~ s{Exchange2013_SP1}{Exchange2019}r, 'ErrorInvalidServerVersion', qr{ersion}],
    ['an operation that is not simulated', envelope('<m:GetAttachment/>'), 'ErrorInvalidRequest', qr{GetAttachment}],
    ['an operation that is none', envelope('<m:DoWhatIMean/>'), 'ErrorInvalidRequest', qr{invalid}],
);
for my $case (@wrong) {
    my ($name, $request, $code, $text) = @$case;
    my $before = refusals();
    $answer = curl($request);
    is("$answer->{status} " . codes($answer), "500 $code", "$name: HTTP 500, $code");
    like($answer->{body}, $text, 'the fault says why');
    is(refusals(), $before + 1, 'and it is written down');
}
my @wrong_items = (
    ['base64 that is none', item('v1:x') =~ s{(CharacterSet="UTF-8">).*?<}{$1====<}r, 'ErrorMimeContentInvalidBase64String'],
    ['an empty message', item('v1:x') =~ s{(CharacterSet="UTF-8">).*?<}{$1<}r, 'ErrorMimeContentInvalid'],
    ['a read-only element', item('v1:x') =~ s{</t:MimeContent>}{</t:MimeContent><t:DateTimeReceived>2026-11-21T20:04:05Z</t:DateTimeReceived>}r, 'ErrorInvalidPropertySet'],
    ['a custom property by tag', item('v1:x') =~ s{0x0E07}{0x8001}r, 'ErrorNoPropertyTagForCustomProperties'],
    ['a property by tag and set', item('v1:x') =~ s{(PropertySetId="[^"]*")}{$1 PropertyTag="0x0E07"}r, 'ErrorInvalidExtendedProperty'],
    ['a number that is none', item('v1:x') =~ s{<t:Value>0<}{<t:Value>zero<}r, 'ErrorInvalidExtendedPropertyValue'],
    ['a contact', '<t:Contact/>', 'ErrorInvalidItemForOperationCreateItem'],
);
for my $case (@wrong_items) {
    my ($name, $item, $code) = @$case;
    my $before = refusals();
    $answer = curl(create(items => item('v1:right') . $item));
    is("$answer->{status} " . codes($answer), "200 NoError $code", "$name: $code for that item");
    is(refusals(), $before + 1, 'and it is written down');
}

# --- HTTP ---------------------------------------------------------------------------------------

my $before = refusals();
is(curl(create(), '-H', 'Content-Type: application/soap+xml')->{status}, 415, 'another type of content: 415');
is(curl(create(), '-X', 'PUT')->{status}, 405, 'another method: 405');
is(refusals(), $before + 2, 'both are written down');
is(run_program('curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', $sim->ca_file, '-u', $sim->user . ':' . $sim->password, $sim->url)->{out}, 200, 'GET: a page');
is(run_program('curl', '-sS', '-o', '/dev/null', '-w', '%{http_code}', '--cacert', $sim->ca_file, $sim->url =~ s/EWS/owa/r)->{out}, 404, 'another path: 404');
$answer = curl(create(items => item('v1:large', 'x' x 100000)));
is($answer->{status}, 404, 'a body that is too large: 404');
like($answer->{headers}, qr{^Content-Type: text/html}m, 'and HTML');
for my $option (['-H', 'Transfer-Encoding: chunked'], ['-H', 'Expect: 100-continue'], ['-0'], ['-H', 'Connection: close']) {
    is(codes(curl(create(), @$option)), 'NoError', "@$option");
}
$answer = curl(create(items => item('v1:large', 'x' x 100000)), '-H', 'Transfer-Encoding: chunked');
is($answer->{status}, 404, 'too large and chunked: 404');
is(curl(create(items => item('v1:l', 'x' x 60000)), '-u', 'a:b')->{status}, 401, 'a large body without the password: 401');
is(curl(create(items => item('v1:l', 'x' x 60000)), '-u', 'a:b', '-H', 'Expect: 100-continue')->{status}, 401, 'also when asked first');

# Two requests on one connection.
spew("$work/request", create());
run_program('curl', '-sS', '--cacert', $sim->ca_file, '-u', $sim->user . ':' . $sim->password, '-H', 'Content-Type: text/xml',
    '--data-binary', "\@$work/request", '-o', '/dev/null', $sim->url, '-o', '/dev/null', $sim->url);
my @numbers = map { /connection=(\d+)/ } (log_lines())[-2, -1];
is($numbers[0], $numbers[1], 'a connection is kept for the next request');

# --- faults -------------------------------------------------------------------------------------

sub with_fault
{
    my ($rule, @options) = @_;
    $sim->control('clear');
    $sim->control($rule);
    my $count  = stored();
    my $answer = curl(create(), @options);
    $answer->{stored} = stored() - $count;
    return $answer;
}

# Rule, curl's exit status, HTTP status, items stored, and what the answer is like.
my @faults = (
    ['on CreateItem do code ErrorServerBusy backoff=5000', 0, 200, 0, qr{ErrorServerBusy.*Name="BackOffMilliseconds">5000<}],
    ['on CreateItem do code ErrorServerBusy backoff=5000 fault', 0, 500, 0, qr{<faultcode.*a:ErrorServerBusy<.*>5000<}],
    ['on CreateItem do code ErrorInternalServerError inner=ErrorServerBusy', 0, 200, 0, qr{InnerErrorResponseCode">ErrorServerBusy<}],
    ['on CreateItem do code ErrorNameResolutionMultipleResults', 0, 200, 0, qr{"Warning"}],
    ['on CreateItem stored do code ErrorTimeoutExpired', 0, 200, 1, qr{ErrorTimeoutExpired}],
    ['on CreateItem do status 503 retry-after=7', 0, 503, 0, qr{^$}, qr{^Retry-After: 7\r}m],
    ['on CreateItem do status 429 retry-after=date html', 0, 429, 0, qr{<html>}, qr{^Retry-After: \w{3}, \d\d \w{3} \d{4}.*GMT\r}m],
    ['on CreateItem stored do status 500', 0, 500, 1, qr{^$}],
    ['on CreateItem do html404', 0, 404, 0, qr{<html>}],
    ['on CreateItem do unauthorized', 0, 401, 0, qr{^$}, qr{^WWW-Authenticate: Basic}m],
    ['on CreateItem do garbage', 0, 200, 0, qr{^%PDF}],
    ['on CreateItem stored do garbage', 0, 200, 1, qr{^%PDF}],
    ['on CreateItem do xml-flood 300000', 0, 200, 0, qr{^<\?xml.*</s:Envelope>$}s],
    ['on CreateItem do close-without-answer', 52, '000', 0],
    ['on CreateItem do stored-unanswered', 52, '000', 1],
    ['on CreateItem do reset', 56, '000', 0],
    ['on CreateItem stored do reset', 56, '000', 1],
    ['on CreateItem do reset-after-request-bytes 1000', 56, '000', 0],
    ['on * do reset-after-request-bytes 1000000', 0, 200, 1, qr{NoError}],
    ['on CreateItem do truncate 300', 18, 200, 1, qr{^<\?xml}],
    ['on CreateItem do no-itemid', 0, 200, 1, qr{<m:Items><t:Message/></m:Items>}],
    ['on CreateItem do illegal-char-ref', 0, 200, 1, qr{&#x3;}],
    ['on CreateItem do slow 2000', 0, 200, 1, qr{NoError.*</s:Envelope>$}],
    ['on CreateItem do delay 200', 0, 200, 1, qr{NoError}],
    ['on CreateItem mailbox=bob@example.com do reset', 0, 200, 1, qr{NoError}],
    ['on CreateItem mailbox=Ann@Example.com do reset', 56, '000', 0],
    ['on GetItem do reset', 0, 200, 1, qr{NoError}],
    ['on CreateItem conn=reused do reset', 0, 200, 1, qr{NoError}],
    ['on CreateItem conn=new do garbage', 0, 200, 0, qr{^%PDF}],
    ['on connect do tls-alert', 35, '000', 0],
    ['on connect do reset', qr/35|7/, '000', 0],
    ['on connect do close-without-answer', 35, '000', 0],
    ['on connect do delay 200', 0, 200, 1, qr{NoError}],
);
for my $case (@faults) {
    my ($rule, $exit, $status, $stored_items, $body, $headers) = @$case;
    my $began = time;
    my $got   = with_fault($rule);
    like("$got->{exit} $got->{status} $got->{stored}", qr/^(?:$exit) $status $stored_items$/, $rule) or diag($got->{error}, $got->{body});
    like($got->{body},    $body,    'the answer')  if $body;
    like($got->{headers}, $headers, 'the headers') if $headers;
    cmp_ok(time - $began, '>=', 0.19, 'takes its time') if $rule =~ /delay 200|slow/;
    next if $rule =~ /connect do delay|GetItem|reused|bob|1000000/;
    my ($name) = $rule =~ /do (\S+)/;
    like((log_lines())[-1], qr/ fault=\Q$name\E/, 'and the log names the fault');
}
cmp_ok(-s "$answers[-1]", '>', 0, 'answers were kept');

is(with_fault('on CreateItem do stall', '-m', '0.5')->{exit}, 28, 'a stall outlasts the client');
is(with_fault('on connect do stall', '-m', '0.5')->{exit}, 28, 'also before TLS');
my $late = with_fault('on CreateItem do late 700', '-m', '0.3');
is("$late->{exit} $late->{stored}", '28 0', 'a late request is not stored while the client waits');
my $count = stored();
wait_until('the late request is stored', sub { stored() == $count + 1 });
pass('but after it has gone');

$sim->control('clear');
$sim->control('on CreateItem after=1 times=1 do unauthorized');
is(join(' ', map { curl(create())->{status} } 1 .. 3), '200 401 200', 'after and times count');
$sim->control('clear');
$sim->control('on CreateItem do delay 200');
$sim->control('on CreateItem do status 503');
is(curl(create())->{status}, 503, 'a delay goes with another fault');
like((log_lines())[-1], qr/fault=delay,status/, 'and the log names both');
is(codes(curl(create() =~ s/SaveOnly/Saveonly/r)), 'ErrorSchemaValidation', 'a bad request is refused in spite of faults');
$sim->control('clear');

my %stats = $sim->control('stats') =~ /(\w+)=(\d+)/g;
cmp_ok($stats{CreateItem}, '>', 50, 'stats count requests');
is($stats{refusals}, refusals(), 'and refusals');
cmp_ok($stats{faults}, '>', 20, 'and faults');
is($stats{open_connections}, 0, 'and what is open');
$sim->control('clear');

# --- control ------------------------------------------------------------------------------------

for my $command ('nonsense', 'on CreateItem do nothing', 'clear all', 'mailbox ann@example.com', 'remove nobody@example.com', 'on') {
    my $result = run_program(program('exchange-sim'), 'control', $sim->directory, $command);
    is($result->{status}, 1, "control: $command is an error");
    like($result->{err}, qr/^error .+/, 'and says why');
}
$sim->control('mailbox', 'new@example.com', 'alias=n@example.com');
is(codes(curl(create(as => impersonating('n@example.com')))), 'NoError', 'a mailbox can be added');
$sim->control('remove', 'new@example.com');
is(codes(curl(create(as => impersonating('n@example.com')))), 'ErrorNonExistentMailbox', 'and removed');

# --- restart ------------------------------------------------------------------------------------

my ($url, $ca) = ($sim->url, slurp($sim->ca_file));
my $directory = $sim->directory;
my $scenario  = spew("$work/scenario", "# one fault\non CreateItem after=1 times=1 do unauthorized\n");

sub start_again
{
    $sim->{process} = Exg::Process->start(
        command => [program('exchange-sim'), '--state', $directory, '--mailboxes', $mailboxes, '--account', $sim->{account}, '--scenario', $scenario],
        log => "$directory/output", notify => '--notify-fd');
}
is($sim->{process}->stop, 0, 'SIGTERM ends it well');
start_again();
is(codes(curl(create())), 'NoError', 'started again');
my $count_before = stored();
is($sim->{process}->stop('KILL'), -9, 'killed');
start_again();
is(codes(curl(create())), 'NoError', 'and started once more');
$count_before++;
is($sim->url, $url, 'started again it has the same URL');
is(slurp($sim->ca_file), $ca, 'and the same CA');
is(curl(create())->{status}, 401, 'and its scenario from a file');
like(curl(get_folder($inbox, impersonating('ann@example.com')))->{body}, qr{<t:TotalCount>$count_before</t:TotalCount>}, 'and all messages');
$answer = curl(get_item("<t:ItemId Id=\"$item_id\"/>", 'IdOnly'));
like($answer->{body}, qr{Id="\Q$item_id\E" ChangeKey="\Q$change_key\E"}, 'by the same ids');
my $second = run_program(program('exchange-sim'), '--state', $directory);
is($second->{status}, 1, 'a second one on the same directory does not start');
like($second->{err}, qr/another simulator/, 'and says why');
is($sim->control('quit'), "ok\n", 'quit');
is($sim->{process}->wait_for_end(10), 0, 'ends it');
ok(!-e "$directory/pid", 'and removes the pid file');

my $background = run_program(program('exchange-sim'), '--state', "$work/background", '--mailbox', 'ann@example.com', '--memory', '--background');
is($background->{status}, 0, '--background');
is($background->{out}, slurp("$work/background/url"), 'prints the URL when it is ready');
is(run_program(program('exchange-sim'), 'control', "$work/background", 'quit')->{status}, 0, 'answers at once');
wait_until('it has ended', sub { !-e "$work/background/pid" });
ok(!-e "$work/background/mailboxes", '--memory writes no messages');

for my $case ([['--nonsense'], 2], [[], 2], [['--state', '/proc/no'], 1], [['--state', "$work/x", '--account', 'x'], 1], [['--state', "$work/x", '--listen', 'nowhere'], 1],
    [['--state', "$work/x", '--mailbox', 'x'], 1], [['--state', "$work/x", '--mailbox', 'x', '--background'], 1]) {
    my $result = run_program(program('exchange-sim'), @{ $case->[0] });
    is($result->{status}, $case->[1], "exchange-sim @{ $case->[0] }: an error");
    like($result->{err}, qr/^exchange-sim: .+\n\z/, 'in one line');
}

# --- the answers --------------------------------------------------------------------------------

SKIP: {
    my $schema = ($ENV{EXG_SCHEMA} // '') . '/oracle/ews.xsd';
    skip 'the schema collection is not here', 2 if !-r $schema || !grep { -x "$_/xmllint" } split /:/, $ENV{PATH};
    # what a fault has spoiled is no sample of an answer
    my @whole = grep { -s $_ && slurp($_) !~ /^%PDF|more and more|&#x3;/ } @answers;
    cmp_ok(scalar @whole, '>', 60, 'there are answers to look at');
    my $result = run_program('xmllint', '--nonet', '--noout', '--schema', $schema, @whole);
    is($result->{status}, 0, 'all answers validate against the schema') or diag(grep { !/ validates$/ } split /^/, $result->{err});
}

done_testing;
