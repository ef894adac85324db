/* Each kind of recipient as Exchange shows it, over a real HTTP exchange. */
#include "common/directory/source-ews.h"

#include "common/base/error.h"
#include "tests/lib/ews-fixture.h"
#include "tests/lib/http-fixture.h"
#include "tests/lib/scratch.h"
#include "tests/unit/directory/fixture.h"

#define MESSAGE(operation, class, code, inside)                                                    \
    EWS_TEST_SOAP(                                                                                 \
        "<m:" operation "Response><m:ResponseMessages><m:" operation                               \
        "ResponseMessage ResponseClass=\"" class "\"><m:ResponseCode>" code                        \
                                                 "</m:ResponseCode>" inside "</m:" operation       \
                                                 "ResponseMessage></m:ResponseMessages></"         \
                                                 "m:" operation "Response>")

static const char inbox[] = MESSAGE("GetFolder", "Success", "NoError",
                                    "<m:Folders><t:Folder><t:FolderId Id=\"F\"/><t:DisplayName>"
                                    "Inbox</t:DisplayName></t:Folder></m:Folders>");
static const char no_mailbox[] = MESSAGE("GetFolder", "Error", "ErrorNonExistentMailbox", "");
static const char denied[] = MESSAGE("GetFolder", "Error", "ErrorImpersonateUserDenied", "");
static const char nobody[] = MESSAGE("ResolveNames", "Error", "ErrorNameResolutionNoResults", "");

typedef struct {
    const char *address;
    const char *store;
    const char *type; /* MailboxType; NULL: the directory finds nobody */
    ExgDirectoryVerdict verdict;
    ExgRecipientKind kind;
} Row;

static const Row rows[] = {
    {"user@x", inbox, "Mailbox", EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX},
    {"shared@x", inbox, "Mailbox", EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX},
    {"room@x", inbox, "Mailbox", EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX},
    {"forwarding@x", inbox, "Mailbox", EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX},
    {"hidden@x", inbox, NULL, EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX},
    {"team@x", inbox, "GroupMailbox", EXG_DIRECTORY_DELIVERABLE, EXG_RECIPIENT_MAILBOX},
    {"group@x", no_mailbox, "PublicDL", EXG_DIRECTORY_NOT_A_MAILBOX, EXG_RECIPIENT_GROUP},
    {"list@x", no_mailbox, "PrivateDL", EXG_DIRECTORY_NOT_A_MAILBOX, EXG_RECIPIENT_GROUP},
    {"contact@x", no_mailbox, "Contact", EXG_DIRECTORY_NOT_A_MAILBOX, EXG_RECIPIENT_CONTACT},
    {"folder@x", no_mailbox, "PublicFolder", EXG_DIRECTORY_NOT_A_MAILBOX,
     EXG_RECIPIENT_PUBLIC_FOLDER},
    {"nobody@x", no_mailbox, NULL, EXG_DIRECTORY_NO_SUCH, EXG_RECIPIENT_NOBODY},
    {"elsewhere@x", no_mailbox, "Mailbox", EXG_DIRECTORY_CANNOT_TELL, EXG_RECIPIENT_MAILBOX},
    {"teamless@x", no_mailbox, "GroupMailbox", EXG_DIRECTORY_CANNOT_TELL, EXG_RECIPIENT_MAILBOX},
    {"odd@x", no_mailbox, "Unknown", EXG_DIRECTORY_CANNOT_TELL, EXG_RECIPIENT_MAILBOX},
    {"new@x", no_mailbox, "SomethingOfTheFuture", EXG_DIRECTORY_CANNOT_TELL, EXG_RECIPIENT_MAILBOX},
    {"denied@x", denied, "Mailbox", EXG_DIRECTORY_CANNOT_TELL, EXG_RECIPIENT_UNKNOWN},
};

