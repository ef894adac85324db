"""The autodiscovery of evolution-ews: that of its library, by the call that its account assistant makes.

usage: evolution-ews.py LIBRARY USER PASSWORD ADDRESS...
Prints a line for each address, as soon as it is known: "ADDRESS ENDPOINT", or "ADDRESS nothing: WHY".
"""

import sys
from ctypes import CDLL, POINTER, Structure, byref, c_char_p, c_int, c_size_t, c_uint, c_uint32, c_void_p


class GError(Structure):
    _fields_ = [('domain', c_uint32), ('code', c_int), ('message', c_char_p)]


# what a library depends on is found through it as well: GObject, and libedataserver
library = CDLL(sys.argv[1])


def function(name, result, *arguments):
    found = library[name]
    found.restype = result
    found.argtypes = arguments
    return found


g_object_new = function('g_object_new_with_properties', c_void_p, c_size_t, c_uint, c_void_p, c_void_p)
e_source_new = function('e_source_new', c_void_p, c_void_p, c_void_p, c_void_p)
e_source_get_extension = function('e_source_get_extension', c_void_p, c_void_p, c_char_p)
e_source_authentication_get_type = function('e_source_authentication_get_type', c_size_t)
e_source_authentication_set_user = function('e_source_authentication_set_user', None, c_void_p, c_char_p)
camel_ews_settings_get_type = function('camel_ews_settings_get_type', c_size_t)
camel_ews_settings_get_hosturl = function('camel_ews_settings_get_hosturl', c_char_p, c_void_p)
e_ews_autodiscover_ws_url_sync = function(
    'e_ews_autodiscover_ws_url_sync', c_int, c_void_p, c_void_p, c_char_p, c_char_p, c_void_p, c_void_p, c_void_p,
    POINTER(POINTER(GError)))

user, password, *addresses = [argument.encode() for argument in sys.argv[2:]]
e_source_authentication_get_type()  # makes "Authentication" known
for address in addresses:
    source = e_source_new(None, None, None)
    e_source_authentication_set_user(e_source_get_extension(source, b'Authentication'), user)
    settings = g_object_new(camel_ews_settings_get_type(), 0, None, None)
    error = POINTER(GError)()
    if e_ews_autodiscover_ws_url_sync(source, settings, address, password, None, None, None, byref(error)):
        answer = camel_ews_settings_get_hosturl(settings)
    else:
        answer = b'nothing: ' + (error.contents.message if error else b'no reason given')
    print(address.decode(), answer.decode(), flush=True)
