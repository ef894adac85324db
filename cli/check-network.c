/* exgate check: name and connection. */
#include "cli/check.h"

#include "common/base/clock.h"
#include "common/base/error.h"

#include <sysexits.h>

/* --- name ------------------------------------------------------------------------------------- */

typedef struct {
    ExgCheck *check;
    GError *error;
    bool done;
} LookUp;

static void
looked_up(const char *const *addresses, const GError *error, gpointer data)
{
    LookUp *look_up = data;
    look_up->done = true;
    if (addresses != NULL)
        look_up->check->addresses = g_strdupv((char **)addresses);
    else
        look_up->error = g_error_copy(error);
    exg_engine_quit(look_up->check->tool.engine);
}

static gint64
connect_deadline_us(const ExgCheck *check)
{
    return exg_clock_deadline_ms(exg_conf_int(check->tool.conf, "exchange", "connect_timeout"));
}

static bool
check_name(ExgCheck *check)
{
    g_autoptr(ExgResolver) resolver = exg_resolver_new(check->tool.engine);
    LookUp look_up = {.check = check};
    exg_resolver_lookup(resolver, check->host, connect_deadline_us(check), looked_up, &look_up);
    exg_engine_run(check->tool.engine);
    if (check->addresses == NULL) {
        exg_check_report(check, "name", EXG_STEP_WRONG, EX_NOHOST, "%s", look_up.error->message);
        exg_check_mend(check, "Ask the name servers of this host",
                       "getent ahosts %s\ncat /etc/resolv.conf", check->host);
        exg_check_mend(check, "Which names Exchange has",
                       "Get-WebServicesVirtualDirectory |\n"
                       "    Format-List Server, InternalUrl, ExternalUrl");
        g_error_free(look_up.error);
        return false;
    }
    g_autofree char *list = g_strjoinv(", ", check->addresses);
    exg_check_report(check, "name", EXG_STEP_OK, 0, "%s is %s", check->host, list);
    return true;
}

/* --- connection ------------------------------------------------------------------------------- */

/* On failure, says why: the last address's reason. */
static bool
try_address(ExgCheck *check, const char *address, GError **error)
{
    ExgTool *tool = &check->tool;
    gint64 timeout_ms = exg_conf_int(tool->conf, "exchange", "connect_timeout");
    g_autoptr(GSocketClient) client = g_socket_client_new();
    g_autoptr(GSocketAddress) target = g_inet_socket_address_new_from_string(address, check->port);
    g_socket_client_set_enable_proxy(client, FALSE);
    g_socket_client_set_timeout(client, (guint)MAX(timeout_ms / 1000, 1));
    tool->waiting_for = check->host;
    g_socket_client_connect_async(client, G_SOCKET_CONNECTABLE(target), tool->cancellable,
                                  exg_tool_done, tool);
    check->connection = g_socket_client_connect_finish(client, exg_tool_wait(tool), error);
    tool->waiting_for = NULL;
    return check->connection != NULL;
}

static bool
check_connection(ExgCheck *check)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GString) refused = g_string_new(NULL);
    for (guint i = 0; check->addresses[i] != NULL && check->connection == NULL; i++) {
        const char *address = check->addresses[i];
        gint64 begin_us = exg_clock_monotonic_us();
        g_clear_error(&error);
        if (!try_address(check, address, &error)) {
            g_string_append_printf(refused, "%s%s", refused->len > 0 ? ", " : "", address);
            continue;
        }
        exg_check_report(check, "connection", refused->len > 0 ? EXG_STEP_NOTE : EXG_STEP_OK, 0,
                         "port %u of %s, in %d ms%s%s", check->port, address,
                         (int)((exg_clock_monotonic_us() - begin_us) / 1000),
                         refused->len > 0 ? "; nobody answers at " : "", refused->str);
        return true;
    }
    exg_check_report(check, "connection", EXG_STEP_WRONG, EX_UNAVAILABLE,
                     "nobody answers at port %u of %s: %s", check->port, refused->str,
                     error->message);
    exg_check_mend(check, "In PowerShell on the Exchange server: is it there, may one come in",
                   "Get-Service W3SVC | Start-Service\n"
                   "Get-NetFirewallPortFilter -Protocol TCP |\n"
                   "    Where-Object LocalPort -eq %u | Get-NetFirewallRule",
                   check->port);
    exg_check_mend(check, "From here: is the way open", "nc -vz -w 5 %s %u", check->host,
                   check->port);
    return false;
}

bool
exg_check_network(ExgCheck *check)
{
    if (!check_name(check)) {
        exg_check_report(check, "connection", EXG_STEP_SKIPPED, 0, "not tried without an address");
        return false;
    }
    if (!check_connection(check)) {
        exg_check_report(check, "TLS", EXG_STEP_SKIPPED, 0, "not tried without a connection");
        return false;
    }
    if (check->has_tls)
        return exg_check_tls(check);
    exg_check_report(check, "TLS", EXG_STEP_NOTE, 0,
                     "none: whoever is on the way can read passwords and mail");
    exg_check_mend(check, "In exgate.conf", "endpoint = https://%s/EWS/Exchange.asmx", check->host);
    return true;
}