/* The directory's answer; `type` NULL: nobody. (transfer full) */
static char *
resolution(const Row *row)
{
    static const char frame[] = MESSAGE(
        "ResolveNames", "Success", "NoError",
        "<m:ResolutionSet TotalItemsInView=\"1\" IncludesLastItemInRange=\"true\"><t:Resolution>"
        "<t:Mailbox><t:Name>N</t:Name><t:EmailAddress>ADDRESS</t:EmailAddress><t:RoutingType>SMTP"
        "</t:RoutingType><t:MailboxType>TYPE</t:MailboxType></t:Mailbox></t:Resolution>"
        "</m:ResolutionSet>");
    if (row->type == NULL)
        return g_strdup(nobody);
    g_autoptr(GString) text = g_string_new(frame);
    g_string_replace(text, "ADDRESS", row->address, 1);
    g_string_replace(text, "TYPE", row->type, 1);
    return g_string_free(g_steal_pointer(&text), FALSE);
}

static const Row *
row_of(const char *body)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *by_element = g_strdup_printf(">%s<", rows[i].address);
        g_autofree char *by_prefix = g_strdup_printf(":%s<", rows[i].address);
        if (strstr(body, by_element) != NULL || strstr(body, by_prefix) != NULL)
            return &rows[i];
    }
    return NULL;
}

/* An Exchange of a few lines: answers as the table says, until the client is gone. */
static void
play_exchange(TestPeer *peer, gpointer data)
{
    char *head, *body;
    while (test_peer_read(peer, &head, &body)) {
        const Row *row = row_of(body);
        g_autofree char *action = test_head_value(head, "SOAPAction");
        g_autofree char *text = g_str_has_suffix(action, "/GetFolder\"") ? g_strdup(row->store)
                                                                         : resolution(row);
        g_autofree char *answer = g_strdup_printf(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n%s",
            strlen(text), text);
        test_peer_send(peer, answer, strlen(answer));
        g_free(head);
        g_free(body);
    }
}

static ExgAccount *
account_new(const HttpFixture *http, const char *access)
{
    char *scratch = test_scratch_new();
    g_autofree char *password = g_build_filename(scratch, "password", NULL);
    g_assert_true(g_file_set_contents(password, "secret", -1, NULL));
    g_autofree char *text = g_strdup_printf("[exchange]\nendpoint = %s\nusername = u\n"
                                            "password_file = %s\naccess = %s\n",
                                            test_server_url(http->server, NULL, "/EWS"), password,
                                            access);
    g_autoptr(GError) error = NULL;
    g_autoptr(ExgConf) conf = exg_conf_parse(text, strlen(text), "test", &error);
    g_assert_no_error(error);
    ExgAccount *account = exg_account_new(http->engine, conf, &error);
    g_assert_no_error(error);
    test_scratch_free(scratch);
    return account;
}

static void
test_kinds(gconstpointer access)
{
    HttpFixture http;
    http_fixture_init(&http, NULL);
    test_server_script(http.server, CALL(play_exchange, NULL));
    test_server_repeat(http.server);
    {
        g_autoptr(ExgAccount) account = account_new(&http, access);
        g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(http.engine, NULL, 0, 0);
        const ExgDirectoryOptions options = {.source = exg_directory_source_ews_new(account, NULL),
                                             .cache = cache,
                                             .timeout_ms = 60000};
        g_autoptr(ExgDirectory) directory = exg_directory_new(http.engine, &options);
        for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
            Outcome outcome;
            g_main_context_push_thread_default(exg_engine_context(http.engine));
            check(directory, rows[i].address, &outcome);
            g_main_context_pop_thread_default(exg_engine_context(http.engine));
            http_fixture_until(&http, outcome.answers == 1);
            assert_outcome_at(&outcome, rows[i].verdict, EXG_DIRECTORY_ASKED, rows[i].address);
            g_assert_cmpint(outcome.kind, ==, rows[i].kind);
        }
        /* the store is asked with the identity of a delivery, the directory with our own */
        g_autofree char *first = test_server_body(http.server, 0);
        bool impersonates = g_str_equal(access, "impersonation");
        g_assert_true(impersonates == (strstr(first, "ExchangeImpersonation") != NULL));
        g_assert_true(impersonates == (strstr(first, "<t:Mailbox>") == NULL));
        g_assert_nonnull(strstr(first, "Id=\"inbox\""));
    }
    http_fixture_clear(&http);
}

