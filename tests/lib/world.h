/* world.h - a world for discoveries: a web of contoso.example, an engine, and options for both.
 *
 * Threads:  the test's, which is the engine's.
 */
#ifndef TESTS_LIB_WORLD_H
#define TESTS_LIB_WORLD_H

#include "common/autodiscover/discovery.h"
#include "common/base/error.h"
#include "tests/lib/web.h"

#define DOMAIN   "contoso.example"
#define HOST     "autodiscover." DOMAIN
#define ADDRESS  "ann@" DOMAIN
#define EWS      "https://mail." DOMAIN "/EWS/Exchange.asmx"
#define PATIENCE 10000
#define SOON_MS  8000 /* less than a server that says nothing is waited for */

#define SPACE "http://schemas.microsoft.com/exchange/2010/Autodiscover"
#define SOAP_USER(code, inside)                                                                    \
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>"                   \
    "<GetUserSettingsResponseMessage xmlns=\"" SPACE "\"><Response><ErrorCode>NoError</ErrorCode>" \
    "<UserResponses><UserResponse><ErrorCode>" code "</ErrorCode><ErrorMessage>words"              \
    "</ErrorMessage>" inside "</UserResponse></UserResponses></Response>"                          \
    "</GetUserSettingsResponseMessage></s:Body></s:Envelope>"
#define SOAP_SETTINGS(url)                                                                         \
    SOAP_USER("NoError", "<UserSettings><UserSetting><Name>ExternalEwsUrl</Name><Value>" url       \
                         "</Value></UserSetting></UserSettings>")
#define POX(inside)                                                                                \
    "<Autodiscover xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/responseschema/"     \
    "2006\"><Response xmlns=\"http://schemas.microsoft.com/exchange/autodiscover/outlook/"         \
    "responseschema/2006a\">" inside "</Response></Autodiscover>"
#define POX_SETTINGS(url)                                                                          \
    POX("<Account><AccountType>email</AccountType><Action>settings</Action><Protocol><Type>EXPR"   \
        "</Type><EwsUrl>" url "</EwsUrl></Protocol></Account>")
#define JSON_SETTINGS(url) "{\"Protocol\":\"EWS\",\"Url\":\"" url "\"}"

typedef struct {
    TestIdentity *authority;
    TestWeb *web;
    ExgEngine *engine;
    char *ca_file;
    ExgHttpAuthenticator *authenticator;
    ExgDiscoveryOptions options;
    GString *trace;
    guint asked; /* how often the user was asked */
    const char *approves;
    gint64 deadline_us;
    GCancellable *cancellable;
} World;

void world_init(World *world);
void world_clear(World *world);
/* All that can be done without waiting. */
void world_run(World *world);
#define WORLD                                                                                      \
    World world __attribute__((cleanup(world_clear)));                                             \
    world_init(&world)

/* The hosts of contoso.example, all of which answer 404 as long as there is no rule. */
void world_add_hosts(World *world);
void world_answer_json(World *world, const char *host, const char *body);
void world_answer_soap(World *world, const char *host, const char *body);
void world_answer_pox(World *world, const char *host, const char *body);
void world_answer_status(World *world, const char *host, const char *path, int status);
void world_answer_redirect(World *world, const char *scheme, const char *host, const char *path,
                           const char *to_scheme, const char *target_host, const char *target_path);

/* One discovery. */
typedef struct {
    ExgDiscoveryResult *result;
    GError *error;
    GString *places; /* "NAME: OUTCOME (TROUBLE)" in lines, of a failure */
    gint64 began_us, ended_us;
    bool done;
} Search;

void search_start(World *world, const char *address, Search *search);
/* One round of the engine, of some milliseconds at most. */
void search_round(World *world);
void search_wait(World *world, Search *search);
void search_run(World *world, const char *address, Search *search);
void search_clear(Search *search);
gint64 search_took_ms(const Search *search);
/* It has not waited for a server that says nothing; under valgrind everything takes as long. */
void search_assert_soon(const Search *search);

/* What comes of a discovery of ADDRESS. */
void world_expect(World *world, ExgDiscoveryStep step, const char *endpoint);
void world_expect_error(World *world, ExgErrorCode code, const char *part);
/* The hosts that saw a credential so far. */
void world_expect_trusted(World *world, const char *hosts);

#endif
