/* The three protocols' requests and answers: soap.h, pox.h, json.h. */
#include "common/autodiscover/answer-private.h"
#include "common/autodiscover/json.h"
#include "common/autodiscover/pox.h"
#include "common/autodiscover/soap.h"
#include "common/base/error.h"
#include "tests/lib/ews-fixture.h"

#include <string.h>

typedef ExgAutodiscoverAnswer *(*Reader)(const char *text, gsize length, GError **error);

static ExgAutodiscoverAnswer *
read_text(Reader reader, const char *text)
{
    g_autoptr(GError) error = NULL;
    ExgAutodiscoverAnswer *answer = reader(text, strlen(text), &error);
    g_assert_no_error(error);
    return answer;
}

static void
assert_senseless(Reader reader, const char *text, gsize length)
{
    g_autoptr(GError) error = NULL;
    g_assert_null(reader(text, length, &error));
    g_assert_error(error, EXG_ERROR, EXG_ERROR_PROTOCOL);
}

/* Whatever is cut off, it is no answer. */
static void
assert_cuts(Reader reader, const char *text)
{
    for (gsize length = 0; length < strlen(text); length++)
        assert_senseless(reader, text, length);
}

static void
assert_setting(const ExgAutodiscoverAnswer *answer, const char *name, const char *value)
{
    g_assert_cmpstr(exg_autodiscover_answer_get(answer, name), ==, value);
}

/* --- SOAP ------------------------------------------------------------------------------------- */

#define SPACE "http://schemas.microsoft.com/exchange/2010/Autodiscover"
#define SOAP(response)                                                                             \
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Header>"                 \
    "<h:ServerVersionInfo xmlns:h=\"" SPACE "\"><h:MajorVersion>15</h:MajorVersion>"               \
    "<h:MinorVersion>2</h:MinorVersion><h:MajorBuildNumber>2562</h:MajorBuildNumber>"              \
    "<h:MinorBuildNumber>17</h:MinorBuildNumber></h:ServerVersionInfo></s:Header><s:Body>"         \
    "<GetUserSettingsResponseMessage xmlns=\"" SPACE "\" "                                         \
    "xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">" response                              \
    "</GetUserSettingsResponseMessage></s:Body></s:Envelope>"
#define USER(code, inside)                                                                         \
    SOAP("<Response><ErrorCode>NoError</ErrorCode><UserResponses><UserResponse><ErrorCode>" code   \
         "</ErrorCode><ErrorMessage>words</ErrorMessage>" inside                                   \
         "</UserResponse></UserResponses></Response>")
#define SETTING(name, value)                                                                       \
    "<UserSetting i:type=\"StringSetting\"><Name>" name "</Name><Value>" value                     \
    "</Value></UserSetting>"

static void
test_soap_request(void)
{
    gsize length;
    g_autofree char *request = exg_autodiscover_soap_request(
        "https://autodiscover.example.com/autodiscover/autodiscover.svc", "a&b@example.com",
        exg_autodiscover_usual_settings, &length);
    g_assert_cmpuint(length, ==, strlen(request));
    g_assert_nonnull(strstr(request, "<a:Mailbox>a&amp;b@example.com</a:Mailbox>"));
    g_assert_nonnull(strstr(request, "<a:Setting>ExternalEwsUrl</a:Setting>"));
    ews_test_validate(request);
    g_autofree char *all = exg_autodiscover_soap_request("https://x/", "a@b",
                                                         exg_autodiscover_all_settings, &length);
    for (gsize i = 0; exg_autodiscover_all_settings[i] != NULL; i++)
        g_assert_true(i == 0 || strcmp(exg_autodiscover_all_settings[i - 1],
                                       exg_autodiscover_all_settings[i]) < 0);
    g_assert_nonnull(strstr(all, "<a:Setting>UserMSOnline</a:Setting>"));
}

