#!/usr/bin/python3
"""calls.py - makes the same call of python3-exchangelib again and again, one after the other. Arguments and output are those of calls.c."""
import os
import sys
import tempfile
import time

url, os.environ['REQUESTS_CA_BUNDLE'], account, mailbox, what, count = sys.argv[1:7]
from exchangelib import BASIC, IMPERSONATION, Account, Configuration, Credentials, Message

LINE = b'The quick brown fox jumps over the lazy dog, and again and again.\r\n'


def peak_kib():
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmHWM:'))


configuration = Configuration(service_endpoint=url, credentials=Credentials(*account.split(':', 1)), auth_type=BASIC)
owner = Account(mailbox, config=configuration, autodiscover=False, access_type=IMPERSONATION)
made = '-'


def resolve():
    (found, contact), = owner.protocol.resolve_names(['smtp:' + mailbox], return_full_contact_data=True)
    assert found.email_address == mailbox


def create():
    global made
    message = Message(account=owner, folder=owner.inbox, mime_content=content, is_read=False)
    message.save()
    made = message.id


def get():
    item, = owner.fetch([(sys.argv[7], None)], only_fields=['mime_content'])
    with tempfile.TemporaryFile() as file:
        file.write(item.mime_content)


if what == 'create':
    header = b'From: a@bench.test\r\nSubject: bench\r\n\r\n'
    length = int(sys.argv[7])
    content = (header + LINE * (length // len(LINE) + 1))[:length]
call = {'resolve': resolve, 'create': create, 'get': get}[what]
seconds = cpu_seconds = 0
if int(count) > 0:
    resolve()
    seconds, cpu_seconds = time.monotonic(), time.process_time()
for _ in range(max(int(count), 1)):
    call()
print('%.6f %.6f %d %s' % (time.monotonic() - seconds, time.process_time() - cpu_seconds, peak_kib(), made))
