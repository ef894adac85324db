#!/usr/bin/perl
# A client that others have written, python3-exchangelib, works with the simulated Exchange: it keeps the simulator honest.
use strict;
use warnings;
use lib ($ENV{EXG_TOP} // q{.}) . q{/tests/lib};
use Exg::Sim;
use Exg::Test;
use Test::More;

my ($python) = grep { -x && run_program($_, '-c', 'import exchangelib')->{status} == 0 } '/usr/bin/python3', '/usr/local/bin/python3';
plan skip_all => 'python3-exchangelib is not here' if !$python;

my $sim = Exg::Sim->start(
    mailboxes => ['ann@example.com name="Ann Other" alias=a@example.com', 'bob@example.com'],
    account   => 'svc:secret',
    options   => ['--keep-requests'],
);
my $work = temporary_directory();
my $script = spew("$work/client.py", <<'END');
import os, sys
url, os.environ['REQUESTS_CA_BUNDLE'] = sys.argv[1:3]
from exchangelib import (Account, BASIC, Configuration, Credentials, ExtendedProperty, IMPERSONATION, Message)
from exchangelib.errors import ErrorItemNotFound, ErrorNonExistentMailbox
from exchangelib.version import EXCHANGE_2016, Version

class DeliveryKey(ExtendedProperty):
    property_set_id = '8d0f2f5e-6c1b-4a53-9c2e-7f3a5d1b9e40'
    property_name = 'DeliveryKey'
    property_type = 'String'

class Flags(ExtendedProperty):
    property_tag = 0x0e07
    property_type = 'Integer'

Message.register('delivery_key', DeliveryKey)
Message.register('flags', Flags)
configuration = Configuration(service_endpoint=url, credentials=Credentials('svc', 'secret'), auth_type=BASIC,
                              version=Version(build=EXCHANGE_2016))

def account(address):
    return Account(address, config=configuration, autodiscover=False, access_type=IMPERSONATION)

ann = account('ann@example.com')
for mailbox, contact in ann.protocol.resolve_names(['smtp:a@example.com'], return_full_contact_data=True):
    print('resolved', mailbox.email_address, mailbox.name, [str(address.email) for address in contact.email_addresses])
message = Message(account=ann, folder=ann.inbox, delivery_key='v1:key', flags=0, is_read=False,
                  mime_content=b'From: c@example.org\r\nMessage-ID: <1@example.org>\r\nSubject: hello\r\n\r\nbody\r\n')
message.save()
print('found', [(item.subject, item.message_id) for item in ann.inbox.filter(delivery_key='v1:key').only('subject', 'message_id')])
print('missed', ann.inbox.filter(delivery_key='v1:other').count())
for item in ann.inbox.all().order_by('-datetime_received'):
    print('item', item.subject, item.is_draft, item.is_read, item.delivery_key, item.mime_content)
Message(account=ann, folder=ann.sent, subject='composed', body='text', to_recipients=['bob@example.com']).send_and_save()
bob = account('bob@example.com')
print('received', [item.subject for item in bob.inbox.all().only('subject')])
bob.inbox.refresh()
print('counted', bob.inbox.name, bob.inbox.total_count, bob.inbox.unread_count)
# What a mail client does
from exchangelib import Folder
item = ann.inbox.get(delivery_key='v1:key')
item.is_read, item.categories, item.importance = True, ['red', 'blue'], 'High'
item.save(update_fields=['is_read', 'categories', 'importance'])
item = ann.inbox.get(delivery_key='v1:key')
print('changed', item.is_read, item.categories, item.importance, item.mime_content == ann.inbox.get(delivery_key='v1:key').mime_content)
lists = Folder(parent=ann.msg_folder_root, name='Own')
lists.save()
changes = list(ann.inbox.sync_items(only_fields=['subject']))
print('synchronised', [(kind, changed.subject) for kind, changed in changes])
item.move(lists)
print('moved', [(kind, changed.id == changes[0][1].id) for kind, changed in ann.inbox.sync_items(only_fields=['subject'])], lists.all().count())
copy = item.copy(ann.inbox)
print('copied', ann.inbox.all().count(), lists.all().count())
lists.name = 'Renamed'
lists.save(update_fields=['name'])
print('hierarchy', sorted((kind, folder.name) for kind, folder in ann.root.sync_hierarchy() if folder.name in ('Own', 'Renamed', 'Inbox')))
lists.all().delete()
lists_id = lists.id
lists.delete()
print('deleted', [(kind, folder.id == lists_id) for kind, folder in ann.root.sync_hierarchy()])
subscription = ann.inbox.subscribe_to_streaming()
Message(account=ann, folder=ann.inbox, subject='told', body='text').save()
for notification in ann.inbox.get_streaming_events(subscription, connection_timeout=1, max_notifications_returned=1):
    print('told', [type(event).__name__ for event in notification.events])
ann.inbox.unsubscribe(subscription)
draft = Message(account=bob, folder=bob.drafts, subject='draft', body='text', to_recipients=['ann@example.com'])
draft.save()
draft.send()
print('sent', ann.inbox.filter(subject='draft').count(), bob.drafts.all().count(), bob.sent.filter(subject='draft').count())
try:
    account('nobody@example.com').inbox
except ErrorNonExistentMailbox as error:
    print('nobody', error)
END

my $result = run_program($python, $script, $sim->url, $sim->ca_file);
is($result->{status}, 0, 'F28: a client that others have written succeeds') or diag($result->{err});
is($result->{out}, <<'END', 'and sees what it should');
resolved ann@example.com Ann Other ['SMTP:ann@example.com', 'smtp:a@example.com']
found [('hello', '<1@example.org>')]
missed 0
item hello False False v1:key b'From: c@example.org\r\nMessage-ID: <1@example.org>\r\nSubject: hello\r\n\r\nbody\r\n'
received ['composed']
counted Inbox 1 1
changed True ['red', 'blue'] High True
synchronised [('create', 'hello')]
moved [('delete', True)] 1
copied 1 1
hierarchy [('create', 'Inbox'), ('create', 'Renamed')]
deleted [('delete', True)]
told ['CreatedEvent']
sent 1 0 1
nobody The SMTP address has no mailbox associated with it.
END
$sim->check_answers;
$sim->stop;

done_testing;
