/* address.h - mail addresses as the envelope carries them.
 *
 * Parses the path of MAIL and RCPT: "<>", "<user@example.com>", "<"quoted local"@example.com>", an
 * address literal, an old source route (dropped), "<postmaster>" and a bare "<user>". UTF-8 in both
 * parts if the caller allows it.
 *
 * Threads:  pure functions.
 * Memory:   results are strings of the caller.
 * Errors:   EXG_ERROR_REJECTED, one short phrase for a 501/553 reply; never quotes control
 *           characters.
 * Limits:   local part 256 octets on the wire, domain 255, path 512; longer is an error. The RFC's
 *           64 and 256 would bounce mail: bounce addresses that carry another address in their
 *           local part are often longer.
 * Leniency: dots may stand anywhere in a local part ("a..b@example.com" exists), "_" in a domain,
 *           one dot at its end.
 * Source:   RFC 5321 4.1.2, RFC 6531 3.3.
 */
#ifndef EXG_MIME_ADDRESS_H
#define EXG_MIME_ADDRESS_H

#include <glib.h>
#include <stdbool.h>

/* Parses the path at the beginning of `text`. `*ret_address`: "local@domain" with needless quotes
 * removed, "" for "<>". `*ret_used`: bytes of `text` that belong to the path, with its brackets. A
 * path without brackets is accepted up to the next space, as some clients send it. */
bool exg_address_parse_path(const char *text, gsize length, bool allow_utf8, char **ret_address,
                            gsize *ret_used, GError **error);

/* The form in which two spellings of one mailbox compare equal: lower case in both parts (Exchange
 * ignores case), with the domain's trailing dot removed. */
char *exg_address_fold(const char *address);
/* The part after the last "@", or NULL if there is none. */
const char *exg_address_domain(const char *address);
/* Whether a text can stand behind the "@" of an address. */
bool exg_address_is_domain(const char *text);
/* An address without a domain gets this one; another is copied, and so is any with `domain` NULL. */
char *exg_address_complete(const char *address, const char *domain);
/* Splits "ann+lists@example.com" at the first of the delimiters that stands in its local part, into
 * "ann@example.com" and "lists". False if there is none, or nothing on one of its sides. */
bool exg_address_split_detail(const char *address, const char *delimiters, char **ret_base,
                              char **ret_detail);
/* Whether it has a byte above 127. */
bool exg_address_is_utf8(const char *address);

#endif
