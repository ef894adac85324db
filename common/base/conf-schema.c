/* Every key of exgate.conf. The manual page exgate.conf(5) is checked against this table. */
#include "common/base/conf.h"

#define SECOND ((gint64)1000)
#define MINUTE (60 * SECOND)
#define MEBI   ((gint64)1024 * 1024)

static const ExgConfKey schema[] = {
    {.group = "exchange", .key = "endpoint", .type = EXG_CONF_URL, .required = true,
     .doc = "The EWS URL: https://mail.example.com/EWS/Exchange.asmx"},
    {.group = "exchange", .key = "username", .type = EXG_CONF_STRING, .required = true,
     .doc = "The service account: user@example.com or EXAMPLE\\user"},
    {.group = "exchange", .key = "password_file", .type = EXG_CONF_PATH, .required = true,
     .doc = "A file with its password, or credential:NAME for systemd's LoadCredential"},
    {.group = "exchange", .key = "auth", .type = EXG_CONF_CHOICE, .fallback = "basic", .choices = "basic",
     .doc = "How the service account proves itself"},
    {.group = "exchange", .key = "access", .type = EXG_CONF_CHOICE, .fallback = "impersonation",
     .choices = "impersonation delegate", .doc = "By what right mailboxes are opened"},
    {.group = "exchange", .key = "server_version", .type = EXG_CONF_CHOICE, .fallback = "Exchange2013_SP1",
     .choices = "Exchange2010 Exchange2010_SP1 Exchange2010_SP2 Exchange2013 Exchange2013_SP1 Exchange2015 Exchange2016",
     .doc = "The EWS schema to speak; Exchange 2013 SP1's is understood by all newer servers"},
    {.group = "exchange", .key = "ca_file", .type = EXG_CONF_PATH,
     .doc = "PEM file with the CA that signed the server's certificate; not set: the system's CAs"},
    {.group = "exchange", .key = "tls_verify", .type = EXG_CONF_BOOL, .fallback = "yes",
     .doc = "Verify the server's certificate; no is for tests only, since it gives the password to anybody"},
    {.group = "exchange", .key = "connect_timeout", .type = EXG_CONF_DURATION, .fallback = "10s", .min = 100,
     .max = 5 * MINUTE, .doc = "Time for look-up, connection and TLS handshake together"},
    {.group = "exchange", .key = "max_connections", .type = EXG_CONF_INT, .fallback = "64", .min = 1, .max = 10000,
     .doc = "Connections to Exchange at a time"},
    {.group = "lmtp", .key = "listen", .type = EXG_CONF_LIST, .fallback = "unix:/run/exgate/lmtp.sock",
     .doc = "Sockets: unix:/path, inet:address:port, or systemd for socket activation"},
    {.group = "lmtp", .key = "socket_mode", .type = EXG_CONF_MODE, .fallback = "0660", .max = 0777,
     .doc = "Mode of unix sockets"},
    {.group = "lmtp", .key = "socket_owner", .type = EXG_CONF_STRING, .doc = "Owner of unix sockets; not set: exgate's"},
    {.group = "lmtp", .key = "socket_group", .type = EXG_CONF_STRING, .doc = "Group of unix sockets; not set: exgate's"},
    {.group = "lmtp", .key = "hostname", .type = EXG_CONF_STRING,
     .doc = "Our name in the greeting and in Received; not set: the host's"},
    {.group = "lmtp", .key = "max_message_size", .type = EXG_CONF_SIZE, .fallback = "50328576", .min = 1024,
     .max = 1024 * MEBI, .doc = "Largest message; the default is what Exchange takes in one request of 64 MiB"},
    {.group = "lmtp", .key = "max_recipients", .type = EXG_CONF_INT, .fallback = "1000", .min = 1, .max = 100000,
     .doc = "Recipients of one message"},
    {.group = "lmtp", .key = "max_sessions", .type = EXG_CONF_INT, .fallback = "1000", .min = 1, .max = 100000,
     .doc = "LMTP connections at a time, over all sockets"},
    {.group = "lmtp", .key = "max_hops", .type = EXG_CONF_INT, .fallback = "50", .min = 1, .max = 1000,
     .doc = "Received fields past which a message is taken to be looping"},
    {.group = "lmtp", .key = "idle_timeout", .type = EXG_CONF_DURATION, .fallback = "5min", .min = SECOND,
     .max = 60 * MINUTE, .doc = "An LMTP client that says nothing for so long is disconnected"},
    {.group = "lmtp", .key = "spool_directory", .type = EXG_CONF_PATH, .fallback = "/var/lib/exgate",
     .doc = "Where larger messages wait while they are delivered, as files without a name; on disk, not tmpfs"},
    {.group = "lmtp", .key = "spool_memory", .type = EXG_CONF_SIZE, .fallback = "256K", .min = 4096, .max = 64 * MEBI,
     .doc = "Messages up to this size stay in memory"},
    {.group = "delivery", .key = "timeout", .type = EXG_CONF_DURATION, .fallback = "240s", .min = SECOND,
     .max = 9 * MINUTE, .doc = "Each recipient's reply comes within this time; Postfix waits 600 s"},
    {.group = "delivery", .key = "mailbox_full", .type = EXG_CONF_CHOICE, .fallback = "defer", .choices = "defer bounce",
     .doc = "What a full mailbox means: try again later (452 4.2.2) or give up (552 5.2.2)"},
    {.group = "log", .key = "target", .type = EXG_CONF_CHOICE, .fallback = "stderr", .choices = "stderr syslog",
     .doc = "Where the log goes; under systemd stderr is the journal"},
    {.group = "log", .key = "level", .type = EXG_CONF_CHOICE, .fallback = "info", .choices = "error warning info debug",
     .doc = "The least important lines to log"},
};

const ExgConfKey *
exg_conf_schema(gsize *ret_count)
{
    *ret_count = G_N_ELEMENTS(schema);
    return schema;
}
