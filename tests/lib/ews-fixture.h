/* ews-fixture.h - requests and answers of EWS without a network, for tests of common/ews.
 */
#ifndef TESTS_LIB_EWS_FIXTURE_H
#define TESTS_LIB_EWS_FIXTURE_H

#include "common/ews/answer-private.h"
#include "common/http/body.h"
#include "common/mime/message.h"

#define EWS_TEST_VERSION "Exchange2013_SP1"
#define EWS_TEST_HEAD                                                                              \
    "<?xml version=\"1.0\" encoding=\"utf-8\"?><s:Envelope "                                       \
    "xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "                                       \
    "xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\" "                       \
    "xmlns:m=\"http://schemas.microsoft.com/exchange/services/2006/messages\">"                    \
    "<s:Header><t:ServerVersionInfo MajorVersion=\"15\" MinorVersion=\"2\"/></s:Header><s:Body>"
#define EWS_TEST_TAIL "</s:Body></s:Envelope>"
#define EWS_TEST_SOAP(content) EWS_TEST_HEAD content EWS_TEST_TAIL

/* A message in memory. */
ExgMessage *ews_test_message(const char *content, gsize length);
/* All of a body, read in portions of `room` bytes, with its zero; checks that it is as long as it
 * says. Frees nothing. */
char *ews_test_read_body(ExgHttpBody *body, gsize room);
/* The whole of a request, which is freed. (transfer full) */
char *ews_test_request(ExgHttpBody *body);

/* Validates a request against Exchange's schema; skips the test case if the schema is not there. */
void ews_test_validate(const char *request);
/* A sample from the schema's directory, or NULL, the test case then being skipped. (transfer
 * full) */
char *ews_test_template(const char *name);

/* Reads an answer in one piece. The result, or NULL. */
gpointer ews_test_answer(const ExgEwsOperation *operation, int status, const char *body,
                         gpointer context, GError **error);
/* No answer that has been cut may be a success. */
void ews_test_cut(const ExgEwsOperation *operation, const char *body, gpointer context);

/* The code, the reply it leads to, and that it is fit for a log. */
#define ews_test_assert_error(error, wanted, smtp_code, enhanced)                                  \
    ews_test_check_error((error), (int)(wanted), (smtp_code), (enhanced), G_STRLOC)
void ews_test_check_error(const GError *error, int wanted, int smtp_code, const char *enhanced,
                          const char *where);

#endif
