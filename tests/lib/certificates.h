/* certificates.h - certificates made on the spot, for tests.
 *
 * Threads:  any.
 */
#ifndef TESTS_LIB_CERTIFICATES_H
#define TESTS_LIB_CERTIFICATES_H

#include <gnutls/x509.h>
#include <stdbool.h>

typedef struct {
    gnutls_x509_crt_t certificate;
    gnutls_x509_privkey_t key;
} TestIdentity;

/* An authority that signs itself. */
TestIdentity *test_identity_new_authority(const char *name);
/* A server's, for a DNS name or a numeric address, valid from `start` to `end`, seconds from
 * now. */
TestIdentity *test_identity_new_server(const TestIdentity *authority, const char *name, long start,
                                       long end);
void test_identity_free(TestIdentity *identity);
/* Writes the certificate as PEM. */
void test_identity_write(const TestIdentity *identity, const char *path);
/* In DER; (transfer full), to be given to g_free(). */
void *test_identity_der(const TestIdentity *identity, size_t *ret_length);

#endif
