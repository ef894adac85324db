/* The simulated Exchange's autodiscover: what it is asked in the library's words it answers in words
 * that the schema knows and the library understands; what is wrong it refuses. */
#include "tests/exchange-sim/autodiscover.h"

#include "common/autodiscover/json.h"
#include "common/autodiscover/pox.h"
#include "common/autodiscover/soap.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

#define ADDRESS "ann@contoso.example"
#define EWS     "https://mail.contoso.example/EWS/Exchange.asmx"
#define PROXY   "a.other@contoso.example"

typedef struct {
    ExgSimDirectory *directory;
    ExgSimHttpRequest request;
    ExgSimAnswer answer;
    const char *refusal;
} Fixture;

static void
set_up(Fixture *f, gconstpointer data)
{
    g_autoptr(GError) error = NULL;
    f->directory = exg_sim_directory_new(NULL);
    exg_sim_directory_add(f->directory, ADDRESS " name=\"Ann & Other\" alias=" PROXY, &error);
    g_assert_no_error(error);
}

static void
forget(Fixture *f)
{
    exg_sim_http_request_clear(&f->request);
    exg_sim_answer_clear(&f->answer);
    f->answer = (ExgSimAnswer){0};
    f->refusal = NULL;
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    forget(f);
    exg_sim_directory_free(f->directory);
}

/* `body` NULL: a GET. */
static void
pose(Fixture *f, const char *path, const char *headers, const char *body)
{
    forget(f);
    exg_sim_http_request_init(&f->request, 1024 * 1024);
    g_autofree char *text = g_strdup_printf(
        "%s %s HTTP/1.1\r\nHost: mail.contoso.example\r\nContent-Length: %zu\r\n%s\r\n%s",
        body != NULL ? "POST" : "GET", path, body != NULL ? strlen(body) : 0, headers,
        body != NULL ? body : "");
    gsize length = strlen(text), taken = 0;
    while (taken < length && f->request.state != EXG_SIM_HTTP_DONE)
        taken += exg_sim_http_request_feed(&f->request, (const guint8 *)text + taken,
                                           length - taken);
    (void)exg_sim_http_request_feed(&f->request, NULL, 0);
    g_assert_cmpuint(taken, ==, length);
}

static void
ask(Fixture *f, const char *path, const char *headers, const char *body)
{
    pose(f, path, headers, body);
    f->refusal = exg_sim_autodiscover_answer(f->directory, &f->request, &f->answer);
}

typedef ExgAutodiscoverAnswer *(*Reader)(const char *text, gsize length, GError **error);

static ExgAutodiscoverAnswer *
understand(Fixture *f, Reader reader)
{
    g_autoptr(GError) error = NULL;
    if (f->answer.body[0] == '<')
        ews_test_validate(f->answer.body);
    ExgAutodiscoverAnswer *answer = reader(f->answer.body, f->answer.length, &error);
    g_assert_no_error(error);
    return answer;
}

static void
assert_setting(const ExgAutodiscoverAnswer *answer, const char *name, const char *value)
{
    g_assert_cmpstr(exg_autodiscover_answer_get(answer, name), ==, value);
}

/* (transfer full) */
static char *
soap_request(const char *address)
{
    gsize length;
    return exg_autodiscover_soap_request("https://mail.contoso.example" EXG_AUTODISCOVER_SOAP_PATH,
                                         address, exg_autodiscover_all_settings, &length);
}

static void
test_soap(Fixture *f, gconstpointer data)
{
    g_autofree char *request = soap_request(PROXY);
    ask(f, EXG_AUTODISCOVER_SOAP_PATH, "", request);
    g_assert_null(f->refusal);
    g_autoptr(ExgAutodiscoverAnswer) answer = understand(f, exg_autodiscover_soap_read);
    g_assert_cmpint(answer->kind, ==, EXG_AUTODISCOVER_SETTINGS);
    assert_setting(answer, "ExternalEwsUrl", EWS);
    assert_setting(answer, "AutoDiscoverSMTPAddress", ADDRESS);
    assert_setting(answer, "UserDisplayName", "Ann & Other");
    assert_setting(answer, "ActiveDirectoryServer", NULL);
    g_assert_nonnull(answer->build);
    g_autofree char *nobody = soap_request("bob@contoso.example");
    ask(f, EXG_AUTODISCOVER_SOAP_PATH, "", nobody);
    g_autoptr(ExgAutodiscoverAnswer) none = understand(f, exg_autodiscover_soap_read);
    g_assert_cmpint(none->kind, ==, EXG_AUTODISCOVER_NO_USER);
}