/* --- tips ------------------------------------------------------------------------------------- */

#define TIPS(pending, inside)                                                                      \
    EWS_TEST_SOAP("<m:GetMailTipsResponse ResponseClass=\"Success\"><m:ResponseCode>NoError"       \
                  "</m:ResponseCode><m:ResponseMessages><m:MailTipsResponseMessageType "           \
                  "ResponseClass=\"Success\"><m:ResponseCode>NoError</m:ResponseCode><m:MailTips>" \
                  "<t:RecipientAddress/><t:PendingMailTips>" pending "</t:PendingMailTips>" inside \
                  "</m:MailTips></m:MailTipsResponseMessageType></m:ResponseMessages>"             \
                  "</m:GetMailTipsResponse>")

typedef struct {
    const char *text;
    ExgSourceWord word;
    ExgDirectoryTips tips;
    bool fails;
} TipsRow;

static const TipsRow tips_rows[] = {
    {TIPS("",
          "<t:OutOfOffice><t:ReplyBody><t:Message>away</t:Message></t:ReplyBody></t:OutOfOffice>"
          "<t:MailboxFull>true</t:MailboxFull><t:TotalMemberCount>7</t:TotalMemberCount>"
          "<t:MaxMessageSize>37748736</t:MaxMessageSize><t:DeliveryRestricted>true"
          "</t:DeliveryRestricted><t:IsModerated>true</t:IsModerated><t:InvalidRecipient>false"
          "</t:InvalidRecipient>"),
     EXG_SOURCE_SAYS_YES,
     {true, true, true, true, true, 37748736, 7, 0},
     false},
    /* in the office, nothing special */
    {TIPS("", "<t:OutOfOffice><t:ReplyBody><t:Message/></t:ReplyBody></t:OutOfOffice>"
              "<t:MailboxFull>false</t:MailboxFull><t:InvalidRecipient>false</t:InvalidRecipient>"),
     EXG_SOURCE_SAYS_YES,
     {.known = true},
     false},
    /* a limit in kilobytes would refuse all mail */
    {TIPS("", "<t:MaxMessageSize>102400</t:MaxMessageSize><t:InvalidRecipient>false"
              "</t:InvalidRecipient>"),
     EXG_SOURCE_SAYS_YES,
     {.known = true},
     false},
    {TIPS("", "<t:InvalidRecipient>true</t:InvalidRecipient>"), EXG_SOURCE_SAYS_NO, {0}, false},
    /* what the server had no time for is not told */
    {TIPS("MailboxFullStatus InvalidRecipient", "<t:MailboxFull>true</t:MailboxFull>"
                                                "<t:InvalidRecipient>true</t:InvalidRecipient>"),
     EXG_SOURCE_SILENT,
     {.known = true},
     false},
    {EWS_TEST_SOAP("<m:GetMailTipsResponse ResponseClass=\"Error\"><m:ResponseCode>"
                   "ErrorMailTipsDisabled</m:ResponseCode></m:GetMailTipsResponse>"),
     EXG_SOURCE_SILENT,
     {0},
     true},
};

static void
play_tips(TestPeer *peer, gpointer data)
{
    const TipsRow *row = data;
    char *head, *body;
    while (test_peer_read(peer, &head, &body)) {
        g_autofree char *answer = g_strdup_printf(
            "HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: %zu\r\n\r\n%s",
            strlen(row->text), row->text);
        g_assert_nonnull(strstr(body, "<m:SendingAs><t:EmailAddress>svc@x<"));
        g_assert_nonnull(strstr(body, "<t:EmailAddress>user@x<"));
        test_peer_send(peer, answer, strlen(answer));
        g_free(head);
        g_free(body);
    }
}

typedef struct {
    guint answers;
    ExgSourceWord word;
    ExgDirectoryTips tips;
    bool failed;
} Told;

static void
keep_told(ExgSourceWord word, const ExgDirectoryTips *tips, const GError *error, gpointer data)
{
    *(Told *)data = (Told){1, word, *tips, error != NULL};
}