static void
test_soap_settings(void)
{
    static const char full[] = USER(
        "NoError",
        "<RedirectTarget i:nil=\"true\"/><UserSettingErrors><UserSettingError>"
        "<ErrorCode>SettingIsNotAvailable</ErrorCode><SettingName>CasVersion</SettingName>"
        "</UserSettingError></UserSettingErrors><UserSettings>" SETTING(
            "ExternalEwsUrl", " https://mail.example.com/EWS/Exchange.asmx ")
            SETTING("EwsSupportedSchemas",
                    "Exchange2007, Exchange2013_SP1, Exchange2015, Exchange2099")
                SETTING("SomethingNew", "x") SETTING("", "y") SETTING(
                    "Empty", "") "<UserSetting><Name>ExternalImap4Connections</"
                                 "Name><ProtocolConnections><ProtocolConnection>"
                                 "<EncryptionMethod>SSL</EncryptionMethod><Hostname>m</"
                                 "Hostname><Port>993</Port>"
                                 "</ProtocolConnection></ProtocolConnections></UserSetting>"
                                 "<UserSetting><Name>InternalWebClientUrls</"
                                 "Name><WebClientUrls><WebClientUrl>"
                                 "<AuthenticationMethods>Basic, "
                                 "Fba</AuthenticationMethods><Url>https://o/owa</Url>"
                                 "</WebClientUrl></WebClientUrls></UserSetting></UserSettings>");
    g_autoptr(ExgAutodiscoverAnswer) answer = read_text(exg_autodiscover_soap_read, full);
    g_assert_cmpint(answer->kind, ==, EXG_AUTODISCOVER_SETTINGS);
    g_assert_cmpstr(answer->build, ==, "15.2.2562.17");
    g_assert_cmpstr(exg_autodiscover_answer_ews_url(answer, false), ==,
                    "https://mail.example.com/EWS/Exchange.asmx");
    g_assert_cmpstr(exg_autodiscover_answer_ews_url(answer, true), ==,
                    "https://mail.example.com/EWS/Exchange.asmx");
    g_assert_cmpstr(exg_autodiscover_answer_schema(answer), ==, "Exchange2015");
    assert_setting(answer, "SomethingNew", "x");
    assert_setting(answer, "Empty", NULL);
    assert_setting(answer, "AutoDiscoverSMTPAddress", NULL);
    assert_setting(answer, "ExternalImap4Connections", "m:993 SSL");
    assert_setting(answer, "InternalWebClientUrls", "https://o/owa (Basic, Fba)");
    assert_cuts(exg_autodiscover_soap_read, full);
}

static void
test_soap_codes(void)
{
    static const struct {
        const char *answer;
        ExgAutodiscoverKind kind;
        const char *target;
    } cases[] = {
        {USER("RedirectAddress", "<RedirectTarget>r@example.onmicrosoft.com</RedirectTarget>"),
         EXG_AUTODISCOVER_REDIRECT_ADDRESS, "r@example.onmicrosoft.com"},
        {USER("RedirectUrl", "<RedirectTarget> https://x/y </RedirectTarget>"),
         EXG_AUTODISCOVER_REDIRECT_URL, "https://x/y"},
        {USER("RedirectUrl", ""), EXG_AUTODISCOVER_NOT_HERE, NULL},
        {USER("RedirectUrl", "<RedirectTarget> </RedirectTarget>"), EXG_AUTODISCOVER_NOT_HERE,
         NULL},
        {SOAP("<Response><ErrorCode>RedirectAddress</ErrorCode></Response>"),
         EXG_AUTODISCOVER_NOT_HERE, NULL},
        {SOAP("<Response><ErrorCode>RedirectUrl</ErrorCode></Response>"), EXG_AUTODISCOVER_NOT_HERE,
         NULL},
        {USER("InvalidUser", ""), EXG_AUTODISCOVER_NO_USER, NULL},
        {USER("InvalidDomain", ""), EXG_AUTODISCOVER_NOT_HERE, NULL},
        {USER("NotFederated", ""), EXG_AUTODISCOVER_NOT_HERE, NULL},
        {USER("SomethingNew", ""), EXG_AUTODISCOVER_NOT_HERE, NULL},
        {USER("ServerBusy", ""), EXG_AUTODISCOVER_BUSY, NULL},
        {SOAP("<Response><ErrorCode>InternalServerError</ErrorCode></Response>"),
         EXG_AUTODISCOVER_BUSY, NULL},
        {SOAP("<Response><ErrorCode>InvalidRequest</ErrorCode><ErrorMessage>no&#10;users"
              "</ErrorMessage></Response>"),
         EXG_AUTODISCOVER_NOT_HERE, NULL},
        {"<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>"
         "<faultcode>s:Client</faultcode><faultstring>what?</faultstring></s:Fault></s:Body>"
         "</s:Envelope>",
         EXG_AUTODISCOVER_NOT_HERE, NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ExgAutodiscoverAnswer)
            answer = read_text(exg_autodiscover_soap_read, cases[i].answer);
        g_assert_cmpint(answer->kind, ==, cases[i].kind);
        g_assert_cmpstr(answer->target, ==, cases[i].target);
        g_assert_nonnull(answer->code);
        if (answer->message != NULL)
            g_assert_null(strchr(answer->message, '\n'));
    }
    g_assert_cmpstr(exg_autodiscover_code_meaning("InvalidUser"), ==, "there is no such user");
    g_assert_cmpstr(exg_autodiscover_code_meaning("x"), ==, "");
    g_assert_cmpstr(exg_autodiscover_code_meaning(NULL), ==, "");
}

