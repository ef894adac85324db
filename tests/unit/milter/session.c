/* What an MTA has said, and what is forgotten of it when. */
#include "milter/session.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

static const ExgDecision good = {.situation = EXG_SITUATION_GOOD};

static void
begin(ExgMilterSession *session, const char *sender, const char *parameter, const char *client,
      const char *login)
{
    char *arguments[] = {(char *)sender, (char *)parameter, NULL};
    exg_milter_session_begin(session, arguments, client, login);
}

static void
test_client(void)
{
    g_autoptr(ExgMilterSession) session = exg_milter_session_new();
    g_assert_null(exg_milter_session_client(session));
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    inet_pton(AF_INET, "192.0.2.1", &v4.sin_addr);
    exg_milter_session_connect(session, (struct sockaddr *)&v4);
    g_assert_cmpstr(exg_milter_session_client(session), ==, "192.0.2.1");

    /* the MTA knows better: XCLIENT */
    begin(session, "<a@b.test>", NULL, "198.51.100.7", NULL);
    g_assert_cmpstr(exg_milter_session_client(session), ==, "198.51.100.7");
    begin(session, "<a@b.test>", NULL, NULL, NULL);
    g_assert_cmpstr(exg_milter_session_client(session), ==, "198.51.100.7");

    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    inet_pton(AF_INET6, "2001:db8::1", &v6.sin6_addr);
    exg_milter_session_connect(session, (struct sockaddr *)&v6);
    g_assert_cmpstr(exg_milter_session_client(session), ==, "2001:db8::1");

    /* the next client on the same connection has no address, and not that of the one before */
    exg_milter_session_connect(session, &(struct sockaddr){.sa_family = AF_UNIX});
    g_assert_null(exg_milter_session_client(session));
    exg_milter_session_connect(session, NULL);
    g_assert_null(exg_milter_session_client(session));
}

static void
test_envelope(void)
{
    static const struct {
        const char *argument, *sender, *parameter;
        guint64 size;
    } cases[] = {
        {"<a@b.test>", "a@b.test", "SIZE=1000", 1000},
        {"<>", "", "size=1", 1},
        {"a@b.test", "a@b.test", "SIZE=18446744073709551615", G_MAXUINT64},
        {"<a@b.test>", "a@b.test", "SIZE=99999999999999999999", G_MAXUINT64},
        {"<a@b.test>", "a@b.test", "SIZE=", 0},
        {"<a@b.test>", "a@b.test", "SIZE=-1", 0},
        {"<a@b.test>", "a@b.test", "SIZE= 1", 0},
        {"<a@b.test>", "a@b.test", "SIZES=1", 0},
        {"<a@b.test>", "a@b.test", NULL, 0},
        {"<@relay.test:a@b.test>", "a@b.test", NULL, 0},
        {"<a b@c>", NULL, NULL, 0},
        {"<a@b.test", NULL, NULL, 0},
    };
    g_autoptr(ExgMilterSession) session = exg_milter_session_new();
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s %s", cases[i].argument, cases[i].parameter);
        begin(session, cases[i].argument, cases[i].parameter, NULL, NULL);
        g_assert_cmpstr(exg_milter_session_sender(session), ==, cases[i].sender);
        g_assert_cmpuint(exg_milter_session_size(session), ==, cases[i].size);
    }
    char *parameters[] = {(char *)"<a@b.test>", (char *)"BODY=8BITMIME", (char *)"SIZE=7",
                          (char *)"AUTH=<>", NULL};
    exg_milter_session_begin(session, parameters, NULL, NULL);
    g_assert_cmpuint(exg_milter_session_size(session), ==, 7);
}

/* A message knows nothing of the one before it. */
static void
test_reset(void)
{
    g_autoptr(ExgMilterSession) session = exg_milter_session_new();
    begin(session, "<>", "SIZE=5", "192.0.2.1", "ann");
    exg_milter_session_skip(session);
    exg_milter_session_add_recipient(session, "x@y.test", EXG_RECIPIENT_MAILBOX, &good);
    exg_milter_session_add_header(session, "x-exgate-recipient", "forged");
    g_assert_true(exg_milter_session_is_authenticated(session));
    g_assert_true(exg_milter_session_wants_mark(session));
    for (guint i = 0; i < 2; i++) {
        if (i == 0)
            begin(session, "<a@b.test>", NULL, NULL, "");
        else
            exg_milter_session_end(session);
        g_assert_false(exg_milter_session_is_authenticated(session));
        g_assert_false(exg_milter_session_is_skipped(session));
        g_assert_cmpuint(exg_milter_session_size(session), ==, 0);
        g_assert_cmpuint(exg_milter_session_forged_headers(session), ==, 0);
        g_assert_false(exg_milter_session_wants_mark(session));
        g_assert_null(exg_milter_session_describe(session));
        g_assert_cmpstr(exg_milter_session_client(session), ==, "192.0.2.1");
    }
    g_assert_null(exg_milter_session_sender(session));
}

static void
test_recipients(void)
{
    static const char *const cases[][2] = {
        {"<ann@example.com>", "ann@example.com"},
        {"ann@example.com", "ann@example.com"},
        {"<\"a b\"@example.com>", "\"a b\"@example.com"},
        {"<postmaster>", "postmaster"},
        {"<>", NULL},
        {"", NULL},
        {"<ann@example.com\r\n>", NULL},
        {"<ann@exa%mple.com>", NULL},
    };
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *recipient = exg_milter_session_read_recipient(cases[i][0]);
        g_assert_cmpstr(recipient, ==, cases[i][1]);
    }
    g_autofree char *long_name = g_strnfill(EXG_SESSION_ADDRESS_MAX_BYTES, 'x');
    g_autofree char *too_long = g_strconcat("<", long_name, "@example.com>", NULL);
    g_assert_null(exg_milter_session_read_recipient(too_long));
}