static void
test_tips(gconstpointer data)
{
    const TipsRow *row = data;
    HttpFixture http;
    http_fixture_init(&http, NULL);
    test_server_script(http.server, CALL(play_tips, (gpointer)row));
    test_server_repeat(http.server);
    {
        g_autoptr(ExgAccount) account = account_new(&http, "impersonation");
        g_autoptr(ExgDirectorySource) source = exg_directory_source_ews_new(account, "svc@x");
        Told told = {0};
        g_main_context_push_thread_default(exg_engine_context(http.engine));
        source->class->tell_tips(source, "user@x", exg_clock_deadline_ms(60000), NULL, keep_told,
                                 &told);
        g_main_context_pop_thread_default(exg_engine_context(http.engine));
        http_fixture_until(&http, told.answers == 1);
        g_assert_true(told.failed == row->fails);
        g_assert_cmpint(told.word, ==, row->word);
        g_assert_true(told.tips.known == row->tips.known && told.tips.full == row->tips.full &&
                      told.tips.restricted == row->tips.restricted &&
                      told.tips.moderated == row->tips.moderated &&
                      told.tips.out_of_office == row->tips.out_of_office);
        g_assert_cmpint(told.tips.max_message_bytes, ==, row->tips.max_message_bytes);
        g_assert_cmpint(told.tips.n_members, ==, row->tips.n_members);
    }
    http_fixture_clear(&http);
}

/* Without an address of the account's there is nobody to ask for. */
static void
test_no_tips(void)
{
    HttpFixture http;
    http_fixture_init(&http, NULL);
    {
        g_autoptr(ExgAccount) account = account_new(&http, "impersonation");
        g_autoptr(ExgDirectorySource) source = exg_directory_source_ews_new(account, NULL);
        g_assert_null(source->class->tell_tips);
    }
    http_fixture_clear(&http);
}

/* Nobody there to be asked. */
static void
test_unreachable(void)
{
    HttpFixture http;
    http_fixture_init(&http, NULL);
    test_server_script(http.server, READ, RESET);
    test_server_repeat(http.server);
    {
        g_autoptr(ExgAccount) account = account_new(&http, "impersonation");
        g_autoptr(ExgDirectoryCache) cache = exg_directory_cache_new(http.engine, NULL, 0, 0);
        const ExgDirectoryOptions options = {.source = exg_directory_source_ews_new(account, NULL),
                                             .cache = cache,
                                             .timeout_ms = 60000};
        g_autoptr(ExgDirectory) directory = exg_directory_new(http.engine, &options);
        Outcome outcome = {0}, second = {0};
        g_autoptr(GError) first_witness = exg_error_new(EXG_ERROR_NO_MAILBOX, "none");
        g_main_context_push_thread_default(exg_engine_context(http.engine));
        check(directory, "user@x", &outcome);
        exg_directory_ask(directory, "nobody@x", first_witness, exg_clock_deadline_ms(60000), NULL,
                          keep_outcome, &second);
        g_main_context_pop_thread_default(exg_engine_context(http.engine));
        http_fixture_until(&http, outcome.answers == 1 && second.answers == 1);
        assert_outcome(&outcome, CANNOT_TELL, ASKED);
        assert_outcome(&second, CANNOT_TELL, ASKED);
        g_assert_cmpint(second.kind, ==, EXG_RECIPIENT_UNKNOWN);
    }
    http_fixture_clear(&http);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_data_func("/directory-source-ews/impersonation", "impersonation", test_kinds);
    g_test_add_data_func("/directory-source-ews/delegate", "delegate", test_kinds);
    g_test_add_func("/directory-source-ews/unreachable", test_unreachable);
    for (guint i = 0; i < G_N_ELEMENTS(tips_rows); i++) {
        g_autofree char *path = g_strdup_printf("/directory-source-ews/tips/%u", i);
        g_test_add_data_func(path, &tips_rows[i], test_tips);
    }
    g_test_add_func("/directory-source-ews/no-tips", test_no_tips);
    return g_test_run();
}
