#include "milter/networks.h"

#include "common/base/error.h"

#include <arpa/inet.h>
#include <string.h>

#define ADDRESS_MAX_CHARS (INET6_ADDRSTRLEN + 8)

typedef struct {
    guint8 bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    bool is_v4;
} Address;

typedef struct {
    Address address;
    guint bits; /* of the 128 */
} Network;

struct ExgNetworks {
    GArray *all; /* Network */
};

static bool
read_address(const char *text, Address *ret_address)
{
    static const guint8 v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    Address address = {.is_v4 = inet_pton(AF_INET, text, address.bytes + 12) == 1};
    if (address.is_v4)
        memcpy(address.bytes, v4_mapped, sizeof v4_mapped);
    else if (inet_pton(AF_INET6, text, address.bytes) != 1)
        return false;
    *ret_address = address;
    return true;
}

static bool
shares_prefix(const guint8 *one, const guint8 *other, guint bits)
{
    guint rest = bits % 8;
    if (memcmp(one, other, bits / 8) != 0)
        return false;
    return rest == 0 || (one[bits / 8] ^ other[bits / 8]) >> (8 - rest) == 0;
}

static bool
ends_in_zeros(const guint8 *bytes, guint from_bit)
{
    for (guint bit = from_bit; bit < 128; bit++)
        if ((bytes[bit / 8] & 0x80u >> bit % 8) != 0)
            return false;
    return true;
}

static bool
read_network(const char *text, Network *ret_network, GError **error)
{
    const char *slash = strchr(text, '/');
    g_autofree char *host = slash != NULL ? g_strndup(text, (gsize)(slash - text)) : g_strdup(text);
    Network network = {.bits = 128};
    if (!read_address(host, &network.address))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s: a network such as 192.0.2.0/24 or 2001:db8::/32 is expected",
                             text);
    guint skipped = network.address.is_v4 ? 96 : 0;
    guint64 length;
    if (slash != NULL &&
        !g_ascii_string_to_unsigned(slash + 1, 10, 0, 128 - skipped, &length, NULL))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s: a prefix of 0 to %u bits is expected after the /", text,
                             128 - skipped);
    if (slash != NULL)
        network.bits = skipped + (guint)length;
    if (!ends_in_zeros(network.address.bytes, network.bits))
        return exg_error_set(error, EXG_ERROR_CONFIG,
                             "%s: there are bits set behind the prefix; which network is meant?",
                             text);
    *ret_network = network;
    return true;
}

ExgNetworks *
exg_networks_new(const char *const *texts, GError **error)
{
    g_autoptr(ExgNetworks) networks = g_new0(ExgNetworks, 1);
    networks->all = g_array_new(FALSE, FALSE, sizeof(Network));
    for (; *texts != NULL; texts++) {
        Network network;
        if (!read_network(*texts, &network, error))
            return NULL;
        g_array_append_val(networks->all, network);
    }
    return g_steal_pointer(&networks);
}

void
exg_networks_free(ExgNetworks *networks)
{
    if (networks == NULL)
        return;
    g_array_unref(networks->all);
    g_free(networks);
}

bool
exg_networks_contain(const ExgNetworks *networks, const char *text)
{
    char bare[ADDRESS_MAX_CHARS];
    Address address;
    if (text == NULL || networks->all->len == 0)
        return false;
    if (text[0] == '[')
        text++;
    if (g_ascii_strncasecmp(text, "IPv6:", 5) == 0)
        text += 5;
    if (g_strlcpy(bare, text, sizeof bare) >= sizeof bare)
        return false;
    /* a zone, as in fe80::1%eth0, tells nothing about the network */
    bare[strcspn(bare, "]%")] = '\0';
    if (!read_address(bare, &address))
        return false;
    for (guint i = 0; i < networks->all->len; i++) {
        const Network *network = &g_array_index(networks->all, Network, i);
        if (shares_prefix(network->address.bytes, address.bytes, network->bits))
            return true;
    }
    return false;
}
