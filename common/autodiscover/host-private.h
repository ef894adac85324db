/* host-private.h - the hosts in what servers say.
 *
 * Threads:  pure functions.
 */
#ifndef EXG_AUTODISCOVER_HOST_PRIVATE_H
#define EXG_AUTODISCOVER_HOST_PRIVATE_H

/* The host of an https address in lower case, or NULL and what is wrong with it. The host that is
 * judged has to be the one that is connected to, whoever parses the address: it must stand there in
 * plain letters. (transfer full) */
char *exg_autodiscover_https_host(const char *url, const char **ret_fault);

#endif