static void
test_soap_refusals(Fixture *f, gconstpointer data)
{
    static const char *const cuts[][2] = {
        {"<a:RequestedServerVersion>", "</a:RequestedServerVersion>"},
        {"<wsa:Action>", "</wsa:Action>"},
        {"<a:Users>", "</a:Users>"},
        {"<a:RequestedSettings>", "</a:RequestedSettings>"},
        {"<s:Header>", "</s:Body>"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cuts); i++) {
        g_autofree char *request = soap_request(ADDRESS);
        char *from = strstr(request, cuts[i][0]), *to = strstr(request, cuts[i][1]);
        to += strlen(cuts[i][1]);
        memmove(from, to, strlen(to) + 1);
        ask(f, EXG_AUTODISCOVER_SOAP_PATH, "", request);
        g_assert_nonnull(f->refusal);
        g_assert_cmpuint(f->answer.status, ==, 500);
    }
    ask(f, EXG_AUTODISCOVER_SOAP_PATH, "", "");
    g_assert_nonnull(f->refusal);
}

static void
test_pox(Fixture *f, gconstpointer data)
{
    for (guint schema = EXG_AUTODISCOVER_OUTLOOK; schema <= EXG_AUTODISCOVER_MOBILESYNC; schema++) {
        gsize length;
        g_autofree char *request = exg_autodiscover_pox_request(ADDRESS, schema, &length);
        ask(f, "/Autodiscover/Autodiscover.xml", "", request);
        g_assert_null(f->refusal);
        g_autoptr(ExgAutodiscoverAnswer) answer = understand(f, exg_autodiscover_pox_read);
        g_assert_cmpint(answer->kind, ==, EXG_AUTODISCOVER_SETTINGS);
        assert_setting(answer, "UserDisplayName", "Ann & Other");
        assert_setting(answer, "AutoDiscoverSMTPAddress", ADDRESS);
        assert_setting(answer, "ExternalEwsUrl", schema == EXG_AUTODISCOVER_OUTLOOK ? EWS : NULL);
        g_autofree char *nobody = exg_autodiscover_pox_request("b@contoso.example", schema,
                                                               &length);
        ask(f, "/autodiscover/autodiscover.xml", "", nobody);
        g_autoptr(ExgAutodiscoverAnswer) none = understand(f, exg_autodiscover_pox_read);
        g_assert_cmpint(none->kind, ==, EXG_AUTODISCOVER_NO_USER);
    }
    ask(f, "/autodiscover/autodiscover.xml", "", "<Autodiscover/>");
    g_assert_nonnull(f->refusal);
    g_autoptr(ExgAutodiscoverAnswer) refused = understand(f, exg_autodiscover_pox_read);
    g_assert_cmpstr(refused->code, ==, "600");
}

static void
test_json(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *path, *code;
    } rows[] = {
        {"/autodiscover/autodiscover.json/v1.0/" ADDRESS "?Protocol=EWS", NULL},
        {"/autodiscover/autodiscover.json?Email=" PROXY "&Protocol=ews&RedirectCount=1", NULL},
        {"/autodiscover/autodiscover.json/v1.0/b@contoso.example?Protocol=EWS", "UserNotFound"},
        {"/autodiscover/autodiscover.json?Protocol=EWS", "MandatoryParameterMissing"},
        {"/autodiscover/autodiscover.json/v1.0/" ADDRESS, "MissingProtocol"},
        {"/autodiscover/autodiscover.json/v1.0/" ADDRESS "?Protocol=IMAP", "InvalidProtocol"},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        ask(f, rows[i].path, "", NULL);
        g_autoptr(ExgAutodiscoverAnswer) answer = understand(f, exg_autodiscover_json_read);
        g_assert_cmpstr(answer->code, ==, rows[i].code);
        assert_setting(answer, "ExternalEwsUrl", rows[i].code == NULL ? EWS : NULL);
        g_assert_cmpuint(f->answer.status, ==, rows[i].code == NULL ? 200 : 400);
    }
    ask(f, rows[0].path, "Authorization: Basic YTpi\r\n", NULL);
    g_assert_cmpstr(f->refusal, ==, "The JSON form came with credentials");
}