static void
test_soap_senseless(void)
{
    static const char *const texts[] = {
        "",
        "hello",
        "<html/>",
        SOAP(""),
        SOAP("<Response><ErrorCode>NoError</ErrorCode></Response>"),
        "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body/></s:Envelope>",
        "<a><a><a><a/></a></a></a>",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_senseless(exg_autodiscover_soap_read, texts[i], strlen(texts[i]));
    /* https where the schema has http: another namespace. */
    g_autoptr(GString) other = g_string_new(USER("NoError", ""));
    g_string_replace(other, "http://schemas.microsoft.com", "https://schemas.microsoft.com", 0);
    assert_senseless(exg_autodiscover_soap_read, other->str, other->len);
}

/* --- POX -------------------------------------------------------------------------------------- */

#define POX_SPACE "http://schemas.microsoft.com/exchange/autodiscover/"
#define POX(response)                                                                              \
    "<Autodiscover xmlns=\"" POX_SPACE "responseschema/2006\">" response "</Autodiscover>"
#define OUTLOOK(inside)                                                                            \
    POX("<Response xmlns=\"" POX_SPACE "outlook/responseschema/2006a\">" inside "</Response>")

static void
test_pox_request(void)
{
    gsize length;
    g_autofree char *outlook = exg_autodiscover_pox_request("r@example.com",
                                                            EXG_AUTODISCOVER_OUTLOOK, &length);
    ews_test_validate(outlook);
    g_autofree char *phone = exg_autodiscover_pox_request("r@example.com",
                                                          EXG_AUTODISCOVER_MOBILESYNC, &length);
    ews_test_validate(phone);
    g_assert_nonnull(strstr(phone, "mobilesync/requestschema/2006"));
}

static void
test_pox_settings(void)
{
    static const char full[] = OUTLOOK(
        "<User><DisplayName>R</DisplayName><LegacyDN>/o=E</LegacyDN>"
        "<AutoDiscoverSMTPAddress>r@example.com</AutoDiscoverSMTPAddress></User><Account>"
        "<AccountType>email</AccountType><Action>settings</Action>"
        "<Protocol><Type>WEB</Type><EwsUrl>https://wrong/</EwsUrl></Protocol>"
        "<Protocol><Type>EXCH</Type><ServerVersion>73C18A02</ServerVersion>"
        "<EwsUrl>https://inside.example.com/EWS/Exchange.asmx</EwsUrl>"
        "<AuthPackage>Ntlm</AuthPackage></Protocol>"
        "<Protocol><Type>EXPR</Type><TTL>2</TTL><ASUrl>https://mail.example.com/EWS/Exchange.asmx</"
        "ASUrl>"
        "<AuthPackage>Negotiate</AuthPackage></Protocol></Account>");
    g_autoptr(ExgAutodiscoverAnswer) answer = read_text(exg_autodiscover_pox_read, full);
    g_assert_cmpint(answer->kind, ==, EXG_AUTODISCOVER_SETTINGS);
    g_assert_cmpstr(exg_autodiscover_answer_ews_url(answer, false), ==,
                    "https://mail.example.com/EWS/Exchange.asmx");
    g_assert_cmpstr(exg_autodiscover_answer_ews_url(answer, true), ==,
                    "https://inside.example.com/EWS/Exchange.asmx");
    assert_setting(answer, "AutoDiscoverSMTPAddress", "r@example.com");
    assert_setting(answer, "EwsAuthentication", "Negotiate");
    assert_setting(answer, "TtlHours", "2");
    g_assert_cmpstr(answer->build, ==, "15.1.2562");
    assert_cuts(exg_autodiscover_pox_read, full);
    /* EXCH alone is better than nothing; a plain address is not. */
    g_autoptr(ExgAutodiscoverAnswer) inside = read_text(
        exg_autodiscover_pox_read,
        OUTLOOK(
            "<Account><Action>settings</Action><Protocol><Type>EXCH</Type>"
            "<EwsUrl>https://i/</EwsUrl><AuthRequired>off</AuthRequired></Protocol></Account>"));
    g_assert_cmpstr(exg_autodiscover_answer_ews_url(inside, false), ==, "https://i/");
    assert_setting(inside, "EwsAuthentication", "anonymous");
    g_autoptr(ExgAutodiscoverAnswer)
        plain = read_text(exg_autodiscover_pox_read,
                          OUTLOOK("<Account><Action>settings</Action><Protocol><Type>EXPR</Type>"
                                  "<EwsUrl>http://i/EWS</EwsUrl></Protocol></Account>"));
    g_assert_null(exg_autodiscover_answer_ews_url(plain, false));
}

static void
test_pox_codes(void)
{
    static const struct {
        const char *answer;
        ExgAutodiscoverKind kind;
        const char *target;
    } cases[] = {
        {OUTLOOK("<Account><Action>redirectAddr</Action><RedirectAddr>r@x.test</RedirectAddr></"
                 "Account>"),
         EXG_AUTODISCOVER_REDIRECT_ADDRESS, "r@x.test"},
        {OUTLOOK("<Account><Action>redirectUrl</Action><RedirectURL>https://x/</RedirectURL></"
                 "Account>"),
         EXG_AUTODISCOVER_REDIRECT_URL, "https://x/"},
        {POX("<Response><Error Time=\"1\" Id=\"2\"><ErrorCode>600</ErrorCode>"
             "<Message>Invalid Request</Message></Error></Response>"),
         EXG_AUTODISCOVER_NOT_HERE, NULL},
        {POX("<Response><Error><ErrorCode>500</ErrorCode><Message>The e-mail address cannot be "
             "found.</Message></Error></Response>"),
         EXG_AUTODISCOVER_NO_USER, NULL},
        {POX("<Response><Error><ErrorCode>603</ErrorCode></Error></Response>"),
         EXG_AUTODISCOVER_BUSY, NULL},
        {POX("<Response xmlns=\"" POX_SPACE "mobilesync/responseschema/2006\"><Action>"
             "<Redirect>r@y.test</Redirect></Action></Response>"),
         EXG_AUTODISCOVER_REDIRECT_ADDRESS, "r@y.test"},
        {POX("<Response xmlns=\"" POX_SPACE "mobilesync/responseschema/2006\"><Action><Settings>"
             "<Server><Type>MobileSync</Type><Url>https://m/Microsoft-Server-ActiveSync</Url>"
             "</Server></Settings></Action></Response>"),
         EXG_AUTODISCOVER_SETTINGS, NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(ExgAutodiscoverAnswer)
            answer = read_text(exg_autodiscover_pox_read, cases[i].answer);
        g_assert_cmpint(answer->kind, ==, cases[i].kind);
        g_assert_cmpstr(answer->target, ==, cases[i].target);
    }
    static const char *const texts[] = {
        "<html/>",
        POX(""),
        POX("<Response/>"),
        OUTLOOK("<Account/>"),
        OUTLOOK("<Account><Action>redirectAddr</Action></Account>"),
        "<Autodiscover><Response><Error/></Response></Autodiscover>",
    };
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_senseless(exg_autodiscover_pox_read, texts[i], strlen(texts[i]));
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void
test_json(void)
{
    g_autofree char *url = exg_autodiscover_json_url("h.example.com", "a b@example.com", 2);
    g_assert_cmpstr(url, ==,
                    "https://h.example.com/autodiscover/autodiscover.json/v1.0/a%20b@example.com"
                    "?Protocol=EWS&RedirectCount=2");
    static const char good[] =
        "{\"Protocol\":\"EWS\",\"Url\":\"https://mail.example.com/EWS/Exchange.asmx\"}";
    g_autoptr(ExgAutodiscoverAnswer) answer = read_text(exg_autodiscover_json_read, good);
    g_assert_cmpstr(exg_autodiscover_answer_ews_url(answer, false), ==,
                    "https://mail.example.com/EWS/Exchange.asmx");
    assert_cuts(exg_autodiscover_json_read, good);
    g_autoptr(ExgAutodiscoverAnswer) refused = read_text(
        exg_autodiscover_json_read,
        "{\"ErrorCode\":\"ProtocolNotSupported\",\"ErrorMessage\":\"no\\u0007 \\n\"}");
    g_assert_cmpint(refused->kind, ==, EXG_AUTODISCOVER_NOT_HERE);
    g_assert_cmpstr(refused->message, ==, "no");
    g_autoptr(ExgAutodiscoverAnswer)
        pair = read_text(exg_autodiscover_json_read, "{\"Url\":\"\\\\ud800\\ud83d\\ude00\"}");
    assert_setting(pair, "ExternalEwsUrl", "\\ud800\360\237\230\200");
    g_autofree char *deep = g_strnfill(100000, '[');
    const char *const texts[] = {deep, "[]", "{}", "{\"Url\":5}", "{\"Url\":null}", "<html>",
                                 "{\"Url\":\"a\"}{\"Url\":\"b\"}", "var a = {\"Url\":\"a\"}",
                                 /* halves of a surrogate pair are no text */
                                 "{\"Url\":\"\\ud800x\"}", "{\"Url\":\"\\ud8\"}",
                                 "{\"Url\":\"\\udc00\"}", "{\"Url\":\"\\ud83d\\ud83d\"}"};
    for (gsize i = 0; i < G_N_ELEMENTS(texts); i++)
        assert_senseless(exg_autodiscover_json_read, texts[i], strlen(texts[i]));
}

/* --- hosts -------------------------------------------------------------------------------------- */

/* Where parsers of URLs read different hosts, or another one than a person does, there is none. */
static void
test_hosts(void)
{
    static const struct {
        const char *url, *host;
    } rows[] = {
        {"https://mail.example.com/EWS/Exchange.asmx", "mail.example.com"},
        {"HTTPS://Mail.Example.COM/EWS", "mail.example.com"},
        {"https://mail.example.com:8443/EWS", "mail.example.com"},
        {"https://mail.example.com", "mail.example.com"},
        {"https://mail.example.com?x#y", "mail.example.com"},
        {"https://ex_1.example.com/", "ex_1.example.com"},
        {"https://xn--bcher-kva.example/", "xn--bcher-kva.example"},
        {"https://mail.example.com./", "mail.example.com."},
        {"http://mail.example.com/", NULL},
        {"https:mail.example.com/", NULL},
        {"https:///EWS", NULL},
        {"mail.example.com", NULL},
        {"", NULL},
        {" https://mail.example.com/", NULL},
        {"https://mail.example.com:99999/", NULL},
        {"https://192.0.2.1/", NULL},
        {"https://[2001:db8::1]/", NULL},
        {"https://[::1%25eth0]/", NULL},
        {"https://ann@mail.example.com/", NULL},
        {"https://ann:pw@mail.example.com/", NULL},
        {"https://@mail.example.com/", NULL},
        {"https://evil.test\\.example.com/", NULL},
        {"https://evil.test\\@mail.example.com/", NULL},
        {"https://evil.test%2f.example.com/", NULL},
        {"https://evil.test%23.example.com/", NULL},
        {"https://mail%2eexample.com/", NULL},
        {"https://evil.test;.example.com/", NULL},
        {"https://evil.test .example.com/", NULL},
        {"https://evil.test\t.example.com/", NULL},
        {"https://evil.test\xef\xbc\x8f.example.com/", NULL}, /* FULLWIDTH SOLIDUS */
        {"https://evil.test\xe3\x80\x82"
         "example.com/",
         NULL}, /* IDEOGRAPHIC FULL STOP */
        {"https://b\xc3\xbc"
         "cher.example/",
         NULL},
        {"https://b\xfc"
         "cher.example/",
         NULL},
    };
    for (gsize i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *fault;
        g_autofree char *host = exg_autodiscover_https_host(rows[i].url, &fault);
        g_assert_cmpstr(host, ==, rows[i].host);
        g_assert_true((fault == NULL) == (host != NULL));
        g_autoptr(ExgAutodiscoverAnswer)
            answer = exg_autodiscover_answer_new(EXG_AUTODISCOVER_SETTINGS);
        exg_autodiscover_answer_put(answer, "ExternalEwsUrl", rows[i].url);
        if (host == NULL && rows[i].url[0] != ' ')
            g_assert_null(exg_autodiscover_answer_ews_url(answer, false));
    }
}

/* Settings without end, and endless ones. */
static void
test_limits(void)
{
    g_autoptr(ExgAutodiscoverAnswer)
        answer = exg_autodiscover_answer_new(EXG_AUTODISCOVER_SETTINGS);
    g_autofree char *endless = g_strnfill(EXG_AUTODISCOVER_MAX_VALUE_BYTES + 1, 'x');
    exg_autodiscover_answer_put(answer, "Endless", endless);
    assert_setting(answer, "Endless", NULL);
    for (guint i = 0; i < 2 * EXG_AUTODISCOVER_MAX_SETTINGS; i++) {
        g_autofree char *name = g_strdup_printf("Name%u", i);
        exg_autodiscover_answer_put(answer, name, "value");
    }
    g_assert_cmpuint(g_hash_table_size(answer->settings), ==, EXG_AUTODISCOVER_MAX_SETTINGS);
    g_assert_false(
        exg_autodiscover_answer_redirect(answer, EXG_AUTODISCOVER_REDIRECT_URL, endless));
    g_assert_cmpint(answer->kind, ==, EXG_AUTODISCOVER_SETTINGS);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/autodiscover/answer/C2.2,C2.3,C2.5-soap-request", test_soap_request);
    g_test_add_func("/autodiscover/answer/C2.4,C2.9,C2.10-soap-settings", test_soap_settings);
    g_test_add_func("/autodiscover/answer/C2.6,C2.7,C2.8-soap-codes", test_soap_codes);
    g_test_add_func("/autodiscover/answer/C2.6-soap-senseless", test_soap_senseless);
    g_test_add_func("/autodiscover/answer/C10.1-pox-request", test_pox_request);
    g_test_add_func("/autodiscover/answer/C10.3,C10.4,C10.5-pox-settings", test_pox_settings);
    g_test_add_func("/autodiscover/answer/C10.3,C10.6-pox-codes", test_pox_codes);
    g_test_add_func("/autodiscover/answer/C11.2-json", test_json);
    g_test_add_func("/autodiscover/answer/C5-hosts", test_hosts);
    g_test_add_func("/autodiscover/answer/limits", test_limits);
    return g_test_run();
}