/* Cut anywhere it is an address or none. */
static void
test_cut(void)
{
    static const char whole[] = "<\"a\\\"b\"@[IPv6:2001:db8::1]>";
    for (gsize length = 0; length <= strlen(whole); length++) {
        g_autofree char *cut = g_strndup(whole, length);
        g_autofree char *recipient = exg_milter_session_read_recipient(cut);
        g_assert_cmpint(recipient != NULL, ==, length == strlen(whole));
    }
}

/* Nobody learns of another recipient. */
static void
test_description(void)
{
    const ExgDecision full = {.situation = EXG_SITUATION_FULL};
    g_autoptr(ExgMilterSession) session = exg_milter_session_new();
    begin(session, "<a@b.test>", NULL, NULL, NULL);
    exg_milter_session_add_recipient(session, "ann@example.com", EXG_RECIPIENT_MAILBOX, &full);
    g_autofree char *one = exg_milter_session_describe(session);
    g_assert_cmpstr(one, ==, "ann@example.com; mailbox; mailbox-full");
    exg_milter_session_add_recipient(session, "bob@example.com", EXG_RECIPIENT_MAILBOX, &good);
    exg_milter_session_add_unseen(session);
    g_autofree char *three = exg_milter_session_describe(session);
    g_assert_cmpstr(three, ==, "3 recipients; good=1; mailbox-full=1; unseen=1");

    begin(session, "<a@b.test>", NULL, NULL, NULL);
    exg_milter_session_add_unseen(session);
    g_assert_null(exg_milter_session_describe(session));
    exg_milter_session_add_recipient(session, "ann@example.com", EXG_RECIPIENT_MAILBOX, &good);
    g_autofree char *hidden = exg_milter_session_describe(session);
    g_assert_cmpstr(hidden, ==, "2 recipients; good=1; unseen=1");

    begin(session, "<a@b.test>", NULL, NULL, NULL);
    exg_milter_session_add_recipient(session, "j\xc3\xb6rg@example.com", EXG_RECIPIENT_MAILBOX,
                                     &good);
    g_autofree char *utf8 = exg_milter_session_describe(session);
    g_assert_cmpstr(utf8, ==, "1 recipients; good=1");
}

static void
test_header(void)
{
    static const struct {
        const char *sender, *name, *value;
        bool is_automatic;
    } cases[] = {
        {"<>", "Subject", "x", true},
        {"<a@b.test>", "Subject", "x", false},
        {"<a@b.test>", "Auto-Submitted", "auto-replied", true},
        {"<a@b.test>", "auto-submitted", " auto-generated (rejected)", true},
        {"<a@b.test>", "Auto-Submitted", "no", false},
        {"<a@b.test>", "Precedence", "bulk", true},
        {"<a@b.test>", "Precedence", "first-class", false},
        {"<a@b.test>", "List-Id", "<x.y>", true},
        {"<a@b.test>", "List-Unsubscribe", "<mailto:x>", true},
        {"<>", "X-Auto-Response-Suppress", "All", false},
    };
    g_autoptr(ExgMilterSession) session = exg_milter_session_new();
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_test_message("%s %s: %s", cases[i].sender, cases[i].name, cases[i].value);
        begin(session, cases[i].sender, NULL, NULL, NULL);
        exg_milter_session_add_header(session, "From", "a@b.test");
        exg_milter_session_add_header(session, cases[i].name, cases[i].value);
        g_assert_cmpint(exg_milter_session_wants_mark(session), ==, cases[i].is_automatic);
        g_assert_cmpuint(exg_milter_session_forged_headers(session), ==, 0);
    }
    exg_milter_session_add_header(session, "X-Exgate-Recipient", "x");
    exg_milter_session_add_header(session, "X-EXGATE-recipient \t", "x");
    exg_milter_session_add_header(session, "X-Exgate-Recipients", "x");
    g_assert_cmpuint(exg_milter_session_forged_headers(session), ==, 2);
}

static void
keep_line(ExgLogLevel level, const char *line, gpointer data)
{
    g_string_append_printf(data, "%s\n", line);
}

static void
test_fields(void)
{
    g_autoptr(GString) lines = g_string_new(NULL);
    g_autoptr(ExgMilterSession) session = exg_milter_session_new();
    begin(session, "<>", NULL, "192.0.2.1", NULL);
    g_autoptr(ExgEvent) event = exg_event_new(NULL);
    exg_milter_session_set_fields(session, event);
    exg_log_set_sink(keep_line, lines);
    exg_log(EXG_LOG_ERROR, event, "said");
    exg_log_set_sink(NULL, NULL);
    g_assert_nonnull(strstr(lines->str, "said client=192.0.2.1 from=<>"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/milter/session/client", test_client);
    g_test_add_func("/milter/session/envelope", test_envelope);
    g_test_add_func("/milter/session/reset", test_reset);
    g_test_add_func("/milter/session/recipients", test_recipients);
    g_test_add_func("/milter/session/cut", test_cut);
    g_test_add_func("/milter/session/description", test_description);
    g_test_add_func("/milter/session/header", test_header);
    g_test_add_func("/milter/session/fields", test_fields);
    return g_test_run();
}