static void
test_paths(Fixture *f, gconstpointer data)
{
    static const struct {
        const char *path;
        bool is_path, wants_account;
    } rows[] = {
        {"/autodiscover/autodiscover.svc", true, true},
        {"/AutoDiscover/AutoDiscover.xml", true, true},
        {"/autodiscover/autodiscover.xml?x", true, true},
        {"/autodiscover/autodiscover.json/v1.0/a@b", true, false},
        {"/autodiscover/autodiscover.xml/x", false, false},
        {"/autodiscover/autodiscover.svcs", false, false},
        {"/EWS/Exchange.asmx", false, false},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_assert_cmpint(exg_sim_autodiscover_is_path(rows[i].path), ==, rows[i].is_path);
        g_assert_cmpint(exg_sim_autodiscover_wants_account(rows[i].path), ==,
                        rows[i].wants_account);
    }
}

/* A rule of the scenario, as it answers a request. */
static ExgAutodiscoverAnswer *
answer_fault(Fixture *f, const char *rule, const char *path, const char *body, Reader reader)
{
    g_autoptr(ExgSimFaults) faults = exg_sim_faults_new();
    g_autoptr(GError) error = NULL;
    exg_sim_faults_add(faults, rule, &error);
    g_assert_no_error(error);
    const ExgSimFaultSubject subject = {
        .phase = EXG_SIM_AT_REQUEST, .request = 1, .operation = EXG_SIM_AUTODISCOVER};
    guint cursor = 0;
    g_autoptr(ExgSimFault) fault = exg_sim_faults_take(faults, &subject, &cursor);
    g_assert_nonnull(fault);
    pose(f, path, "", body);
    g_assert_true(exg_sim_autodiscover_answer_fault(fault, &f->request, &f->answer));
    return f->answer.status == 302 ? NULL : understand(f, reader);
}

static void
test_faults(Fixture *f, gconstpointer data)
{
    static const char url[] = "https://other.example/autodiscover/autodiscover.svc";
    gsize length;
    g_autofree char *soap = soap_request(ADDRESS);
    g_autofree char *pox = exg_autodiscover_pox_request(ADDRESS, EXG_AUTODISCOVER_OUTLOOK, &length);
    const struct {
        const char *path, *body;
        Reader reader;
    } forms[] = {{EXG_AUTODISCOVER_SOAP_PATH, soap, exg_autodiscover_soap_read},
                 {"/autodiscover/autodiscover.xml", pox, exg_autodiscover_pox_read}};
    g_autofree char *lead = g_strconcat("on Autodiscover do redirect ", url, NULL);
    for (gsize i = 0; i < G_N_ELEMENTS(forms); i++) {
        g_autoptr(ExgAutodiscoverAnswer)
            address = answer_fault(f, "on Autodiscover do redirect b@other.example", forms[i].path,
                                   forms[i].body, forms[i].reader);
        g_assert_cmpint(address->kind, ==, EXG_AUTODISCOVER_REDIRECT_ADDRESS);
        g_assert_cmpstr(address->target, ==, "b@other.example");
        g_autoptr(ExgAutodiscoverAnswer)
            elsewhere = answer_fault(f, lead, forms[i].path, forms[i].body, forms[i].reader);
        g_assert_cmpint(elsewhere->kind, ==, EXG_AUTODISCOVER_REDIRECT_URL);
        g_assert_cmpstr(elsewhere->target, ==, url);
    }
    g_autoptr(ExgAutodiscoverAnswer) busy = answer_fault(f, "on Autodiscover do code ServerBusy",
                                                         forms[0].path, soap, forms[0].reader);
    g_assert_cmpint(busy->kind, ==, EXG_AUTODISCOVER_BUSY);
    g_assert_null(answer_fault(f, lead, "/autodiscover/autodiscover.json/v1.0/" ADDRESS, NULL,
                               exg_autodiscover_json_read));
    g_assert_nonnull(strstr(f->answer.headers->str, url));
    /* what is none of its faults is left to others */
    const ExgSimFault stall = {.action = EXG_SIM_STALL};
    g_assert_false(exg_sim_autodiscover_answer_fault(&stall, &f->request, &f->answer));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
#define ADD(name, function)                                                                        \
    g_test_add("/exchange-sim/autodiscover/" name, Fixture, NULL, set_up, function, tear_down)
    ADD("soap", test_soap);
    ADD("soap-refusals", test_soap_refusals);
    ADD("pox", test_pox);
    ADD("json", test_json);
    ADD("paths", test_paths);
    ADD("faults", test_faults);
    return g_test_run();
}
