/* networks.h - a list of networks, IPv4 and IPv6, and whether an address is in one of them.
 *
 * A network is written as an address, "192.0.2.1" or "2001:db8::1", or with the length of its
 * prefix, "192.0.2.0/24", "2001:db8::/32". Bits behind the prefix have to be 0. An address is taken
 * as MTAs write it in {client_addr}: also "IPv6:2001:db8::1", "[192.0.2.1]", and an IPv4 address
 * within IPv6 ("::ffff:192.0.2.1") is that IPv4 address.
 *
 * Threads:  immutable once made.
 * Errors:   EXG_ERROR_CONFIG, one sentence that quotes the network.
 * Source:   RFC 4632, RFC 4291 2.3 and 2.5.5.2.
 */
#ifndef EXG_MILTER_NETWORKS_H
#define EXG_MILTER_NETWORKS_H

#include <glib.h>
#include <stdbool.h>

typedef struct ExgNetworks ExgNetworks;

/* `texts` ends with NULL; an empty list contains nobody. */
ExgNetworks *exg_networks_new(const char *const *texts, GError **error);
void exg_networks_free(ExgNetworks *networks);

/* What is not an address ("unknown", a unix socket's client, NULL) is in no network. */
bool exg_networks_contain(const ExgNetworks *networks, const char *address);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(ExgNetworks, exg_networks_free)

#endif
