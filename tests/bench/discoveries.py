#!/usr/bin/python3
"""discoveries.py - the same by python3-exchangelib, with a thread for each address. Arguments and output are those of discoveries.c; its
cache goes to $TMPDIR."""
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

os.environ['REQUESTS_CA_BUNDLE'], account, _ = sys.argv[1:4]
from exchangelib import Credentials
from exchangelib.autodiscover.discovery.pox import PoxAutodiscovery

addresses = sys.argv[4:]
credentials = Credentials(*account.split(':', 1))


def peak_kib():
    with open('/proc/self/status') as status:
        return next(int(line.split()[1]) for line in status if line.startswith('VmHWM:'))


def discover(address):
    found, endpoint = PoxAutodiscovery(email=address, credentials=credentials).discover()
    return endpoint.service_endpoint


def discover_all():
    begun = time.monotonic()
    with ThreadPoolExecutor(len(addresses)) as pool:
        endpoints = list(pool.map(discover, addresses))
    return time.monotonic() - begun, endpoints


first, _ = discover_all()
second, endpoints = discover_all()
print('%.6f %.6f %.6f %d' % (first, second, time.process_time(), peak_kib()))
print('\n'.join(endpoints))
